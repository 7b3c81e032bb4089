"""Why: what differs between two runs of a job. It only reads."""

from pipeline.explain.why.compose import Why, refuse_pair, why_of
from pipeline.explain.why.lines import content_of, why_lines

__all__ = ["Why", "content_of", "refuse_pair", "why_lines", "why_of"]
