"""Banners about judges: what must be known before a judged number is believed. One cause and one hint each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ladder_bench.analyse.preference import meaning
from ladder_bench.domain import Json

UNSCORED = 0.02  # of the criteria; the same bound that a gate has
UNREAD = 0.02  # of a judge's replies
FLIPS = 0.10  # of pairs of readings
FEWEST = 3  # criteria that set strategies apart; fewer are chance
AGREE = {"criteria": 0.8, "preference": 0.6}  # raw; people prefer the same in 63 %, ties counted (arXiv 2306.05685)
BY_ORDER = 0.35  # of comparisons; GPT-4 said otherwise in the other order in 35 % (arXiv 2306.05685)
MISQUOTED = 0.05  # of the quotes
MOST_NAMES = 4
UNREADABLE = ("not_json", "truncated", "empty", "refused", "missing_field", "extra_field", "wrong_value")
TOLD = ("cannot_assess", "judges_disagree")  # why there is no value, though everybody was heard
HINTS = {
    "cannot_assess": "the rubric may ask for what judges are not shown",
    "judges_disagree": "with an odd number of judges there is a majority",
    "truncated": "raise the judge's max_output_tokens",
    "refused": "another judge may answer",
    "empty": "raise the judge's max_output_tokens, or name another judge",
}
OF_FORM = "where its provider can, 'json_output: schema' holds a judge to the form"
NO_REPLY = "'ladder-bench judge RUN' asks again, and only for what is missing"


def banners(summary: Mapping[str, Json]) -> Iterator[str]:
    """What a reader must know of the judges of a run; nothing where nobody judged."""
    if means := meaning(summary["preference"]):
        yield f"{means[0].lower()}{means[1:-1]}; resolved has no meaning then{_qpd(summary)}"
    found = summary["judging"]
    if found:
        yield _uncalibrated(found)
    yield from _kin(summary["kinships"], summary["base"])
    if found:
        yield from _unscored(found)
        yield from _unread(found)
        yield from _unsteady(found)
        yield from _misquoted(found)


def words(outcomes: Mapping[str, int], most: int = 3) -> str:
    """Why there is no value, the commonest reason first: "not json 5, truncated 2"."""
    parts = [f"{name.replace('_', ' ')} {count:,}" for name, count in Counter(outcomes).most_common()]
    left = sum(outcomes.values()) - sum(count for _, count in Counter(outcomes).most_common(most))
    return ", ".join(parts[:most]) + (f" and {left} for other reasons" if left > 0 else "")


def _qpd(summary: Mapping[str, Json]) -> str:
    return ", and QPD counts Q in its place" if summary["qpd_rate"] == "quality" else ""


def _uncalibrated(found: Mapping[str, Json]) -> str:
    names = _named([f"'{each['name']}'" + _model(each) for each in found["judges"]])
    one = len(found["judges"]) == 1
    pairs_alone = all(each.get("grader") == "pairwise" for each in found["rubrics"])
    hint = "judge sample RUN' draws what people should label"
    if pairs_alone:  # which people cannot label here
        hint = "judge selftest' shows what it sees"
    return (
        f"{'judge' if one else 'judges'} {names} {'has' if one else 'have'} not been calibrated against people: nobody "
        f"knows how often a verdict is right; 'ladder-bench {hint}"
    )


def _model(judge: Mapping[str, Json]) -> str:
    return f" ({judge['model']})" if judge["model"] and judge["model"] != judge["name"] else ""


def _kin(kinships: Sequence[Mapping[str, Json]], base: str | None) -> Iterator[str]:
    for each in kinships:
        is_judge, several = each["role"] == "judge", len(each["who"]) > 1
        who = f"{'judge' if is_judge else 'criteria by'}{'s' if is_judge and several else ''}"
        are = "is" if is_judge and not several else "are"
        what = f"{who} {_quoted(each['who'])} {are} of the family ({each['family']}) of {_quoted(each['tiers'])}"
        without = "without it" if is_judge and not several else "without them"
        if each["why"]:
            yield f"{what} and may favour it: {each['why']}"
        elif each["changes"]:
            yield f"{what} and may favour it: {without} the conclusion changes for {_named(each['changes'])}"
        else:
            yield f"{what} and may favour it: {without} every conclusion against {base} stays"


# --- what has no value ---------------------------------------------------------------------


def _unscored(found: Mapping[str, Json]) -> Iterator[str]:
    count, whole = sum(found["unscored"].values()), found["criteria"]
    if count > UNSCORED * whole:
        yield (
            f"{count:,} of {whole:,} judged criteria have no value ({words(found['unscored'])}): unscored, not wrong; "
            f"{_hint(found['unscored'])}"
        )
    apart = [each for each in found["uneven"] if each["most"]["unscored"] - each["least"]["unscored"] >= FEWEST]
    if not apart:
        return
    worst = max(apart, key=lambda each: _share(each["most"]) - _share(each["least"]))
    sides = (
        f"{worst[side]['unscored']:,} of {worst[side]['criteria']:,} in {worst[side]['strategy']}"
        for side in ("most", "least")
    )
    more = (
        f" (and {len(apart) - 1} other)" if len(apart) == 2 else f" (and {len(apart) - 1} others)" if apart[2:] else ""
    )
    yield (
        f"unscored unevenly: of rubric '{worst['rubric']}'{more} {', '.join(sides)}; what is left may be the "
        "easier part of one of them"
    )


def _share(side: Mapping[str, Json]) -> float:
    return float(side["unscored"] / side["criteria"])


def _hint(outcomes: Mapping[str, int]) -> str:
    outcome = max(outcomes, key=lambda name: outcomes[name])
    return HINTS.get(outcome, OF_FORM if outcome in UNREADABLE else NO_REPLY)


def _unread(found: Mapping[str, Json]) -> Iterator[str]:
    """Of several judges: those whose silence the others cover. One judge's is what is unscored."""
    for judge in found["judges"] if len(found["judges"]) > 1 else ():
        silent = {name: count for name, count in judge["unscored"].items() if name not in TOLD}
        count, whole = sum(silent.values()), judge["criteria"]
        if count > UNREAD * whole:
            yield (
                f"judge '{judge['name']}' could not be read on {count:,} of {whole:,} criteria ({words(silent)}); "
                f"{_hint(silent)}"
            )


# --- how far they can be relied on ---------------------------------------------------------


def _unsteady(found: Mapping[str, Json]) -> Iterator[str]:
    flips = {name: each["flip_rate"]["value"] or 0.0 for name, each in found["repeats"].items()}
    if flipping := _shares({name: rate for name, rate in flips.items() if rate > FLIPS}):
        yield (
            f"judges that change their mind: asked the same again, {flipping} of their verdicts differ; several "
            "judges, or steadier ones, make less noise"
        )
    placed = {name: each["share"]["value"] or 0.0 for name, each in found["order"].items()}
    if placing := _shares({name: share for name, share in placed.items() if share > BY_ORDER}):
        yield (
            f"judges that prefer a place: shown two answers the other way round, {placing} of their preferences differ "
            "and count as ties; ties show little then"
        )
    for each in found["agreement"]:
        raw = each["raw"]["value"]
        if raw is not None and raw < AGREE[each["of"]]:
            what = "preferences" if each["of"] == "preference" else "criteria"
            first, second = each["judges"]
            yield (
                f"judges '{first}' and '{second}' disagree: they say the same of {raw:.0%} of {each['items']:,} "
                f"{what}; labels by people tell who is right"
            )


def _shares(rates: Mapping[str, float]) -> str:
    """Rates with whose they are: 11.2% ('strict')."""
    return _named([f"{rate:.1%} ('{name}')" for name, rate in rates.items()])


def _misquoted(found: Mapping[str, Json]) -> Iterator[str]:
    quotes = found["quotes"]
    if quotes and quotes["quotes"] - quotes["found"] > MISQUOTED * quotes["quotes"]:
        missing = quotes["quotes"] - quotes["found"]
        yield (
            f"{missing:,} of {quotes['quotes']:,} quotes that judges gave as evidence do not stand in the answer: they "
            "may have judged what was not said; read some in the conversations below"
        )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}"


def _quoted(names: Sequence[str]) -> str:
    return _named([f"'{name}'" for name in names])
