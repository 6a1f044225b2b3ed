"""Judging: who judged, what could not be scored and why, and how far judges can be relied on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladder_bench.analyse.judge_banners import words
from ladder_bench.domain import Json
from ladder_bench.report import preferences, text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, count, grid, number
from ladder_bench.report.preferences import Block

LEVELS = {
    "turn": "each answer", "user_turn": "each user turn", "opening": "the opening", "conversation": "the conversation",
}  # fmt: skip
ASKED = "{judges} asked about {criteria} in {calls}, for {usd} on the evaluation ledger, which no strategy pays for."
LEFT_OUT = (
    "Of these criteria {count} ({share}) have no value: {why}. Unscored is not wrong: every mean leaves them out."
)
AGREEMENT = (
    "What two judges say of the same criteria. Kappa and alpha: agreement beyond chance, low where nearly everything "
    "is met; AC1 is not. Met: what each calls met of the criteria that both judged. None of it says who is right."
)


def blocks(summary: Mapping[str, Json], about: Mapping[str, Json]) -> tuple[Block, ...]:
    """The section, part by part; none where nobody judged. `about`: run.json, which has the words of rubrics."""
    found = summary.get("judging")
    parts: list[Block | None] = []
    if found:
        parts += [_who(found), _unscored(found, summary), _relied_on(found), _kin(summary)]
    parts += [preferences.preference(summary), preferences.own(summary, about)]
    return tuple(each for each in parts if each)


def line(summary: Mapping[str, Json]) -> str | None:
    """What a terminal says of judging, None where nobody judged."""
    found = summary.get("judging")
    if not found:
        return None
    names = text.joined([each["name"] for each in found["judges"]], 4)
    left = sum(found["unscored"].values())
    unscored = f"; {left:,} unscored ({words(found['unscored'], 1)})" if left else ", every one with a value"
    return f"judged: {_criteria(found['criteria'])} by {names}{unscored}"


def _criteria(count: int) -> str:
    return text.counted(count, "criterion", "criteria")


# --- who was asked what --------------------------------------------------------------------


def _who(found: Mapping[str, Json]) -> Block:
    judges = found["judges"]
    said = ASKED.format(
        judges=f"{text.counted(len(judges), 'judge')} {'was' if len(judges) == 1 else 'were'}",
        criteria=_criteria(found["criteria"]),
        calls=text.counted(found["calls"]["distinct"], "distinct call"),
        usd=text.spent(sum(each["usd"] for each in judges)),
    )
    grids = (
        grid(
            "judges",
            "Who judged. Criteria are counted as strategies have them: what two share counts twice. Put right: replies "
            "that could be read at the second attempt.",
            ("judge", "model", "family", "criteria", "without a value", "why", "put right", "calls", "USD"),
            [_judge(each) for each in judges],
        ),
        grid(
            "rubrics",
            "What was asked.",
            ("rubric", "version", "about", "for", "criteria", "without a value", "why"),
            [_rubric(each) for each in found["rubrics"]],
        ),
    )
    return Block("", (said,), tuple(each for each in grids if each))


def _judge(judge: Mapping[str, Json]) -> Row:
    return Row(
        judge["name"],
        (
            Words(judge["model"] or "not known"),
            Words(judge["family"] or "not known"),
            count(judge["criteria"]),
            *_without(judge),
            count(judge["repaired"]),
            count(judge["calls"]),
            number(judge["usd"], "usd"),
        ),
    )


def _rubric(rubric: Mapping[str, Json]) -> Row:
    version = f"{rubric['version']}, hash {rubric['hash']}" if "version" in rubric else "not known"
    about = LEVELS.get(rubric.get("level", ""), "")
    return Row(
        rubric["id"],
        (
            Words(version),
            Words(f"{about}, compared" if rubric.get("grader") == "pairwise" else about),
            Words(text.joined([each.replace("_", " ") for each in rubric.get("metrics", ())], 4)),
            count(rubric["criteria"]),
            *_without(rubric),
        ),
    )


def _without(found: Mapping[str, Json]) -> tuple[Words, Words]:
    """How many have no value, as a share too, and why."""
    left = sum(found["unscored"].values())
    if not left:
        return Words("none"), Words()
    return Words(f"{left:,} ({text.percent(left / found['criteria'])})"), Words(words(found["unscored"], 4))


# --- what has no value ---------------------------------------------------------------------


def _unscored(found: Mapping[str, Json], summary: Mapping[str, Json]) -> Block | None:
    left = sum(found["unscored"].values())
    if not left:
        return None
    controls = {each["name"]: bool(each["controls"]) for each in summary["strategies"]}
    said = LEFT_OUT.format(
        count=f"{left:,}", share=text.percent(left / found["criteria"]), why=words(found["unscored"], 6)
    )
    made = grid(
        "unscored",
        "Criteria without a value by strategy. Where one has more of them, what is left of it may be the easier part.",
        ("strategy", "criteria", "without a value", "why"),
        [
            Row(
                name,
                (count(each["criteria"]), Value(each["share"], "share"), Words(words(each["unscored"], 6) or "none")),
                controls.get(name, False),
            )
            for name, each in found["by_strategy"].items()
        ],
    )
    return Block("What could not be scored", (said, *_uneven(found)), (made,) if made else ())


def _uneven(found: Mapping[str, Json]) -> Iterator[str]:
    parts = [f"{each['rubric']} ({_side(each['most'])}, {_side(each['least'])})" for each in found["uneven"]]
    if parts:
        yield f"Uneven between strategies, by rubric: {text.joined(parts)}."


def _side(side: Mapping[str, Json]) -> str:
    return f"{side['unscored']:,} of {side['criteria']:,} in {side['strategy']}"


# --- how far they can be relied on ---------------------------------------------------------


def _relied_on(found: Mapping[str, Json]) -> Block | None:
    grids = (_agreement(found), _repeats(found), _order(found))
    block = Block("How far they can be relied on", tuple(_quotes(found)), tuple(each for each in grids if each))
    return block if block.said or block.grids else None


def _agreement(found: Mapping[str, Json]) -> Grid | None:
    return grid(
        "agreement",
        AGREEMENT,
        ("judges", "of", "said by both", "same word", "kappa", "AC1", "alpha", "met, first", "met, second"),
        [
            Row(
                " and ".join(each["judges"]),
                (
                    Words("preferences" if each["of"] == "preference" else "criteria"),
                    count(each["items"]),
                    Value(each["raw"], "share"),
                    *(Value(each[name], "score") for name in ("kappa", "ac1", "alpha")),
                    *(Value(each[name], "share") for name in ("met_by_first", "met_by_second")),
                ),
            )
            for each in found["agreement"]
        ],
    )


def _repeats(found: Mapping[str, Json]) -> Grid | None:
    return grid(
        "repeats",
        "What a judge says that is asked the same again. Flip rate: the share of pairs of readings that differ.",
        ("judge", "criteria asked again", "readings of each", "flip rate", "criteria with any that differs"),
        [
            Row(
                judge,
                (
                    count(each["criteria"]),
                    count(each["readings"]),
                    Value(each["flip_rate"], "share"),
                    Value(each["changed"], "share"),
                ),
            )
            for judge, each in found["repeats"].items()
        ],
    )


def _order(found: Mapping[str, Json]) -> Grid | None:
    return grid(
        "order",
        "Two answers are shown in both orders; where a judge then says otherwise, the place decided, and it is a tie.",
        ("judge", "comparisons", "decided by the order"),
        [
            Row(judge, (count(each["compared"]), Value(each["share"], "share")))
            for judge, each in found.get("order", {}).items()
        ],
    )


def _quotes(found: Mapping[str, Json]) -> Iterator[str]:
    quotes = found["quotes"]
    if not quotes:
        return
    share = quotes["share"]
    within = ""
    if share["low"] is not None:
        within = f", {text.interval(share['value'], share['low'], share['high'], 'share')}, n = {share['n']}"
    yield (
        f"Of {text.counted(quotes['quotes'], 'quote')} that judges gave as evidence, {quotes['found']:,} "
        f"({text.percent(share['value'])}{within}) stand in the answer, in whatever spacing, case and typography."
    )


# --- of a tier's family --------------------------------------------------------------------


def _kin(summary: Mapping[str, Json]) -> Block | None:
    kinships, base = summary.get("kinships", ()), summary["base"]
    rows = [
        Row(
            text.joined(each["who"], 4),
            (
                Words("judge" if each["role"] == "judge" else "author"),
                Words(f"{text.joined(each['tiers'], 4)} ({each['family']})"),
                Words(name),
                Value(sides["with"], POINTS, nothing=0.0),
                Value(sides["without"], POINTS, nothing=0.0),
                Words(mark="changes") if name in each["changes"] else Words("stays"),
            ),
        )
        for each in kinships
        for name, sides in each["strategies"].items()
    ]
    made = grid(
        "kin",
        f"Judges, and authors of criteria, of the same family as a tier: what the difference in Q to "
        f"{base} is with and without their word, in points.",
        ("who", "role", "kin of", "strategy", "with them", "without them", "conclusion"),
        rows,
    )
    said = tuple(
        f"{text.joined(each['who'], 4)}, kin of {text.joined(each['tiers'], 4)} ({each['family']}): {each['why']}."
        for each in kinships
        if each["why"]
    )
    return Block("Of a tier's family", said, (made,) if made else ()) if said or made else None
