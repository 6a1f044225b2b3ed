"""How a run was measured: mode, rubric, prices, seeds, versions and costs, as questions and answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.columns import heading

MODES = {
    "rollout": "rollout: each strategy lives with its own answers, and the recorded user messages follow. It shows "
    "what happens when errors and framing carry on. It holds only while the recorded messages still fit what was said.",
    "forced": "forced: every turn starts from the recorded history. It shows how good each tier is one step ahead; it "
    "cannot show that good framing helps later turns.",
    "simulated": "simulated: a simulated user, told the recorded intent and script, replies to each strategy's own "
    "answers. Coherent, but the simulator stands in for the person.",
    "imported": "imported: finished transcripts, as their log has them. Nothing was replayed and nothing was sent. "
    "Where arms met different user words, a difference between them holds what their users said, too.",
}
PAIRED = {
    "paired": "paired by conversation id: a difference is one of the conversations that both arms have",
    "unpaired": "unpaired: no conversation is in two arms, so arms differ in their conversations, too",
}
COSTS = (
    ("warm", "a prefix that the tier has read before is billed at its cached rate, by simulation; the main column"),
    ("cold", "as if nothing was ever cached"),
    ("billed", "the usage that providers reported, at the same prices"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of how a run was measured."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Price:
    """A tier and its price in USD per million tokens; what nobody declared is billed at the rate in brackets."""

    tier: str
    model: str
    input: str
    output: str
    cached: str
    cache_write: str
    ttl: str
    minimum: str


def facts(about: Mapping[str, Json], summary: Mapping[str, Json]) -> tuple[Fact, ...]:
    """Everything that a reader needs to judge the numbers and to make them again."""
    return tuple(_facts(about, summary))


def _facts(about: Mapping[str, Json], summary: Mapping[str, Json]) -> Iterator[Fact]:
    config, dataset, calls = about["config"], about["dataset"], summary["calls"]
    imported = about.get("imported")
    yield Fact("transcripts" if imported else "replay", MODES.get(str(about["mode"]), str(about["mode"])))
    if imported:
        yield from _of_import(about, imported)
    if played := config.get("user"):
        yield Fact("simulated user", _player(played))
    validity = summary["validity"]
    known = validity["value"] is not None
    if not imported:
        yield Fact("replay validity", text.score(validity["value"]) if known else f"n/a: {validity['why']}")
    held = [name for name, holds in dataset["holds"].items() if holds]
    yield Fact(
        "dataset",
        f"{dataset['name']}: {text.counted(len(dataset['conversations']), 'conversation')}, "
        f"{text.counted(dataset['turns'], 'turn')}, sha256 {dataset['digest']}; "
        f"it holds {', '.join(held) or 'messages only'}",
    )
    if not imported or about.get("judged"):
        yield from _grading(about)
    yield Fact("resolved", _resolved(about, summary))
    yield Fact("an unresolved conversation", _unresolved(config, summary))
    yield Fact("intervals", "95 %, over conversations; a quantile's by bootstrap; none below 20 conversations")
    yield Fact(
        "pareto labels",
        "dominated: another strategy is better and cheaper; front: no other can be, pair by pair; tested at 5 % over "
        "all pairs (Holm); undecided: everything else",
    )
    if imported:
        yield Fact("samples", f"at most {config['samples']} of a conversation and arm")
    else:
        yield Fact("samples and seed", f"{text.counted(config['samples'], 'sample')} a turn, seed {config['seed']}")
    yield Fact("pauses between turns", f"as recorded, else {config['gap_s']:g} s (what a cache still holds)")
    prices = about["prices"]
    repriced = about.get("repriced")
    instead = f"; from {repriced['file']}, in place of those with hash {repriced['from_hash']}" if repriced else ""
    when = f"as of {prices['date']}, " if prices["date"] else ""
    yield Fact("prices", f"{when}hash {prices['hash']}{text.one_line(instead)}")
    for name, meaning in COSTS:
        yield Fact(f"{name} cost", meaning)
    made = (
        f"{calls['distinct']:,} distinct calls gave {calls['unshared']:,} answers; {calls['sent']:,} were made for "
        f"this run, {calls['from_store']:,} came from the store{'' if config['sharing'] else '; no sharing'}"
    )
    yield Fact("calls", f"{calls['distinct']:,} messages of models, none asked for here" if imported else made)
    spent = summary["spent_usd"]
    yield Fact("spent by this run", text.spent(spent))
    prompts = ", ".join(f"{name} {_prompt(each)}" for name, each in about["prompts"].items())
    if not imported:
        yield Fact("prompts", prompts or "none")
        yield Fact("files", f"matrix {config['matrix']}; tiers {config['tiers']}")
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    yield Fact("versions", f"ladder-bench {about['version']}; {packages}")
    yield Fact("run", _when(about) + (", offline" if config["offline"] else ""))


def _when(about: Mapping[str, Json]) -> str:
    """When a run began and how long it took; a copy for everybody's eyes may leave that out."""
    if about["started"] is None:
        return "at a time that is left out of this copy"
    return f"{about['started']}, {about['seconds']:g} s"


def _of_import(about: Mapping[str, Json], found: Mapping[str, Json]) -> Iterator[Fact]:
    """Where transcripts are from, how arms may be compared, and where each arm's tokens and prices are from."""
    yield Fact("imported from", text.one_line(f"{about['dataset']['source']} ({found['format']})"))
    yield Fact("design", f"{PAIRED[about['design']]}; {found['common']:,} conversations are in every arm")
    owners = len(set(about["cluster"].values()))
    if owners:
        yield Fact("clusters", f"{text.counted(owners, 'user')} had the conversations")
    for name, arm in found["arms"].items():
        said = (
            f"{text.counted(arm['transcripts'], 'transcript')} of "
            f"{text.counted(arm['conversations'], 'conversation')}, {arm['outcomes']:,} with an outcome; "
            f"model: {arm['model'] or 'not named, or several'}; price from: {arm['price_from'] or 'nowhere'}"
        )
        yield Fact(text.one_line(f"arm {name}"), text.one_line(said))


def _grading(about: Mapping[str, Json]) -> Iterator[Fact]:
    """By which rubrics, by which judges, and how often they were asked the same."""
    weights = ", ".join(f"{name} {text.number(weight)}" for name, weight in about["config"]["weights"].items())
    rubrics = about.get("rubrics") or [about["rubric"]]
    named = "; ".join(_rubric(each) for each in rubrics)
    yield Fact("rubric" if len(rubrics) == 1 else "rubrics", f"{named}; weights: {weights}")
    if judges := about.get("judges"):
        said = ", ".join(f"{each['name']} ({each['model']})" for each in judges)
        several = "; of several a criterion has the word of more than half of those who could tell"
        yield Fact("judge" if len(judges) == 1 else "judges", f"{said}{several if len(judges) > 1 else ''}")
        repeats = about.get("judge_repeats")
        if repeats and repeats["share"]:
            times = text.counted(repeats["times"], "more time")
            yield Fact("asked again", f"{text.percent(repeats['share'])} of the turns, drawn by hash, {times}")


def _rubric(rubric: Mapping[str, Json]) -> str:
    """A rubric with its version; a judge's grader, and with whom it compares, are no checks and are named."""
    how = rubric.get("grader", "checks")
    against = f", compared with {rubric['against']}" if rubric.get("against") else ""
    by = "" if how == "checks" else f" ({how}{against})"
    return text.one_line(f"{rubric['id']}{by} version {rubric['version']}, hash {rubric['hash']}")


def _player(user: Mapping[str, Json]) -> str:
    most = "twice the recorded turns and two" if user["most_turns"] is None else user["most_turns"]
    again = f"asks again about one matter at most {user['patience']} times"
    return f"{user['tier']} ({user['model']}); turns at most: {most}; {again}"


def _resolved(about: Mapping[str, Json], summary: Mapping[str, Json]) -> str:
    if about.get("imported", {}).get("outcomes"):
        return "the outcome that the log has for the transcript"
    if any("resolution" in each.get("metrics", ()) for each in about.get("rubrics") or ()):
        return "as judges say who were asked about the conversation as a whole"
    if summary.get("qpd_rate") == "quality":
        return "nothing defines it: answers were compared, and no criterion was graded; QPD counts Q in its place"
    if about["mode"] == "simulated":
        return "the simulated user left satisfied, and no critical criterion was still missed when they moved on"
    return f"every critical criterion met and Q at least {about['config']['resolved_quality']}"


def _prompt(found: Json) -> str:
    """A prompt's version and hash; older runs have the hash alone."""
    if isinstance(found, str):
        return found
    version = f"version {found['version']}, " if found["version"] is not None else ""
    return f"({version}hash {found['hash']})"


def _unresolved(config: Mapping[str, Json], summary: Mapping[str, Json]) -> str:
    cost = summary["unresolved_cost_usd"]
    if cost is None:
        return f"n/a: the {'first arm' if summary['mode'] == 'imported' else 'strongest tier'} has no cost in this run"
    top = f"the {'first arm among the prices' if summary['mode'] == 'imported' else 'strongest tier'}"
    how = "as declared" if config["unresolved_cost_usd"] is not None else f"ten on {top}, the default"
    return f"costs {text.dollars(cost)} in QPD ({how})"


def prices(about: Mapping[str, Json]) -> tuple[Price, ...]:
    """The price of every tier and judge, for people."""
    found = []
    names = {each["name"] for each in about["tiers"]}
    judges = [each for each in about.get("judges") or () if each["name"] not in names]
    for tier in (*about["tiers"], *judges):
        price = tier["price"]
        if price is None:
            found.append(Price(text.one_line(tier["name"]), text.one_line(tier["model"]), *["n/a"] * 6))
            continue
        found.append(
            Price(
                tier=text.one_line(tier["name"]),
                model=text.one_line(tier["model"]),
                input=_rate(price["input"]),
                output=_rate(price["output"]),
                cached=_rate(price["cached"], "as input"),
                cache_write=_rate(price["cache_write"], "as input"),
                ttl=f"{price['ttl_s']:g} s",
                minimum=f"{price['minimum_prefix']:,}",
            )
        )
    return tuple(found)


def _rate(value: float | None, otherwise: str = "") -> str:
    return otherwise if value is None else text.dollars(value)


def not_measured(summary: Mapping[str, Json]) -> tuple[Fact, ...]:
    """Metrics that no strategy has, by the name they have on the page, each with its reason."""
    return tuple(Fact(heading(each["metric"]), text.one_line(each["why"] or "")) for each in summary["not_measured"])


def dropped(summary: Mapping[str, Json]) -> tuple[Fact, ...]:
    """Strategies that were not run, each with its reason."""
    return tuple(Fact(text.one_line(each["name"]), text.one_line(each["reason"])) for each in summary["dropped"])
