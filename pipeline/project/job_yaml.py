"""The content of `job.yaml`: one ML problem, typed and checked when the file is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, StringConstraints, field_validator, model_validator

from pipeline.base.strict_yaml import Strict, in_words
from pipeline.project.resources import Resources, Schedule
from pipeline.rows.schema import DeclaredColumns, Schema, SourceName, engine_name

LABEL = "label"
"""Column of the labels SQL that examples have, too."""

MOMENT = "example_as_of"
"""Column of the examples with the moment of each row."""

Direction = Literal["higher", "lower"]

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Gate(Strict):
    """Key `gate` of job.yaml.

    Parameters
    ----------
    metric
        Metric of the family by which challengers are judged.
    direction
        Which values are better; optional, because the family knows.
    min_gain
        The mean gain of a window must exceed this, in the metric's units.
    guard_rails
        Metrics that must not get worse, each with its tolerance for the mean of a window, in its own units.
    min_days
        Days of a window.
    max_windows
        Number of windows that a challenger gets against one champion.
    error
        Largest probability that a challenger that is not better is promoted, over all of its windows.
    """

    metric: str
    direction: Direction | None = None
    min_gain: Amount = 0.0
    guard_rails: dict[str, Amount] = {}
    min_days: int = Field(default=7, ge=2, le=365)
    max_windows: int = Field(default=28, ge=1, le=1000)
    error: float = Field(default=0.05, gt=0, lt=0.5)


OBJECT_PATH = in_words(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", "<module>:<function>, such as jobs.churn.sources:write")

ASSET_NAME = in_words(
    r"^[a-z0-9_]+(/[a-z0-9_]+)*_v[1-9][0-9]*$",
    "the name of a SQL file below sql/: folders and <name>_v<N>, of small letters, digits and _",
)

NAME_RULE = "a name of small letters, digits and _, a letter first, at most 40 characters"

NAME = in_words(r"^[a-z][a-z0-9_]{0,39}$", NAME_RULE)

NO_ZONES = ("localtime", "Factory")
"""Files of a zone database that are no zones: the zone of the machine, and of a machine without one."""

VariantName = Annotated[str, StringConstraints(pattern=NAME)]


class Source(Strict):
    """A base table: its columns, and the column with the moment at which a row became known."""

    description: str
    columns: DeclaredColumns = Field(min_length=1)
    known_at: str | None = None

    @model_validator(mode="after")
    def _known_at_is_a_timestamp(self) -> Source:
        if self.known_at and not self.columns.get(self.known_at, "").upper().startswith("TIMESTAMP"):
            raise ValueError(f"known_at: {self.known_at} must be a TIMESTAMP column of the source")
        return self

    @property
    def typed_columns(self) -> Schema:
        """Typed columns."""
        return Schema.parse(self.columns)


class SqlStep(Strict):
    """A versioned SQL asset and the values of its parameters."""

    sql: str = Field(pattern=ASSET_NAME)
    parameters: dict[str, Any] = {}


class Examples(SqlStep):
    """The examples SQL, and which of its rows train a model.

    Parameters
    ----------
    history_days
        Number of past days that it covers before the run date.
    trains_on
        `labelled`: rows of past moments whose labels are known by now. `scored`: the rows to score, without labels,
        for models that learn from behaviour itself, such as recommenders.
    """

    history_days: int = Field(ge=0, le=3660)
    trains_on: Literal["labelled", "scored"] = "labelled"


class Labels(SqlStep):
    """The labels SQL, and the number of days after which labels of a run date are mature."""

    delay_days: int = Field(ge=0, le=365)


class Predictions(Strict):
    """The columns that a model predicts, their version, and the number of shards of a run."""

    version: int = Field(ge=1)
    shards: int = Field(ge=1, le=10_000)  # files of one load job
    columns: DeclaredColumns = Field(min_length=1)

    @model_validator(mode="after")
    def _columns_are_required(self) -> Predictions:
        optional = [column.name for column in self.typed_columns.columns if not column.required]
        if optional:
            raise ValueError(
                f"columns: {optional[0]} must be NOT NULL: a missing prediction would flatter every metric"
            )
        return self

    @property
    def typed_columns(self) -> Schema:
        """Typed columns that a model predicts."""
        return Schema.parse(self.columns)


class Drift(Strict):
    """Distances from the training data above which `run` warns; see docs/drift.md.

    Parameters
    ----------
    psi
        Population stability index, 0 and up.
    jensen_shannon
        Jensen-Shannon distance, 0 to 1.
    missing_rate
        Difference of the shares of missing values, 0 to 1.
    unseen_rate
        Share of categorical values that are not in the training data, 0 to 1.
    label_rate
        Difference of the mean labels, in the label's units.
    """

    psi: float = Field(default=0.2, ge=0, allow_inf_nan=False)
    jensen_shannon: float = Field(default=0.1, ge=0, le=1)
    missing_rate: float = Field(default=0.05, ge=0, le=1)
    unseen_rate: float = Field(default=0.05, ge=0, le=1)
    label_rate: float = Field(default=0.1, ge=0, allow_inf_nan=False)


class Metrics(Strict):
    """Parameters of the metric family's SQL; the header has the defaults."""

    parameters: dict[str, Any] = {}


class JobSpec(Strict):
    """One ML problem run as a scheduled batch; see `jobs/<job>/job.yaml`."""

    description: str
    time_zone: str
    as_of_offset_minutes: int = Field(default=0, ge=0, lt=24 * 60)
    entity: list[str] = Field(min_length=1)
    prediction_key: list[str] = Field(min_length=1)
    example_key: list[str] = []
    family: str = Field(pattern=NAME)
    sources: dict[SourceName, Source] = Field(min_length=1)
    write_sources: str | None = Field(default=None, pattern=OBJECT_PATH)
    write_fixtures: str | None = Field(default=None, pattern=OBJECT_PATH)
    examples: Examples
    labels: Labels
    variants: list[VariantName] = Field(min_length=1)
    baselines: list[VariantName] = []
    predictions: Predictions
    reevaluate_days: int = Field(default=0, ge=0, le=365)
    metrics: Metrics = Metrics()
    weight: str | None = None
    cluster: list[str] = []
    slices: list[str] = []
    headline: list[str] = []
    gate: Gate | None = None
    drift: Drift = Drift()
    schedule: Schedule = Schedule()
    resources: Resources = Resources()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        if name not in available_timezones() or name in NO_ZONES:
            raise ValueError(f"{name!r} is not an IANA time zone such as America/New_York")
        return ZoneInfo(name).key

    @model_validator(mode="after")
    def _names_are_unique(self) -> JobSpec:
        names = self.all_variants
        if len(set(names)) < len(names):
            raise ValueError("variants and baselines name a variant twice")
        if not set(self.entity) <= set(self.prediction_key):
            raise ValueError("entity: every column must be part of prediction_key")
        if not set(self.entity) <= set(self.row_key):
            raise ValueError("entity: every column must be part of example_key")
        if len(set(self.row_key)) < len(self.row_key):
            raise ValueError("example_key names a column twice")
        return self

    @model_validator(mode="after")
    def _names_are_not_the_engines(self) -> JobSpec:
        keys = ("examples", "labels", "predictions", "staged", "keys")
        for key, names, tables in (
            ("prediction_key", self.prediction_key, keys),
            ("example_key", self.example_key, keys),
            ("predictions.columns", self.predictions.columns, ("predictions", "staged")),
        ):
            if name := engine_name(names, *tables):
                raise ValueError(f"{key}: the pipeline itself has a column {name}: choose another name")
        return self

    @model_validator(mode="after")
    def _shared_parameters_agree(self) -> JobSpec:
        mine, theirs = self.examples.parameters, self.labels.parameters
        clash = [name for name in mine if name in theirs and mine[name] != theirs[name]]
        if clash:
            name = clash[0]
            raise ValueError(
                f"parameter {name} is {mine[name]} in examples and {theirs[name]} in labels;"
                " one statement joins both: give it one value or two names"
            )
        return self

    @property
    def row_key(self) -> list[str]:
        """The key of examples and labels: `example_key`, by default the prediction key."""
        return self.example_key or self.prediction_key

    @property
    def all_variants(self) -> list[str]:
        """Names of all trained variants: variants, then baselines."""
        return [*self.variants, *self.baselines]
