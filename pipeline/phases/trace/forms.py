"""What a trace can be asked for, and the error of what it cannot."""

from __future__ import annotations

from pipeline.errors import RequestError

FORMS = (
    "name a run id, the gs:// address of a model bundle, predictions file or manifest, a model id or evaluation id (16"
    " hex digits), EVALUATION_ID/metric or EVALUATION_ID/metric/slice=value, or a table project.dataset.table, with"
    " @YYYY-MM-DD for published predictions and id_maps_v1"
)


def unknown(text: str, why: str) -> RequestError:
    """Return the error of a text that names nothing."""
    return RequestError(f"{text}: {why}", hint=FORMS)
