"""Why: what differs between two runs of a job. It only reads."""

from pipeline.phases.why.compose import Why, refuse_pair, why_of
from pipeline.phases.why.content import content_of
from pipeline.phases.why.lines import why_lines

__all__ = ["Why", "content_of", "refuse_pair", "why_lines", "why_of"]
