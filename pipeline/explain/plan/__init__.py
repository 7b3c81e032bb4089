"""Plan: which run dates would run, what BigQuery would bill for them, and the source of each number. Read-only."""

from pipeline.explain.plan.plan import Plan, plan_job

__all__ = ["Plan", "plan_job"]
