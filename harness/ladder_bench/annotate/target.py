"""The target: the file that the drafts go into, beside the dataset. Nothing is overwritten unseen, or half written."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from ladder_bench import content, corpus
from ladder_bench.corpus import hub
from ladder_bench.documents import display
from ladder_bench.errors import InputError

SUFFIXES = (".gz", ".zst", ".jsonl", ".json", ".parquet", ".csv")


def of(dataset: str, suffix: str, wanted: Path | None) -> Path:
    """The file for a dataset's drafts. Raises InputError where none of that name can be written."""
    source = None if dataset.startswith(hub.HUB) else _file(dataset)
    out = wanted or _beside(dataset, source, suffix)
    if source is not None and (out.resolve() == source.resolve() or (out.exists() and out.samefile(source))):
        raise InputError(f"--out: {display(out)} is the dataset itself, which is never overwritten; name another file")
    if not out.name.endswith(suffix):
        raise InputError(
            f"--out: must end with {suffix}, as drafts for this dataset do, not '{content.shortened(out.name)}'"
        )
    folder = out.resolve().parent
    if out.is_dir() or not folder.is_dir():
        raise InputError(f"--out: {display(out)} must be a file in a folder that is there")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"--out: {display(out)}: its folder is read-only for you; name another file")
    return out


def check(out: Path, force: bool) -> None:
    """Raises InputError where a file would be replaced that nobody gave up."""
    if out.exists() and not force:
        name = display(out)
        raise InputError(
            f"{name} is there already, perhaps with reviewed drafts; --review shows them, --out FILE writes elsewhere, "
            "--force replaces it and keeps it under another name"
        )


def write(out: Path, text: str, force: bool) -> Path | None:
    """Write the file whole or not at all; where another one was there, say where that is now. Raises InputError."""
    check(out, force)  # again: models were waited for
    data = text.encode("utf-8")
    path = out.resolve()  # through a link, the file that it leads to
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    kept = None
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # a file that is there after a power cut is whole
        if path.exists() and path.read_bytes() != data:
            kept = _free(path)
            kept.hardlink_to(path)
        draft.replace(path)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}; the replies are stored, and cost nothing the next time"
        raise InputError(f"{display(out)}: {what}") from None
    finally:
        draft.unlink(missing_ok=True)
    return kept


def _free(path: Path) -> Path:
    """A name for the file that is replaced: FILE.1, FILE.2, ..."""
    return next(each for number in count(1) if not (each := path.with_name(f"{path.name}.{number}")).exists())


def _file(dataset: str) -> Path:
    return Path(dataset) if hub.handles(dataset) else corpus.find(dataset)


def _beside(dataset: str, source: Path | None, suffix: str) -> Path:
    """DATASET.annotated.jsonl: beside a user's file; here for what is bundled or on the Hub."""
    if source is None or source.is_relative_to(content.shipped("datasets")):
        return Path(f"{dataset.removeprefix(hub.HUB).replace('/', '-').replace(':', '-')}.annotated{suffix}")
    stem = source.name
    for each in SUFFIXES:
        stem = stem.removesuffix(each)
    return source.with_name(f"{stem}.annotated{suffix}")
