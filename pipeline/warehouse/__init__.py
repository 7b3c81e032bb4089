"""BigQuery: the only package that talks to it."""

from pipeline.warehouse.warehouse import Warehouse

__all__ = ["Warehouse"]
