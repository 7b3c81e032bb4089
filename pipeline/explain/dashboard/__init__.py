"""The dashboard page: one self-contained HTML file, made from rows of the dashboard's views."""
