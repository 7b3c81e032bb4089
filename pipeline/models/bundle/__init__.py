"""The model bundle: the one folder that reproduces a model."""

from pipeline.models.bundle.info import MODEL_FILE, BundleInfo, read_info, sealed, verify
from pipeline.models.bundle.read import load_verified, using_code
from pipeline.models.bundle.training_data import TrainingData, frame_checksum, stored_training_data
from pipeline.models.bundle.write import NO_JOB, SCORES, Origin, write_bundle, write_model

__all__ = [
    "MODEL_FILE",
    "NO_JOB",
    "SCORES",
    "BundleInfo",
    "Origin",
    "TrainingData",
    "frame_checksum",
    "load_verified",
    "read_info",
    "sealed",
    "stored_training_data",
    "using_code",
    "verify",
    "write_bundle",
    "write_model",
]
