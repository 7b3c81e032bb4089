"""The dashboard page: one self-contained HTML file, made from rows of the dashboard's views."""

from pipeline.explain.dashboard.page import page_from_data
from pipeline.explain.dashboard.series import PageRows

__all__ = ["PageRows", "page_from_data"]
