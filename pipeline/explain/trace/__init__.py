"""Trace: what a number, file, model or table was made from, and what it fed. It only reads."""

from pipeline.explain.trace.trace import Trace, trace_of
from pipeline.explain.trace.trace_text import trace_text

__all__ = ["Trace", "trace_of", "trace_text"]
