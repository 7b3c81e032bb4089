"""Plan: which run dates would run, what that costs, and where each number comes from. It only reads."""

from pipeline.explain.plan.plan import Plan, plan_job

__all__ = ["Plan", "plan_job"]
