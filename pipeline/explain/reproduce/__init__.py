"""Reproduce: train a model again from its bundle and compare the two, item by item. Nothing is published."""

from pipeline.explain.reproduce.compose import Reproduction, reproduce, reproduction_json, reproduction_lines

__all__ = ["Reproduction", "reproduce", "reproduction_json", "reproduction_lines"]
