"""Trace: back from a number, file, model or table to the sources, and forward to all that it fed. It only reads."""

from pipeline.explain.trace.lines import trace_text
from pipeline.explain.trace.trace import Trace, trace_of

__all__ = ["Trace", "trace_of", "trace_text"]
