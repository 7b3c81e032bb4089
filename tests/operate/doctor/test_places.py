from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.operate.doctor import places
from pipeline.project.target import local_target


def target_in(location, region="us-central1"):
    return local_target().model_copy(update={"location": location, "region": region})


@pytest.mark.parametrize(
    ("place", "location", "is_inside"),
    [
        ("US", "us", True),
        ("US-CENTRAL1", "US", True),
        ("us-central1", "us-central1", True),
        ("us-central1", "us-east1", False),
        ("US", "us-central1", False),
        ("NAM4", "US", True),
        ("northamerica-northeast1", "US", False),
        ("europe-west1", "EU", True),
        ("europe-west2", "EU", False),
        ("EUR4", "EU", True),
        ("europe-west1", "US", False),
        ("australia-southeast1", "US", False),
    ],
)
def test_regions_inside_a_location(place, location, is_inside):
    assert places.is_inside(place, location) is is_inside


def test_a_dataset_elsewhere_is_an_error():
    assert places.check_dataset_location(target_in("us"), "US") == "US"
    with pytest.raises(
        RequestError, match="EU, and key location of the target file says US: no query finds it - write"
    ):
        places.check_dataset_location(target_in("US"), "EU")


def test_a_bucket_elsewhere_is_an_error_unless_data_is_in_us():
    assert places.check_bucket_location(target_in("EU"), "EUROPE-WEST1") == "EUROPE-WEST1"
    assert places.check_bucket_location(target_in("US"), "EU").startswith(
        "note: EU: loads into US take files from everywhere"
    )
    with pytest.raises(RequestError, match="load jobs refuse its files - name a bucket in EU"):
        places.check_bucket_location(target_in("EU"), "US")


def test_a_region_elsewhere_is_a_note():
    assert places.check_region(target_in("US")) == "us-central1, in US"
    assert places.check_region(target_in("EU")).startswith("note: us-central1 lies outside of EU: every row")
