"""Checks of datasets, bucket, region and sources: whether they exist, and whether their locations go together.

https://cloud.google.com/bigquery/docs/locations: a query finds only datasets of its own location. A load takes files
from the location of its dataset; into the multi-region US it takes files from everywhere. London and Zurich are not
part of EU.
"""

from __future__ import annotations

from pipeline.cloud.storage.rights import BucketFacts
from pipeline.errors import PipelineError, RequestError
from pipeline.operate.deploy import access
from pipeline.operate.deploy.placed import SOFT_DELETE
from pipeline.operate.doctor.needs import Account
from pipeline.operate.doctor.result import (
    BUCKET_SETTINGS,
    LOCATIONS,
    NOTE,
    NOTED,
    OK,
    CheckResult,
    Surroundings,
    failed,
    result_of,
)
from pipeline.operate.sources import mismatch
from pipeline.project.project import Job
from pipeline.project.target import Target
from pipeline.runs.session import Session

PREFIXES = {"US": "us-", "EU": "europe-"}
"""How the names of regions inside a multi-region begin."""

PAIRS = {"US": ("nam4",), "EU": ("eur4", "eur5", "eur7", "eur8")}
"""Pairs of regions inside a multi-region."""

OUTSIDE = ("europe-west2", "europe-west6")


def is_inside(region: str, location: str) -> bool:
    """Tell whether a region, a pair of regions or a multi-region lies in a location."""
    region, location = region.lower(), location.upper()
    if region == location.lower() or region in PAIRS.get(location, ()):
        return True
    prefix = PREFIXES.get(location)
    return prefix is not None and region.startswith(prefix) and region not in OUTSIDE


def check_dataset_location(target: Target, location: str) -> str:
    """Compare a dataset's location with the target's.

    Raises
    ------
    RequestError
        They differ.
    """
    if location.lower() != target.location.lower():
        message = f"{location}, and key location of the target file says {target.location}: no query finds it"
        raise RequestError(message, hint=f"write location: {location}, or make the dataset again in {target.location}")
    return location


def check_bucket_location(target: Target, location: str) -> str:
    """Compare the bucket's location with that of the datasets.

    Raises
    ------
    RequestError
        Load jobs would refuse files from there.
    """
    if is_inside(location, target.location):
        return location
    if target.location.upper() == "US":
        return f"{NOTED}{location}: loads into US take files from everywhere, which costs time and transfer"
    message = f"{location}, and the datasets lie in {target.location}: load jobs refuse its files"
    raise RequestError(message, hint=f"name a bucket in {target.location}")


def check_region(target: Target) -> str:
    """Compare the region of Cloud Run with the location of the data."""
    if is_inside(target.region, target.location):
        return f"{target.region}, in {target.location}"
    message = f"{target.region} lies outside of {target.location}: every row that is read or written crosses regions"
    return f"{NOTED}{message}, which costs time and transfer - set key region to one in {target.location}"


def check_places(account: Account, surroundings: Surroundings) -> list[CheckResult]:
    """Check the datasets and the bucket that an account may see, and the region."""
    target = account.session.target
    results: list[CheckResult] = []
    locations: list[CheckResult] = []
    for name in (need.name for need in account.needs if need.kind == access.DATASET):
        result, location = _check_dataset(account, surroundings, name)
        results.append(result)
        if location:
            locations.append(result_of(f"location of dataset {name}", check_dataset_location, target, location))
    result, bucket = _check_bucket(account, surroundings)
    results.append(result)
    if bucket:
        locations.append(result_of(f"location of {result.check}", check_bucket_location, target, bucket.location))
    results += surroundings.results_of(LOCATIONS, lambda: locations)
    if bucket:
        results += surroundings.results_of(BUCKET_SETTINGS, lambda: _check_settings(target, bucket))
    return [*results, result_of("region", check_region, target)]


def _check_dataset(account: Account, surroundings: Surroundings, name: str) -> tuple[CheckResult, str | None]:
    """Check whether a dataset exists; return the result, and its location."""
    check, target = f"dataset {name}", account.session.target
    try:
        location = account.session.warehouse.rights.location(name)
    except PipelineError as error:
        return failed(check, error), None
    if location is None:
        make = f"bq --location={target.location} mk --dataset {target.project}:{name}"
        return _missing(surroundings, check, make), None
    return CheckResult(check, OK, "exists"), location


def _check_bucket(account: Account, surroundings: Surroundings) -> tuple[CheckResult, BucketFacts | None]:
    """Check whether the bucket exists; return the result, and its settings if the account may see them."""
    target = account.session.target
    check = f"bucket {target.bucket}"
    if not any(grant.kind == access.BUCKET and not grant.when for grant in account.grants):
        return CheckResult(check, NOTE, f"{account.role} sees no settings of it and needs none"), None
    try:
        facts = account.session.store.rights.facts()
    except PipelineError as error:
        return failed(check, error), None
    if facts is None:
        flags = f"--location={target.location} --uniform-bucket-level-access --public-access-prevention"
        return _missing(surroundings, check, f"gcloud storage buckets create gs://{target.bucket} {flags}"), None
    return CheckResult(check, OK, "exists"), facts


def _missing(surroundings: Surroundings, check: str, make: str) -> CheckResult:
    if surroundings.made_by:
        return CheckResult(check, NOTE, f"does not exist yet; {surroundings.made_by}")
    return failed(check, RequestError("does not exist", hint=make))


def _check_settings(target: Target, facts: BucketFacts) -> list[CheckResult]:
    """Compare the settings of a bucket with those that deploy.sh sets."""
    update = f"gcloud storage buckets update gs://{target.bucket}"
    lists = "off: access lists of single objects also grant rights, and managed folders have none"
    public = f"not enforced on the bucket itself - {update} --public-access-prevention"
    deleted = f"deleted objects cannot be restored - {update} --soft-delete-duration={SOFT_DELETE}"
    versions = f"on, but not needed: objects never change - {update} --no-versioning"
    kept, days = facts.soft_delete_seconds > 0, facts.soft_delete_seconds / 86_400
    uniform = RequestError(lists, hint=f"{update} --uniform-bucket-level-access")
    return [
        CheckResult("uniform access", OK, "on") if facts.uniform else failed("uniform access", uniform),
        CheckResult("public access prevention", *((OK, "enforced") if facts.never_public else (NOTE, public))),
        CheckResult("soft delete", *((OK, f"{days:.0f} days") if kept else (NOTE, deleted))),
        CheckResult("versioning", *((NOTE, versions) if facts.versioned else (OK, "off"))),
    ]


def check_sources(account: Account) -> list[CheckResult]:
    """Check each source of the jobs."""
    return [
        result_of(f"source {name} of {job.name}", _check_source, account.session, job, name)
        for job in account.jobs
        for name in job.spec.sources
    ]


def _check_source(session: Session, job: Job, name: str) -> str:
    table, source = session.target.table(name), job.spec.sources[name]
    facts = session.warehouse.tables.facts(table)
    if facts is None:
        raise RequestError(f"{table} does not exist", hint=f"load it with pipeline sources load {job.name}")
    if wrong := mismatch(facts, source.typed_columns):
        hint = f"fix key sources.{name} of {job.folder / 'job.yaml'}, or the table"
        raise RequestError(f"{table} {wrong}", hint=hint)
    return f"{facts.rows:,} rows, with the {len(source.columns)} declared columns"
