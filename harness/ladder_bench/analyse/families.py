"""Families: judges and authors that come from the same maker's models as a tier, and what follows without them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import estimates
from ladder_bench.analyse.against import conclusion
from ladder_bench.analyse.judgements import Judged, judges
from ladder_bench.analyse.metrics import Scores, comparable, paired
from ladder_bench.domain import Estimate, Json

FAMILIES = {  # what a model's name holds; the first that fits
    "claude": r"claude",
    "deepseek": r"deepseek",
    "gpt": r"\bgpt-oss|(?<![a-z])(?:chat)?gpt-?(?!neo|j\b)\d|(?<![a-z])gpt\b(?!-?(?:neo|j))|^o[1-9](?:$|-)|\bdavinci",
    "gemini": r"gemini|gemma|\bpalm\b",
    "llama": r"(?<![a-z])(?:code|tiny|meta-?)?llama(?!\.?cpp|-server)",
    "mistral": r"mistral|mixtral|codestral|ministral|magistral|devstral|pixtral",
    "qwen": r"qwen|(?<![a-z])qwq",
    "grok": r"grok",
    "phi": r"(?<![a-z])phi-?\d",
    "smollm": r"smollm",
    "command": r"(?<![a-z])command(?![a-z])|c4ai|(?<![a-z])aya-",
    "nova": r"(?<![a-z])nova-",
    "granite": r"granite",
    "glm": r"(?<![a-z])glm-?\d",
    "kimi": r"kimi",
}
_FAMILIES = {name: re.compile(pattern) for name, pattern in FAMILIES.items()}
RECORDED = "recorded"
ALONE = "no other judge was asked, so what it favours cannot be told from what is better"
NO_OTHERS = "every conversation is of that author, so what it favours cannot be told from what is better"
NO_BASE = "no strategy to compare with has a quality"


def family(model: str | None) -> str | None:
    """The family of a model from its id, None where the name says none: a provider alone says nothing."""
    *before, name = (model or "").lower().replace("_", "-").split("/")
    for part in (name, *reversed(before[1:])):
        for found, pattern in _FAMILIES.items():
            if pattern.search(part):
                return found
    return None


@dataclass(frozen=True, slots=True)
class Kin:
    """Judges, or an author of criteria, of the family of some tiers. `role`: judge or author."""

    role: str
    who: tuple[str, ...]
    tiers: tuple[str, ...]
    family: str


@dataclass(frozen=True, slots=True)
class Authors:
    """Who wrote what: names by family with their conversations, and the families behind recorded answers."""

    by_family: Mapping[str, Mapping[str, frozenset[str]]]
    recorded: frozenset[str]


Rescored = Callable[[Mapping[str, Any]], Sequence[Scores]]  # tables to the scores of all strategies


def kinships(
    about: Json,
    tables: Mapping[str, Any],
    found: Sequence[Judged],
    scores: Sequence[Scores],
    base: str | None,
    rescored: Rescored,
) -> list[Json]:
    """A row for each kinship: every strategy's difference to the base in quality with and without those of the family.

    `why`: the reason where what they favour cannot be separated. `changes`: strategies whose conclusion is another one.
    """
    authors = _authors(about, tables, bool(found))
    tiers = _families_of_tiers(about, authors)
    rows = []
    for kin in _of_judges(judges(about, found), tiers):
        others = {said.judge for each in found for said in each.counted} - set(kin.who)
        if not others:
            rows.append(_row(kin, scores, base, None, ALONE))
            continue
        again = rescored({**tables, "verdicts": _without(tables["verdicts"], found, frozenset(kin.who))})
        rows.append(_row(kin, scores, base, _differences(again, base)))
    everything = sorted(about["dataset"]["conversations"])
    for name, by in authors.by_family.items():
        if name not in tiers:
            continue
        kin = Kin("author", tuple(by), tiers[name], name)
        theirs = frozenset().union(*by.values())
        kept = np.array([each not in theirs for each in everything])
        if not kept.any():
            rows.append(_row(kin, scores, base, None, NO_OTHERS))
        else:
            rows.append(_row(kin, scores, base, _differences(scores, base, kept)) | {"conversations": len(theirs)})
    return rows


def _row(
    kin: Kin, scores: Sequence[Scores], base: str | None, without: Mapping[str, Estimate] | None, why: str | None = None
) -> dict[str, Json]:
    full = _differences(scores, base)
    if not full:
        without, why = None, NO_BASE
    strategies = {name: {"with": asdict(full[name]), "without": asdict(each)} for name, each in (without or {}).items()}
    changes = [name for name, each in (without or {}).items() if conclusion(each) != conclusion(full[name])]
    return {
        "role": kin.role, "who": list(kin.who), "tiers": list(kin.tiers), "family": kin.family,
        "strategies": strategies, "changes": changes, "why": why,
    }  # fmt: skip


# --- who is of which family ----------------------------------------------------------------


def _families_of_tiers(about: Json, authors: Authors) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    used = {step["tier"] for each in about["strategies"] for step in each["steps"]}
    used |= {each["escalation"]["to"] for each in about["strategies"] if each["escalation"]}
    for tier in about["tiers"]:
        if tier["name"] in used:
            names = authors.recorded if tier["model"] == RECORDED else {family(tier["model"]) or tier["model"]}
            for name in sorted(names):
                found[name].append(tier["name"])
    return {name: tuple(tiers) for name, tiers in found.items()}


def _of_judges(known: Mapping[str, str | None], tiers: Mapping[str, tuple[str, ...]]) -> Iterator[Kin]:
    """Judges of a tier's family, or of its very model."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, model in known.items():
        found[family(model) or model or ""].append(name)
    for name, who in found.items():
        if name in tiers:
            yield Kin("judge", tuple(who), tiers[name], name)


def _authors(about: Json, tables: Mapping[str, Any], judged: bool) -> Authors:
    """From the conversations as the run keeps them; read only where they name an author, or who was recorded."""
    import pyarrow.compute as pc

    table = tables.get("conversations")
    by: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    recorded: set[str] = set()
    if table is None or not table.num_rows:
        return Authors({}, frozenset())
    if not judged or not any(tier["model"] == RECORDED for tier in about["tiers"]):
        table = table.filter(pc.match_substring(table["body"], '"author":'))
    for row in folder.rows_of(table):
        body = json.loads(row["body"])
        models = {turn["recorded"]["model"] for turn in body.get("turns", ()) if turn.get("recorded")}
        recorded |= {name for model in models if model and (name := family(model))}
        if author := body.get("author"):
            by[family(str(author)) or str(author)][str(author)].add(row["id"])
    return Authors(
        {name: {who: frozenset(ids) for who, ids in sorted(each.items())} for name, each in sorted(by.items())},
        frozenset(recorded),
    )


# --- with and without them -----------------------------------------------------------------


def _differences(
    scores: Sequence[Scores], base: str | None, kept: np.ndarray[Any, np.dtype[np.bool_]] | None = None
) -> dict[str, Estimate]:
    """Every strategy's difference in quality to the base, over the conversations that are kept."""
    by_name = {score.strategy: score for score in scores}
    if base is None:
        return {}
    found = {}
    for name, score in by_name.items():
        if name == base:
            continue
        if kept is None:
            found[name] = paired(score, by_name[base], "quality")
        else:
            first, second = comparable(score, by_name[base], "quality")
            found[name] = estimates.paired(first[kept], second[kept])
    return found


def _without(verdicts: Any, found: Sequence[Judged], names: frozenset[str]) -> Any:
    """The table of verdicts as the other judges alone would have it."""
    instead = {each.place: each.without(names) for each in found if any(one.judge in names for one in each.counted)}
    columns = ["conversation", "strategy", "sample", "rubric", "metric", "target", "turn", "value"]
    values = []
    for row in folder.rows_of(verdicts.select(columns)):
        *place, value = (row[name] for name in columns)
        values.append(instead.get(tuple(place), value))
    return verdicts.set_column(verdicts.column_names.index("value"), "value", folder.column("double", values))
