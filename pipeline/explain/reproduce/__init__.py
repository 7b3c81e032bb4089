"""Reproduce: make a model again from its bundle, and say item by item whether it is the same. Nothing is published."""

from pipeline.explain.reproduce.compose import Reproduction, content_of, reproduce, reproduction_lines

__all__ = ["Reproduction", "content_of", "reproduce", "reproduction_lines"]
