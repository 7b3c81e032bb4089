"""The dashboard page: rows of the dashboard's views in, one self-contained HTML file out."""

from pipeline.dashboard.page import page_from_data
from pipeline.dashboard.rows import PageRows
from pipeline.dashboard.views import page_from_views

__all__ = ["PageRows", "page_from_data", "page_from_views"]
