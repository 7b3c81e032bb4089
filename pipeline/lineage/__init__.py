"""Lineage: what a thing was made from, and what it fed, as a graph."""

from pipeline.lineage.graph import Edge, Graph, Node

__all__ = ["Edge", "Graph", "Node"]
