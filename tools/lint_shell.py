"""Refuse features that macOS lacks in Makefile and shell scripts (GNU Make 3.81, bash 3.2, BSD tools); run ShellCheck.

A script with a comment that starts with `# Linux only` is not checked for these features.

Usage: python -m tools.lint_shell [FILE ...]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.findings import Finding, report
from tools.lint_no_hosts import repository_files
from tools.programs import run_program

SHEBANG = re.compile(rb"#!.*\b(ba|da)?sh\s")
LINUX_ONLY = "# Linux only"

MAKE = {
    "--output-sync: only where .FEATURES has it": r"^(?!.*filter output-sync,\$\(\.FEATURES\)).*--output-sync",
    "!= assigns since make 4.0: use $(shell ...)": r"^[\w.-]+ *!=",
    "::= assigns since make 4.0: use :=": r"^[\w.-]+ *:?::=",
    "a function of make 4": r"\$\((file|guile|let|intcmp) ",
    "a name of make 3.82 or newer": r"^\.(ONESHELL|SHELLFLAGS|RECIPEPREFIX|WAIT|EXTRA_PREREQS|NOTINTERMEDIATE)\b",
    "a directive of make 3.82 or newer": r"^(undefine|private|load) |^define [\w.-]+ *[:?+]?=",
    "grouped targets came with make 4.3": r"^[^\t#].* &:",
    "make 3.81 and newer read # in $(shell ...) differently": r"\$\(shell [^)]*#",
}
BASH = {
    "bash 3.2 has no mapfile": r"\b(mapfile|readarray)\b",
    "bash 3.2 has no associative arrays, references or global declarations": r"\b(declare|local|typeset) -\w*[Ang]",
    "bash 3.2 does not change case": r"\$\{\w+(\[[^]]*\])?(,|\^)",
    "bash 3.2 has no ${x@Q}": r"\$\{[\w@*]+(\[[^]]*\])?@[A-Za-z]\}",
    "bash 3.2 has no negative index": r"\$\{\w+\[-\d",
    "bash 3.2 has no |&, &>>, ;& and ;;&": r"\|&|&>>|;&",
    "bash 3.2 has no [ -v NAME ]": r"\[ -v ",
    "bash 3.2 does not wait for any process": r"\bwait -n\b",
    "bash 3.2 has no coprocesses": r"^\s*coproc\b",
    "bash 3.2 picks no file descriptor": r"\{\w+\}[<>]",
    "bash 3.2 lacks this option": r"\bshopt -s (globstar|lastpipe|inherit_errexit|autocd|dirspell)",
    "bash 3.2 lacks this variable": r"\$\{?(EPOCHSECONDS|EPOCHREALTIME|BASHPID|SRANDOM)\b",
    "bash 3.2 does not format times": r"printf .*%\([^)]*\)T",
}
TOOLS = "cp|mv|rm|ln|ls|mkdir|mktemp|sed|sort|head|tail|cut|tr|wc|touch|du|df|cat"
BSD = {
    "BSD sed: -i needs a suffix, and -r is -E": r"\bsed\b[^|;]* -\w*[ir]",
    "BSD stat has no -c": r"\bstat\b[^|;]* -\w*c",
    "BSD date has no -d, -I, --... or %N": r"\bdate\b[^|;]* (-[dI]|--\w|\+\S*%N)",
    "BSD readlink had no -f, and realpath was missing": r"\breadlink\b[^|;]* -\w*[fem]|\brealpath\b",
    "BSD grep has no -P": r"\bgrep\b[^|;]* -\w*P",
    "BSD xargs has no -d, and no -r": r"\bxargs\b[^|;]* -[dr]",
    "BSD find has no -printf": r"\bfind\b.* -printf",
    "BSD head and tail do not count from the other end": r"\b(head -[nc] ?-|tail -[nc] ?\+0)",
    "BSD base64 has no -w": r"\bbase64\b[^|;]* -w",
    "macOS has no such program": r"(^|[\s;|&(])(timeout|nproc|flock|setsid|tac|sha\d+sum|md5sum|free|shuf|numfmt)\s",
    "macOS has no /proc": r"/proc/",
    "BSD tools have no long options": rf"\b({TOOLS})( -\w+)* --\w",
}


def is_makefile(path: Path) -> bool:
    """Tell whether make reads a file."""
    return path.name == "Makefile" or path.suffix == ".mk"


def is_script(path: Path) -> bool:
    """Tell whether a shell runs a file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return bool(SHEBANG.match(file.readline()))


def check(path: Path) -> Iterator[Finding]:
    """Yield the lines of a Makefile or a script with features that macOS lacks; comments are skipped."""
    text = path.read_text(encoding="utf-8")
    if any(line.startswith(LINUX_ONLY) for line in text.splitlines()):
        return
    rules = {**(MAKE if is_makefile(path) else BASH), **BSD}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            continue
        for message, pattern in rules.items():
            if re.search(pattern, line):
                yield Finding(path.as_posix(), number, message)
    if not is_makefile(path):
        yield from _empty_arrays(path.as_posix(), text)


def _empty_arrays(path: str, text: str) -> Iterator[Finding]:
    """Yield expansions of arrays that may be empty: with `set -u`, bash 3.2 treats them as unbound."""
    for name in sorted(set(re.findall(r"\b(\w+)=\(\)", text))):
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(rf"(?<!\+)\"\$\{{{name}\[[@*]\]\}}", line):
                message = f'bash 3.2 treats an empty array as unbound: write ${{{name}[@]+"${{{name}[@]}}"}}'
                yield Finding(path, number, message)


def main(names: Iterable[str]) -> int:
    """Check the named files, by default Makefile and all scripts of the repository; return the exit code."""
    paths = sorted(map(Path, names)) or sorted(repository_files())
    scripts = [path for path in paths if is_script(path)]
    code = report(finding for path in paths if path in scripts or is_makefile(path) for finding in check(path))
    finished = [str(path) for path in scripts if path.parent.name != "templates"]
    return run_program("shellcheck", *finished) or code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
