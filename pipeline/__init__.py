"""A batch machine-learning pipeline on BigQuery and Cloud Storage.

The names below are the public face, for jobs and for scripts. Each is imported when it is first used, so that the
command line starts quickly. Everything else in this package may move.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.model_config import Columns, ModelConfig
    from pipeline.models.id_maps import write_id_map
    from pipeline.phases.predict import predict_from_data
    from pipeline.phases.predict_files import predict_from_path
    from pipeline.phases.train import train_from_data, train_from_path

__version__ = "0.1.0"

__all__ = [
    "Columns",
    "ModelConfig",
    "predict_from_data",
    "predict_from_path",
    "train_from_data",
    "train_from_path",
    "write_id_map",
]

_HOMES = {
    "Columns": "pipeline.model_config",
    "ModelConfig": "pipeline.model_config",
    "predict_from_data": "pipeline.phases.predict",
    "predict_from_path": "pipeline.phases.predict_files",
    "train_from_data": "pipeline.phases.train",
    "train_from_path": "pipeline.phases.train",
    "write_id_map": "pipeline.models.id_maps",
}


def __getattr__(name: str) -> Any:
    """Return a name of the public face from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pipeline' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the names of the module and its public face."""
    return sorted({*globals(), *__all__})
