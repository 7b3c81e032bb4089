"""The command line: it parses, calls one function, prints, and maps errors to exit codes; nothing else."""

from pipeline.cli.app import main

__all__ = ["main"]
