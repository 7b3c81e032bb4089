"""Id<->index tables of models: from the bundle into BigQuery, where they say what a row of a matrix stands for."""

from __future__ import annotations

from pipeline.id_maps import ID_MAP
from pipeline.model_files import TrainedModel
from pipeline.phases.load import load_from_uris
from pipeline.runs import Run
from pipeline.statements.id_maps import replace_id_map_statement


def load_id_maps(run: Run, model: TrainedModel) -> None:
    """Load the id<->index tables of a committed model, where it has any.

    Raises
    ------
    CheckError
        An index stands for two ids, or rows are missing.
    """
    for name, rows in model.id_maps.items():
        table, step = run.id_map_table(model.variant, name), f"{run.run_id}-ids-{model.model_id}-{name}"
        uris = [f"{model.uri}/id_maps/{name}.jsonl"] if rows else []
        load_from_uris(run.session, uris, table, ID_MAP, ["index"], step=step, rows=rows)
        run.session.warehouse.tables.label_run_table(table, run.labels("train") | {"model_id": model.model_id})
        statement = replace_id_map_statement(run.session, run.job, run.run_date, table, model.model_id, name)
        run.session.warehouse.execute(statement, step=step, verify=lambda: False)
