"""Commands about models: `models` for the variants and the champion of a job, `model` for one bundle."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import options

if TYPE_CHECKING:
    from pipeline.operate.champions import ChampionChange

app = typer.Typer(
    no_args_is_help=True,
    help="List the variants of a job, and choose its champion.\n\nExample: pipeline models list flight_delay",
    rich_markup_mode=None,
)
model_app = typer.Typer(
    no_args_is_help=True,
    help="Inspect a model bundle.\n\nExample: pipeline model inspect gs://bucket/flight_delay/models/...",
    rich_markup_mode=None,
)

Bundle = Annotated[
    str,
    typer.Argument(metavar="BUNDLE", help="A folder, or a gs:// address as in models[].uri of run --json."),
]
VariantName = Annotated[str, typer.Argument(metavar="VARIANT", help="Name of a variant in job.yaml.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for readers of the champion's history.")]
FromRunDate = Annotated[
    date | None,
    options.date_option(
        "--from", "First run date of the new champion, YYYY-MM-DD; without it the day after the last published one."
    ),
]


@model_app.command()
@options.with_where
def inspect(
    bundle: Bundle,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Verify a bundle and show its contents.

    It shows run, data, SQL, code, libraries and files. No code of the bundle is loaded.

    Example: pipeline model inspect gs://bucket/flight_delay/models/2013-07-01/...
    """
    from pipeline.explain.inspect_model import inspect_model, inspection_lines

    session = where.look_at_addresses(bundle)
    content = inspect_model(bundle, session)
    options.print_content(asdict(content), inspection_lines(content), as_json)


@app.command("list")
@options.with_where
def list_models(
    job: options.JobName,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Show each variant and the history of champions.

    For a variant it shows the role, the newest model and the newest metric.

    Example: pipeline models list flight_delay
    """
    from pipeline.operate.champions import champion_lines, champions_of, list_variants, variants_table

    session, opened = where.open_job(job)
    with session.reporter.working(f"{job} models"):
        variants, spans = list_variants(session, opened), champions_of(session, opened)
    if as_json:
        options.print_json({"job": job, "variants": [asdict(line) for line in variants], "champions": spans})
    else:
        options.print_tables((variants_table(job, variants), "\n".join(champion_lines(job, spans))))


@app.command()
@options.with_where
def promote(
    job: options.JobName,
    variant: VariantName,
    reason: Reason,
    first: FromRunDate = None,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Make a variant the champion from the next run date on.

    Consumers then read its predictions.

    Example: pipeline models promote flight_delay logistic_regression --reason "easier to explain"
    """
    from pipeline.operate.champions import promote_variant

    session, opened = where.open_job(job)
    _print(promote_variant(session, opened, variant, reason, first), as_json)


@app.command()
@options.with_where
def rollback(
    job: options.JobName,
    reason: Reason,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Make the previous champion the champion again.

    It is champion from the next run date on.

    Example: pipeline models rollback flight_delay --reason "predictions of JFK are off"
    """
    from pipeline.operate.champions import roll_back

    session, opened = where.open_job(job)
    _print(roll_back(session, opened, reason), as_json)


def _print(change: ChampionChange, as_json: bool) -> None:
    before = f", after {change.before}" if change.before else ""
    line = f"{change.job}: {change.champion} is champion from {change.from_run_date} on{before}"
    options.print_content(asdict(change), [line], as_json)
