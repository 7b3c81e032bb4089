"""Why: what differs between two runs of a job. It only reads."""

from pipeline.explain.why.why import Why, refuse_pair, why_of
from pipeline.explain.why.why_text import why_json, why_lines

__all__ = ["Why", "refuse_pair", "why_json", "why_lines", "why_of"]
