"""Parses a Dockerfile into instructions by stage, as far as our Dockerfile needs it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals and the rest of its line."""

    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Words of the rest, without flags."""
        return [word for word in self.rest.split() if not word.startswith("--")]

    @property
    def pairs(self) -> dict[str, str]:
        """Names and values of ENV, ARG or LABEL."""
        return {name: value.strip('"') for name, value in re.findall(r'([\w.-]+)=("[^"]*"|\S*)', self.rest)}

    @property
    def exec_form(self) -> list[str] | None:
        """Words of the rest as a JSON list, or None if a shell runs it."""
        try:
            words = json.loads(self.rest)
        except ValueError:
            return None
        return words if isinstance(words, list) else None


@dataclass(frozen=True)
class Stage:
    """A stage: the instructions after one FROM."""

    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, name: str) -> list[Instruction]:
        """Return the instructions of one name."""
        return [instruction for instruction in self.instructions if instruction.name == name]


def stages_of(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile, without comments and without instructions before the first FROM."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    stages: list[Stage] = []
    for line in filter(str.strip, joined.splitlines()):
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            alias = re.search(r" AS (\S+)$", rest)
            stages.append(Stage(alias[1] if alias else ""))
        elif stages:
            stages[-1].instructions.append(Instruction(name.upper(), rest.strip()))
    return stages
