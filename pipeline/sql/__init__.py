"""Versioned SQL files: read, checked and rendered into statements."""

from pipeline.sql.catalogue import Asset, Catalogue
from pipeline.sql.identifiers import TableName
from pipeline.sql.render import render
from pipeline.sql.statement import Identifier, Named, Statement

__all__ = ["Asset", "Catalogue", "Identifier", "Named", "Statement", "TableName", "render"]
