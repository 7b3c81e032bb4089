"""Install the locked packages and the project itself into .venv; do nothing if they are installed.

Usage: python tools/install.py local|dev       (`make demo` needs local, `make test` dev; dev contains local)

pip installs uv by hash; uv installs everything else, because it needs a second and pip half a minute. Two files mark
finished steps: .venv/.base (interpreter and uv) and .venv/.installed (packages and project). Each holds a digest of
its inputs and is written last, so that an interrupted or outdated installation is never used.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

# Settings of pip -> variables of uv, so that both use the mirror and the certificate of pip's settings. They are
# passed on and stored nowhere.
UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
}


def digest(*parts: str | bytes) -> str:
    """Return a digest of texts and file contents."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


def pip_settings(listing: str) -> dict[str, str]:
    """Return the settings in the output of `pip config list`; environment overrides install, and install global."""
    settings: dict[tuple[int, str], str] = {}
    sections = ("global", "install", ":env:")
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in sections:
            settings[sections.index(section), key] = str(ast.literal_eval(value))
    return {key: value for (_, key), value in sorted(settings.items())}


def uv_environment(settings: dict[str, str], environment: dict[str, str]) -> dict[str, str]:
    """Return the environment for uv: the caller's environment, completed by pip's settings."""
    completed = dict(environment)
    for name, variable in UV_VARIABLES.items():
        if name in settings:
            separator = "," if name == "find-links" else " "
            completed.setdefault(variable, separator.join(settings[name].split()))
    if "UV_INDEX" in completed:  # hashes decide which file is right, so any index may provide it
        completed.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return completed


def uv_flags(settings: dict[str, str], environment: dict[str, str]) -> tuple[list[str], list[str]]:
    """Return the flags without a variable of uv: those of every call, and those of the call for the packages."""
    every = ["--quiet", *(["--no-index"] if "no-index" in settings else [])]
    # If Python may not write bytecode, every start of the pipeline would compile all its imports again.
    packages = ["--compile-bytecode"] if "PYTHONDONTWRITEBYTECODE" in environment else []
    return every, packages


class Installation:
    """The virtual environment of one checkout.

    Parameters
    ----------
    root
        Folder of the checkout.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.uv = self.venv / "bin" / "uv"
        self.base_mark = self.venv / ".base"
        self.installed_mark = self.venv / ".installed"

    def read(self, name: str) -> bytes:
        """Return the content of a file of the checkout."""
        return (self.root / name).read_bytes()

    def base_key(self) -> str:
        """Return the digest of the base's inputs, with the path, because scripts in .venv contain it."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return digest(str(self.root), version, self.read("requirements/bootstrap.txt"))

    def set_key(self, name: str) -> str:
        """Return the digest of the inputs that decide the packages of a set and the project's installation."""
        files = (f"requirements/{name}.txt", "pyproject.toml", "tools/install.py")
        return f"{name} {digest(self.base_key(), *map(self.read, files))}"

    def base_is_current(self) -> bool:
        """Tell whether interpreter and uv are installed."""
        works = os.access(self.python, os.X_OK)  # false for a link to an interpreter that was removed
        return works and self.base_mark.is_file() and self.base_mark.read_text() == self.base_key()

    def wanted(self, name: str) -> str:
        """Return the set to install; `dev` is kept if it is installed, because it contains `local`."""
        installed = self.installed_mark.read_text() if self.installed_mark.is_file() else ""
        return "dev" if installed.startswith("dev ") else name

    def is_current(self, name: str) -> bool:
        """Tell whether a set is installed."""
        return (
            self.base_is_current()
            and self.installed_mark.is_file()
            and self.installed_mark.read_text() == self.set_key(name)
        )

    def run(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        """Run a command in the checkout; it prints its own errors."""
        subprocess.run([str(part) for part in command], cwd=self.root, env=environment, check=True)

    def make_base(self) -> None:
        """Make a new .venv with uv."""
        if self.venv.exists():
            shutil.rmtree(self.venv)
        self.run(sys.executable, "-m", "venv", self.venv)
        pip = (self.python, "-m", "pip", "-qq", "--disable-pip-version-check")
        self.run(*pip, "install", "--require-hashes", "-r", "requirements/bootstrap.txt")
        self.base_mark.write_text(self.base_key())

    def settings(self) -> dict[str, str]:
        """Return the settings of pip from its files and the environment."""
        listing = [str(self.python), "-m", "pip", "config", "list"]
        return pip_settings(subprocess.run(listing, capture_output=True, text=True, check=True).stdout)

    def install(self, name: str) -> None:
        """Install exactly the packages in the lock of a set, and the project itself as editable."""
        self.installed_mark.unlink(missing_ok=True)
        settings = self.settings()
        environment = uv_environment(settings, dict(os.environ))
        every, packages = uv_flags(settings, environment)
        flags = ("--python", str(self.python), *every)
        lock = f"requirements/{name}.txt"
        hashes = ("--require-hashes", "--build-constraints", lock, "--require-build-hashes")
        self.run(self.uv, "pip", "sync", *flags, *packages, *hashes, lock, environment=environment)
        project = ("--no-deps", "--no-build-isolation", "--editable", ".")
        self.run(self.uv, "pip", "install", *flags, *project, environment=environment)
        self.installed_mark.write_text(self.set_key(name))

    def ensure(self, name: str) -> None:
        """Install a set unless it is installed; a lock allows one call at a time for the checkout."""
        folder = os.open(self.root, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        try:
            name = self.wanted(name)
            if self.is_current(name):
                return
            start = time.monotonic()
            print(f"install: packages of requirements/{name}.txt into .venv", flush=True)
            if not self.base_is_current():
                self.make_base()
            self.install(name)
            print(f"install: done in {time.monotonic() - start:.0f} s", flush=True)
        finally:
            os.close(folder)


def main() -> int:
    """Install the set that the command line names."""
    installation = Installation(Path(__file__).resolve().parent.parent)
    try:
        match sys.argv[1:]:
            case ["local" | "dev" as name]:
                installation.ensure(name)
            case _:
                print("usage: python tools/install.py local|dev", file=sys.stderr)
                return 2
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd[:4]))
        print(f"install: `{command} ...` failed: fix the error above, and run it again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
