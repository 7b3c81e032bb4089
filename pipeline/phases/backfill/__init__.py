"""Backfill: predict many run dates, several at a time, then evaluate them in their order."""

from pipeline.phases.backfill.job import Backfill, Failure, backfill_job
from pipeline.phases.backfill.worker import Work

__all__ = ["Backfill", "Failure", "Work", "backfill_job"]
