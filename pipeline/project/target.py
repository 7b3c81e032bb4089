"""A target: the project, datasets and bucket where a run happens, and its endpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from pipeline.base.strict_yaml import Strict, in_words, read_yaml
from pipeline.errors import RequestError
from pipeline.sql.identifiers import DATASET_PART, PROJECT_PART, TableName

LOCAL_PROJECT = "pipeline-local"

RUN_TABLE_DAYS = 30
"""Tables of the runs dataset expire after this many days."""

PROJECT = in_words(
    f"^{PROJECT_PART.pattern}$", "the id of a project: small letters, digits and -, 6 to 30, a letter first"
)

DATASET = in_words(f"^{DATASET_PART.pattern}$", "the name of a dataset: letters, digits and _")

LOCATION = in_words(r"^[A-Za-z][A-Za-z0-9-]{1,62}$", "a location such as EU or europe-west1")

RESERVATION = in_words(
    r"^projects/[a-z0-9.:-]+/locations/[A-Za-z0-9-]+/reservations/[a-z][a-z0-9-]*$",
    "projects/<project>/locations/<location>/reservations/<name>",
)

BUCKET = in_words(
    r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", "the name of a bucket, without gs://: small letters, digits, - _ and ."
)

PREFIX = in_words(
    r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*)?$", "folders of letters, digits, - _ and ., no / at the start or end"
)

PRIORITY = in_words("^(INTERACTIVE|BATCH)$", "INTERACTIVE or BATCH")

LABEL_RULE = "of small letters, digits, - and _, at most 63"

LabelKey = Annotated[
    str,
    StringConstraints(pattern=in_words(r"^[a-z][a-z0-9_-]{0,62}$", f"a billing label {LABEL_RULE}, a letter first")),
]

LabelValue = Annotated[
    str, StringConstraints(pattern=in_words(r"^[a-z0-9_-]{0,63}$", f"the value of a billing label, {LABEL_RULE}"))
]


class Endpoints(Strict):
    """Addresses of the embedded emulators, which replace Google's.

    Parameters
    ----------
    bigquery, storage
        REST endpoints of BigQuery and Cloud Storage, e.g. `http://127.0.0.1:9050`.
    bigquery_storage
        gRPC endpoint, e.g. `127.0.0.1:9060`.
    """

    bigquery: str
    bigquery_storage: str
    storage: str


class Target(Strict):
    """The content of a target file; `endpoints` are set for the local target only.

    Parameters
    ----------
    maximum_bytes_billed
        Bytes above which BigQuery refuses a query before it runs.
    job_timeout
        BigQuery cancels a job after this many seconds; its own limit for a query is six hours.
    priority
        Priority of queries: `BATCH` waits until slots are free.
    reservation
        Slots for queries, `projects/<project>/locations/<location>/reservations/<name>`. By default the project's own
        assignment decides.
    price_per_tib
        Price of a billed TiB, in any currency.
    """

    project: str = Field(pattern=PROJECT)
    location: str = Field(pattern=LOCATION)
    region: str = Field(pattern=LOCATION)
    dataset: str = Field(pattern=DATASET)
    runs_dataset: str = Field(pattern=DATASET)
    ledger_dataset: str = Field(pattern=DATASET)
    dashboard_dataset: str = Field(pattern=DATASET)
    bucket: str = Field(pattern=BUCKET)
    prefix: str = Field(default="", pattern=PREFIX)
    labels: dict[LabelKey, LabelValue] = {}
    maximum_bytes_billed: int | None = Field(default=None, gt=0)
    job_timeout: int = Field(default=3600, gt=0, le=21_600)
    priority: str = Field(default="INTERACTIVE", pattern=PRIORITY)
    reservation: str | None = Field(default=None, pattern=RESERVATION)
    price_per_tib: float | None = Field(default=None, ge=0)
    service_accounts: dict[str, str] = {}
    endpoints: Endpoints | None = Field(default=None, exclude=True)

    @field_validator("prefix")
    @classmethod
    def _no_part_is_dots(cls, prefix: str) -> str:
        if any(part.strip(".") == "" for part in prefix.split("/") if part):
            raise ValueError("a part must not consist of dots: tools that know folders would read it as another folder")
        return prefix

    @property
    def datasets(self) -> list[str]:
        """The names of the four datasets, without repetitions."""
        names = [self.dataset, self.runs_dataset, self.ledger_dataset, self.dashboard_dataset]
        return list(dict.fromkeys(names))

    def table(self, name: str) -> TableName:
        """Return the name of a table in the main dataset."""
        return TableName(self.project, self.dataset, name)

    def run_table(self, name: str) -> TableName:
        """Return the name of a table in the runs dataset."""
        return TableName(self.project, self.runs_dataset, name)

    def dashboard_table(self, name: str) -> TableName:
        """Return the name of a view in the dashboard dataset."""
        return TableName(self.project, self.dashboard_dataset, name)

    def ledger_table(self, name: str) -> TableName:
        """Return the name of a table in the ledger dataset."""
        return TableName(self.project, self.ledger_dataset, name)


LIST_PRICE = 6.25
"""On-demand price of a TiB in the US, in dollars: the local target bills nothing and shows what the cloud would."""


def local_target(endpoints: Endpoints | None = None, project: str = LOCAL_PROJECT) -> Target:
    """Return the target of the embedded emulators; without endpoints it can only name tables and objects."""
    return Target(
        project=project,
        location="US",
        region="us-central1",
        dataset="ml",
        runs_dataset="ml_runs",
        ledger_dataset="ml_ledger",
        dashboard_dataset="ml_dashboard",
        bucket=project,
        price_per_tib=LIST_PRICE,
        endpoints=endpoints,
    )


def read_target(path: Path) -> Target:
    """Return the target of a target file.

    Raises
    ------
    RequestError
        The file is not valid, or has the key `endpoints`.
    """
    target = read_yaml(path, Target)
    if target.endpoints is not None:
        raise RequestError(f"{path}: key endpoints: not allowed in a target file", hint="use --target local")
    return target
