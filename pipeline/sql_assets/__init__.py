"""Versioned SQL files: read, checked and rendered into statements."""

from pipeline.sql_assets.catalogue import Asset, Catalogue
from pipeline.sql_assets.identifiers import TableName
from pipeline.sql_assets.render import render
from pipeline.sql_assets.statement import Identifier, Named, Statement

__all__ = ["Asset", "Catalogue", "Identifier", "Named", "Statement", "TableName", "render"]
