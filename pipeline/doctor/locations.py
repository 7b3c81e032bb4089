"""Locations that go together.

https://cloud.google.com/bigquery/docs/locations: a query finds only datasets of its own location; a load takes files
from where its dataset lies, those of the multi-region US from everywhere. London and Zurich are no part of EU.
"""

from __future__ import annotations

from pipeline.doctor.finding import NOTED
from pipeline.errors import RequestError
from pipeline.target import Target

PREFIXES = {"US": "us-", "EU": "europe-"}
"""How regions inside a multi-region begin."""

OUTSIDE = ("europe-west2", "europe-west6")


def inside(place: str, location: str) -> bool:
    """Tell whether a region, a pair of regions or a multi-region lies in a location."""
    place, location = place.lower(), location.upper()
    if place == location.lower():
        return True
    begins = PREFIXES.get(location)
    pairs = {"US": ("nam4",), "EU": ("eur4", "eur5", "eur7", "eur8")}.get(location, ())
    return (begins is not None and place.startswith(begins) and place not in OUTSIDE) or place in pairs


def dataset(target: Target, location: str) -> str:
    """Compare a dataset's location with the target's."""
    if location.lower() != target.location.lower():
        what = f"{location}, and key location of the target file says {target.location}: no query finds it"
        raise RequestError(what, hint=f"write location: {location}, or make the dataset anew")
    return location


def bucket(target: Target, location: str) -> str:
    """Compare the bucket's location with that of the datasets."""
    if inside(location, target.location):
        return location
    if target.location.upper() == "US":
        return f"{NOTED}{location}: loads into US take files from everywhere, which costs time and transfer"
    what = f"{location}, and the datasets lie in {target.location}: load jobs refuse its files"
    raise RequestError(what, hint=f"name a bucket in {target.location}")


def region(target: Target) -> str:
    """Compare the region of Cloud Run with the location of the data."""
    if inside(target.region, target.location):
        return f"{target.region}, in {target.location}"
    what = f"{target.region} lies outside of {target.location}: every row that is read or written crosses regions"
    return f"{NOTED}{what}, which costs time and transfer - choose a key region in {target.location}"
