"""Locations that go together.

https://cloud.google.com/bigquery/docs/locations: a query finds only datasets of its own location; a load takes files
from where its dataset lies, those of the multi-region US from everywhere. London and Zurich are no part of EU.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.cloud.storage.rights import BucketFacts
from pipeline.errors import RequestError
from pipeline.operate.deploy import access
from pipeline.operate.deploy.placed import SOFT_DELETE
from pipeline.operate.doctor.finding import NOTE, NOTED, OK, Finding, found
from pipeline.operate.doctor.subject import BUCKET_SETTINGS, LOCATIONS, Subject, Surroundings
from pipeline.project.target import Target

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


def look_at_places(subject: Subject, surroundings: Surroundings) -> Iterator[Finding]:
    """Look at the places that an account may see."""
    target = subject.session.target
    where: dict[str, str] = {}
    for name in _named(subject, access.DATASET):
        yield found(f"dataset {name}", _dataset, subject, surroundings, name, where)
    facts: list[BucketFacts] = []
    if any(grant.kind == access.BUCKET and not grant.seldom for grant in subject.grants):
        yield found(f"bucket {target.bucket}", _bucket, subject, surroundings, facts)
    else:
        yield Finding(f"bucket {target.bucket}", NOTE, f"{subject.who} sees no settings of it and needs none")
    where.update({f"bucket {target.bucket}": found_.location for found_ in facts})
    yield from surroundings.where_known(LOCATIONS, lambda: _locations(target, where))
    for seen in facts:
        yield from surroundings.where_known(BUCKET_SETTINGS, lambda seen=seen: _settings(target, seen))  # type: ignore[misc]
    yield found("region", region, target)


def _named(subject: Subject, kind: str) -> list[str]:
    return [need.name for need in subject.needs if need.kind == kind]


def _dataset(subject: Subject, surroundings: Surroundings, name: str, where: dict[str, str]) -> str:
    target = subject.session.target
    location = subject.session.warehouse.rights.location(name)
    if location is None:
        make = f"bq --location={target.location} mk --dataset {target.project}:{name}"
        return _missing(surroundings, make)
    where[f"dataset {name}"] = location
    return "exists"


def _bucket(subject: Subject, surroundings: Surroundings, facts: list[BucketFacts]) -> str:
    target, found_ = subject.session.target, subject.session.store.rights.facts()
    if found_ is None:
        flags = f"--location={target.location} --uniform-bucket-level-access --public-access-prevention"
        return _missing(surroundings, f"gcloud storage buckets create gs://{target.bucket} {flags}")
    facts.append(found_)
    return "exists"


def _missing(surroundings: Surroundings, make: str) -> str:
    if surroundings.made_by:
        return f"{NOTED}does not exist yet; {surroundings.made_by}"
    raise RequestError("does not exist", hint=make)


def _locations(target: Target, where: dict[str, str]) -> Iterator[Finding]:
    for place, location in where.items():
        check = bucket if place.startswith("bucket ") else dataset
        yield found(f"location of {place}", check, target, location)


def _settings(target: Target, facts: BucketFacts) -> Iterator[Finding]:
    """Compare a bucket with the one that deploy.sh makes."""
    update = f"gcloud storage buckets update gs://{target.bucket}"
    yield found("uniform access", _uniform, facts, update)
    public = f"not at the bucket itself - {update} --public-access-prevention"
    deleted = f"deleted objects cannot be restored - {update} --soft-delete-duration={SOFT_DELETE}"
    versions = f"on, and not needed: objects never change - {update} --no-versioning"
    days = facts.soft_delete_seconds / 86_400
    yield _noted("public access prevention", facts.never_public, "enforced", public)
    yield _noted("soft delete", facts.soft_delete_seconds > 0, f"{days:.0f} days", deleted)
    yield _noted("versioning", not facts.versioned, "off", versions)


def _uniform(facts: BucketFacts, update: str) -> str:
    if not facts.uniform:
        what = "off: lists at single objects decide beside roles, and managed folders have no rights"
        raise RequestError(what, hint=f"{update} --uniform-bucket-level-access")
    return "on"


def _noted(check: str, fine: bool, said: str, otherwise: str) -> Finding:  # noqa: FBT001
    return Finding(check, OK if fine else NOTE, said if fine else otherwise)
