"""Baselines: sides as a small committed JSON file. One line a conversation, ids and numbers, no text."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ladder_bench import content
from ladder_bench.analyse import effects, estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.turns import over_samples
from ladder_bench.documents import Document, read_json
from ladder_bench.domain import Estimate, Json, canonical, digest_of
from ladder_bench.errors import InputError
from ladder_bench.prices import Dollars, Natural, PriceShape, Shape, Text, from_snapshot
from ladder_bench.sides.owners import clusters
from ladder_bench.sides.side import CELLS, VALUES, Baseline, Side, short
from ladder_bench.sides.tokens import COUNTS, Line, Tokens

SCHEMA = 1
KIND = "ladder-bench baseline"
MOST_PROBLEMS = 3  # that are told of one file
Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Hashed = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]  # a user, by no name
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SnapshotShape(PriceShape):
    """A price as run.json has it: steps are (tokens, price)."""

    steps: list[Any] = Field([])


class RowShape(Shape):
    id: Text
    quality: list[Share | None]
    resolved: list[Share | None]
    unsupported_per_turn: list[Rate | None]
    first_turn_alignment: Share | None
    constraint_coverage: Share | None
    invalid_turn_share: Share | None
    criteria: Annotated[list[Natural], Field(min_length=2, max_length=2)]
    turns: list[Natural]
    tokens: list[list[list[Natural]] | None]


class StrategyShape(Shape):
    strategy: Text
    estimated: Natural
    answer_characters: Natural | None = None
    summary: dict[str, Any]
    lines: list[list[Any]]
    conversations: list[RowShape]


class BaselineShape(Shape):
    kind: Literal["ladder-bench baseline"]
    schema_: Annotated[int, Field(alias="schema")]
    hash: Text
    version: str
    anchor: bool
    dataset: str
    primary: Text
    simulated: list[str]
    stands_in: str | None
    unresolved_cost_usd: Dollars | None
    unresolved_cost_declared: bool
    models: dict[str, str]
    usd_per_million: dict[str, SnapshotShape]
    judging: dict[str, Any]
    fingerprint: dict[str, Any]
    users: dict[str, Hashed] = Field({})
    strategies: Annotated[list[StrategyShape], Field(min_length=1)]


# --- writing -------------------------------------------------------------------------------


def as_text(baseline: Baseline) -> str:
    """A baseline as its file: the same one for the same run."""
    rows = {name: list(_rows(side)) for name, side in baseline.sides.items()}
    head = _head(baseline)
    head["hash"] = _hash(head, [_strategy(baseline, side, rows[name]) for name, side in baseline.sides.items()])
    parts = []
    for name, side in baseline.sides.items():
        opening = json.dumps(_strategy(baseline, side, []), ensure_ascii=False)[:-2]
        lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows[name])
        parts.append(f"{opening}\n{lines}\n]}}")
    opening = json.dumps(head, ensure_ascii=False, indent=1, allow_nan=False)[:-2]
    return f'{opening},\n "strategies": [\n' + ",\n".join(parts) + "\n]}\n"


def _head(baseline: Baseline) -> dict[str, Json]:
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "hash": "",
        "version": baseline.version,
        "anchor": baseline.anchor,
        "dataset": baseline.dataset,
        "primary": baseline.primary,
        "simulated": list(baseline.simulated),
        "stands_in": baseline.stands_in,
        "unresolved_cost_usd": baseline.unresolved_usd,
        "unresolved_cost_declared": baseline.declared,
        "models": dict(baseline.models),
        "usd_per_million": {name: json.loads(canonical(asdict(price))) for name, price in baseline.prices.items()},
        "judging": baseline.judging,
        "fingerprint": baseline.fingerprint,
        **({"users": dict(baseline.owners)} if baseline.owners else {}),
    }


def _hash(head: Mapping[str, Json], strategies: list[Json]) -> str:
    """Over all that a file says: an edited number is found."""
    said = {name: value for name, value in head.items() if name != "hash"}
    return digest_of(canonical({**said, "strategies": strategies}))[:16]


def _strategy(baseline: Baseline, side: Side, rows: list[Json]) -> dict[str, Json]:
    return {
        "strategy": side.strategy,
        "estimated": side.estimated,
        **({} if side.characters is None else {"answer_characters": side.characters}),
        "summary": _summary(baseline, side),
        "lines": [[line.tier, line.purpose, line.above] for line in side.tokens.lines],
        "conversations": rows,
    }


def _summary(baseline: Baseline, side: Side) -> dict[str, Json]:
    """What a reviewer of a change looks at: means with their intervals, at the prices of the run."""
    cells = dict(side.cells)
    if all(line.tier in baseline.prices for line in side.tokens.lines) and side.tokens.lines:
        cells["cost_usd_warm"] = side.tokens.usd(baseline.prices, side.answered)
    found = {}
    for name, values in cells.items():
        mean = _mean(side, over_samples(values))
        numbers = {key: getattr(mean, key) for key in ("value", "low", "high")}
        found[name] = {key: None if each is None else short(each) for key, each in numbers.items()} | {"n": mean.n}
    return found


def _mean(side: Side, values: Array) -> Estimate:
    """A mean with its interval, by user where there are users."""
    known = ~np.isnan(values)
    if not side.clusters or not known.any():
        return estimates.mean(values)
    whole = effects.of(effects.mean(values[known]))
    return effects.by_cluster(whole, [list(np.array(side.clusters)[known])]).estimate()


def _rows(side: Side) -> Iterator[dict[str, Json]]:
    counts = side.tokens.counts.astype(np.int64)
    for place, name in enumerate(side.conversations):
        yield {
            "id": name,
            **{each: [_number(value) for value in side.cells[each][place]] for each in CELLS},
            **{each: _number(side.values[each][place]) for each in VALUES},
            "criteria": [int(count) for count in side.criteria[place]],
            "turns": [int(count) for count in side.turns[place]],
            "tokens": [
                None
                if np.isnan(side.answered[place, sample])
                else [
                    [line, *map(int, counts[line, place, sample])]
                    for line in range(len(counts))
                    if counts[line, place, sample].any()
                ]
                for sample in range(side.samples)
            ],
        }


def _number(value: float) -> float | int | None:
    """JSON's own: no NaN, and 1 for 1.0."""
    if np.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def write(path: Path, baseline: Baseline) -> int:
    """Write a baseline whole or not at all; its size in bytes. Raises InputError."""
    data = as_text(baseline).encode("utf-8", "replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{content.display(path)}: cannot be written: {error.strerror or error}") from None
    return len(data)


# --- reading -------------------------------------------------------------------------------


def load(path: Path) -> Baseline:
    """Read a baseline. Raises InputError for what is no baseline, a newer one, or one that was edited."""
    if path.is_dir():
        raise InputError(f"{content.display(path)}: is a folder; a baseline is the file that 'baseline update' writes")
    if not content.is_file(path):
        raise InputError(
            f"{content.display(path)}: no such baseline; write one with 'ladder-bench baseline update RUN --out FILE'"
        )
    document = _document(path)
    value = document.value
    if isinstance(value.get("schema"), int) and value["schema"] > SCHEMA:
        raise InputError(
            f"{content.display(path)}: written by a newer ladder-bench (schema {value['schema']}); upgrade to read it"
        )
    try:
        content.parse(BaselineShape, document)
    except InputError as error:
        raise InputError(error.problems[:MOST_PROBLEMS]) from None  # nobody mends such a file line by line
    if value["hash"] != _hash({name: value[name] for name in value if name != "strategies"}, value["strategies"]):
        raise InputError(
            f"{content.display(path)}: is not as it was written (edited or merged by hand); write it again with "
            "'ladder-bench baseline update'"
        )
    try:
        return _baseline(document)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{content.display(path)}: is damaged: {error!r}") from None


def _document(path: Path) -> Document:
    """A baseline's JSON. Raises InputError for any other file, in a line: what is wrong within is its own affair."""
    try:
        document = read_json(path)
    except InputError:
        if is_baseline(path):
            raise
    else:
        if isinstance(document.value, Mapping) and document.value.get("kind") == KIND:
            return document
    raise InputError(f"{content.display(path)}: is no baseline (what 'ladder-bench baseline update' writes)")


def _baseline(document: Document) -> Baseline:
    value = document.value
    owners = value.get("users") or {}
    sides = {each["strategy"]: _side(each, owners) for each in value["strategies"]}
    ids = tuple(sorted(value["fingerprint"]["conversations"]))
    if any(side.conversations != ids for side in sides.values()):
        raise ValueError("its strategies have other conversations than its fingerprint")
    return Baseline(
        sides,
        value["primary"],
        value["fingerprint"],
        {name: from_snapshot(price) for name, price in value["usd_per_million"].items()},
        value["unresolved_cost_usd"],
        value["unresolved_cost_declared"],
        value["dataset"],
        value["version"],
        tuple(value["simulated"]),
        value["judging"],
        value["stands_in"],
        incomplete=False,
        anchor=value["anchor"],
        models=value["models"],
        owners=owners,
    )


def _side(value: Mapping[str, Json], owners: Mapping[str, str]) -> Side:
    rows = value["conversations"]
    lines = tuple(Line(*line) for line in value["lines"])
    samples = len(rows[0]["turns"]) if rows else 1
    counts = np.zeros((len(lines), len(rows), samples, len(COUNTS)))
    answered = np.full((len(rows), samples), np.nan)
    for place, row in enumerate(rows):
        for sample, said in enumerate(row["tokens"]):
            if said is not None:
                answered[place, sample] = 1.0
            for line, *numbers in said or ():
                counts[line, place, sample] = numbers
    return Side(
        value["strategy"],
        tuple(row["id"] for row in rows),
        {name: _array([row[name] for row in rows], (len(rows), samples)) for name in CELLS},
        {name: _array([row[name] for row in rows], (len(rows),)) for name in VALUES},
        answered,
        _array([row["turns"] for row in rows], (len(rows), samples)),
        _array([row["criteria"] for row in rows], (len(rows), 2)),
        Tokens(lines, counts),
        value["estimated"],
        clusters=clusters([row["id"] for row in rows], owners),
        characters=value.get("answer_characters"),
    )


def _array(values: list[Json], shape: tuple[int, ...]) -> Array:
    return np.array(values, dtype=float).reshape(shape)  # None becomes NaN


def anchored(baseline: Baseline) -> Baseline:
    """The same as an anchor: the baseline of a release, which only a person moves."""
    return replace(baseline, anchor=True)


def is_baseline(path: Path) -> bool:
    """Whether a file calls itself a baseline, whole or not."""
    try:
        return f'"kind": "{KIND}"' in path.read_text(encoding="utf-8", errors="replace")[:1000]
    except OSError:
        return False
