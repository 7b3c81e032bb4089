"""What differs in Cloud Run: tasks share the work, entries of a log, attempts that follow each other."""

from pipeline.cloud_run.task import ALONE, ATTEMPT, COUNT, EXECUTION, INDEX, Execution, Task

__all__ = ["ALONE", "ATTEMPT", "COUNT", "EXECUTION", "INDEX", "Execution", "Task"]
