"""Backfill: many run dates, several at a time up to what is evaluated, and then one after the other."""

from pipeline.phases.backfill.dates import Backfill, Failure
from pipeline.phases.backfill.job import backfill_job
from pipeline.phases.backfill.worker import Work

__all__ = ["Backfill", "Failure", "Work", "backfill_job"]
