"""The dashboard page: one self-contained HTML file, made from rows of the dashboard's views."""

from pipeline.explain.dashboard.page import page_from_data
from pipeline.explain.dashboard.series import PageRows
from pipeline.explain.dashboard.views import page_from_views

__all__ = ["PageRows", "page_from_data", "page_from_views"]
