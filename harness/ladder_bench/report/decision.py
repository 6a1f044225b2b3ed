"""A decision for people: its answer in a sentence, why the others do not hold, and its tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, grid
from ladder_bench.report.method import Fact
from ladder_bench.report.table import IDENTICAL, MISSING, Cell

SAYS = {"holds": "holds", "violates": "violates", "undecided": "undecided"}
HOW = (
    "Each floor and limit is met, violated or undecided by its one-sided 95 % bound. A strategy holds where all of "
    "them are met, and still are once all strategies are tested together (Holm): the chance that any is said to hold "
    "and does not is at most 5 %. Where a number of conversations would decide, it is that for a power of 80 %, were "
    "the values of now the truth."
)
BY_LUCK = " Luck has a say in the choice here, so the last line's intervals are as wide as those of one half."
MOST_NAMES = 6
BY_USER = " n counts users: several conversations of one are no evidence on their own."


def headline(found: Mapping[str, Json]) -> tuple[str, ...]:
    """The answer in a sentence or two. In a simulation nothing is recommended."""
    tested = text.counted(len(found["strategies"]), "strategy", "strategies")
    return tuple(text.one_line(each) for each in _headline(found, tested))


def _headline(found: Mapping[str, Json], tested: str) -> Iterator[str]:
    rows, noun = {row["name"]: row for row in found["strategies"]}, noun_of(found)
    if found["choice"] is not None:
        best = rows[found["choice"]]
        month = best["usd_month"]
        begin = "In this simulation the cheapest" if found["simulated"] else "Recommended: the cheapest"
        yield (
            f"{begin} of {tested} that holds every floor and limit is {best['name']}, at {_usd(month, noun)} a month"
            f"{_saved(best, found['base'])}."
        )
        if found["cheapest_effective"] != found["choice"] and found["cheapest_effective"] is not None:
            effective = rows[found["cheapest_effective"]]["effective_usd_month"]
            yield (
                f"With {text.dollars(found['policy']['unresolved_cost_usd'])} for each unresolved conversation "
                f"{found['cheapest_effective']} would be the cheapest that holds: {_usd(effective, noun)} a month in "
                f"all, against {_usd(best['effective_usd_month'], noun)}."
            )
        if found["as_cheap"]:
            yield f"Not shown to cost more: {text.joined(found['as_cheap'], MOST_NAMES)}."
        if found["cheaper_undecided"]:
            yield f"Cheaper, or of unknown cost, and undecided: {text.joined(found['cheaper_undecided'], MOST_NAMES)}."
        return
    where = "in this simulation, " if found["simulated"] else ""
    if found["outcome"] == "none":
        yield _capital(f"{where}none of {tested} holds: each violates a floor or a limit.")
        return
    undecided = [row for row in found["strategies"] if row["status"] == "undecided"]
    rest = len(found["strategies"]) - len(undecided)
    others = f"; {rest} violate{'s' if rest == 1 else ''} a floor or a limit" if rest else ""
    yield _capital(f"{where}nothing can be chosen: {len(undecided)} of {tested} undecided{others}.")
    known = [row for row in undecided if _needed(row) and row["usd_month"]["value"] is not None]
    if known:
        first = min(known, key=lambda row: row["usd_month"]["value"])
        yield (
            f"{_capital(_needed(first))} {noun_of(found)}s would decide {first['name']}, the cheapest of them; "
            f"here are {found['clusters'] or found['conversations']:,}."
        )


def _capital(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}"


def _needed(row: Mapping[str, Json], unit: str = "") -> str:
    """How many would decide: about 1,240; nothing where nobody can say.

    A value that all but lies on its limit would need more than anybody has.
    """
    if row["needed_n"] is not None:
        return f"about {unit}{row['needed_n']:,}"
    return "" if row["needed_n_above"] is None else f"more than {unit}{row['needed_n_above']:,}"


def noun_of(found: Mapping[str, Json]) -> str:
    """What n counts."""
    return "conversation" if found["units"] == "conversations" else "user"


def _usd(estimate: Mapping[str, Json], noun: str) -> str:
    """Dollars with their interval and n: $1,234 (95 % interval 1,100 to 1,370, n = 240)."""
    users = f" {noun}s" if noun == "user" else ""
    value = estimate["value"]
    if value is None:
        return f"{MISSING}: {estimate['why']}"
    if estimate["low"] is None:
        return f"{text.dollars(value)} ({estimate['why']})"
    return (
        f"{text.dollars(value)} (95 % interval {text.interval(value, estimate['low'], estimate['high'], 'usd')}, "
        f"n = {estimate['n']:,}{users})"
    )


def _saved(row: Mapping[str, Json], base: str | None) -> str:
    """What it saves, or costs more, against the base: $68.54 less than advanced (65.3 to 71.7)."""
    saved = row["saving_usd_month"]
    if base is None or row["name"] == base or saved["value"] is None:
        return ""
    sign, word = (1, "less") if saved["value"] >= 0 else (-1, "more")
    what = f", {text.dollars(abs(saved['value']))} {word} than {base}"
    if saved["low"] is None:
        return what
    low, high = sorted((sign * saved["low"], sign * saved["high"]))
    return f"{what} ({text.interval(abs(saved['value']), low, high, 'usd')})"


def limit_text(given: Mapping[str, Json]) -> str:
    """What has to hold, in a few words: quality at least 0.85."""
    if given["kind"] == "difference":
        return f"{given['name']}: at most {text.number(-100 * given['limit'])} points lower"
    share = given["kind"] == "share" and not given["at_least"]
    limit = text.percent(given["limit"]) if share else text.number(given["limit"])
    return f"{given['name']}: {'at least' if given['at_least'] else 'at most'} {limit}"


def reasons(row: Mapping[str, Json], noun: str = "conversation") -> list[str]:
    """Why a strategy does not hold: every violated or undecided constraint with its value, bound and n."""
    found = [_reason(each, noun) for each in row["constraints"] if each["outcome"] != "met"]
    listed = {f"{each['name']}: {each['why'] or 'its bounds lie on both sides'}" for each in row["constraints"]}
    return [*found, *(each for each in row["reasons"] if each not in listed)]


def _reason(each: Mapping[str, Json], noun: str) -> str:
    what = f"{each['outcome']}: {limit_text(each)}"
    if each["value"] is None:
        return f"{what}; {each['why']}"
    bound = _bounds(each)
    need = f"; {_needed(each)} {noun}s would decide" if _needed(each) else ""
    users = f" {noun}s" if noun == "user" else ""
    return f"{what}; it is {_shown(each, each['value'])}{bound and f' ({bound})'}, n = {each['n']:,}{users}{need}"


def held(row: Mapping[str, Json]) -> str:
    """All that a strategy meets, in a line."""
    return "met: " + "; ".join(
        f"{limit_text(each)} (it is {_shown(each, each['value'])})" for each in row["constraints"]
    )


def _shown(each: Mapping[str, Json], value: float) -> str:
    if each["kind"] == "difference":
        return f"{text.points(value)} points"
    share = each["kind"] == "share" and not each["at_least"]
    return text.percent(value) if share else text.number(value, min(3, text.decimals(value)))


def _bounds(each: Mapping[str, Json]) -> str:
    """One-sided bounds, each at 95 %."""
    if each["low"] is None or each["high"] is None:
        return each["why"] or ""
    return f"bounds {_shown(each, each['low'])} and {_shown(each, each['high'])}"


# --- tables --------------------------------------------------------------------------------


def grids(found: Mapping[str, Json]) -> list[tuple[str, Grid]]:
    """Every table with its heading."""
    made = [
        ("Floors and limits", _constraints(found)),
        ("Dollars", _dollars(found)),
        ("Chosen on one half, reported on the other", _cross_fitted(found)),
        ("By segment", _segments(found)),
        ("What choosing by segment gains", _gain(found)),
    ]
    return [(heading, each) for heading, each in made if each is not None]


def _constraints(found: Mapping[str, Json]) -> Grid | None:
    first = found["strategies"][0]["constraints"]
    heads = [limit_text(each) for each in first]
    rows = [
        Row(
            row["name"],
            [Words(_need(row), SAYS[row["status"]]), *(_constraint_cell(each) for each in row["constraints"])],
            False,  # who may be chosen is no mere control here
            row["name"] == found["base"],
        )
        for row in found["strategies"]
    ]
    by_user = BY_USER if noun_of(found) == "user" else ""
    caption = f"{HOW} Below a value its one-sided 95 % bounds.{by_user}"
    return grid("constraints", caption, ("strategy", "decision", *heads), rows)


def _need(row: Mapping[str, Json]) -> str:
    needed = _needed(row, "n = ")
    return f"until {needed}" if needed else ""


def _constraint_cell(each: Mapping[str, Json]) -> Cell:
    outcome = "" if each["outcome"] == "met" else each["outcome"]
    if each["value"] is None:
        return Cell(MISSING, each["why"] or "", flag=outcome)
    same = each["kind"] == "difference" and each["low"] == each["high"] == 0
    bounds = each["why"] or (IDENTICAL if same else f"{_bare(each, each['low'])} and {_bare(each, each['high'])}")
    n = f"{'' if outcome else 'met, '}n = {each['n']:,}"
    return Cell(_shown(each, each["value"]), bounds, n, sort=each["value"], flag=outcome)


def _bare(each: Mapping[str, Json], value: float) -> str:
    return _shown(each, value).removesuffix(" points").removesuffix(" %")


def _dollars(found: Mapping[str, Json]) -> Grid | None:
    policy, base = found["policy"], found["base"]
    month = f"{policy['conversations_per_month']:,g}"
    weighted = ", weighted by the policy's segments" if policy["weighted"] else ""
    unresolved = policy["unresolved_cost_usd"]
    worth = "" if unresolved is None else (
        f" Effective: with {text.dollars(unresolved)} for each conversation that is not resolved"
        f"{'' if policy['unresolved_declared'] else ', as in the run'}."
    )  # fmt: skip
    rows = [
        Row(
            row["name"],
            [
                Words(SAYS[row["status"]]),
                Value(row["usd_month"], "usd"),
                Words("base") if row["name"] == base else Value(row["saving_usd_month"], "usd", nothing=0.0),
                Value(row["effective_usd_month"], "usd"),
                Value(row["quality"], "score"),
                Value(row["resolved"], "score"),
            ],
            False,  # who may be chosen is no mere control here
            row["name"] == base,
        )
        for row in sorted(found["strategies"], key=_by_cost)
    ]
    caption = f"USD a month at {month} conversations{weighted}, warm cache, cheapest first.{worth}"
    heads = (
        "strategy",
        "decision",
        "$ a month",
        f"saved against {base or 'the base'}",
        "effective $ a month",
        "Q",
        "resolved",
    )
    return grid("dollars", caption, heads, rows, noun_of(found))


def _by_cost(row: Mapping[str, Json]) -> float:
    value = row["usd_month"]["value"]
    return float("inf") if value is None else float(value)


def _cross_fitted(found: Mapping[str, Json]) -> Grid | None:
    naive, fitted = found["naive"], found["cross_fitted"]
    lines = [("naive: the cheapest whose values seem to hold", naive["choice"] or "none", naive)]
    if found["choice"] is not None:
        best = next(row for row in found["strategies"] if row["name"] == found["choice"])
        lines.append(("chosen and reported on all conversations", found["choice"], best))
    lines.append(("chosen on one half, reported on the other", _halves(fitted, found["base"]), fitted))
    rows = [
        Row(
            head,
            [
                Words(name),
                Value(each["usd_month"], "usd"),
                Value(each["quality"], "score"),
                Value(each["resolved"], "score"),
            ],
        )
        for head, name, each in lines
    ]
    luck = BY_LUCK if fitted["by_luck"] else ""
    whose = "user, whose conversations are all in one" if noun_of(found) == "user" else "conversation's id"
    caption = (
        "What is picked among many on the same conversations looks better than it is. Halves are told apart by a hash "
        f"of the {whose}; where one half decides nothing, the base stands in.{luck}"
    )
    return grid("cross-fitted", caption, ("how", "choice", "$ a month", "Q", "resolved"), rows, noun_of(found))


def _halves(fitted: Mapping[str, Json], base: str | None) -> str:
    if fitted["why"]:
        return ""
    names = [each or f"nothing, so {base}" for each in fitted["choices"]]
    return names[0] if names[0] == names[1] else " and ".join(names)


def _segments(found: Mapping[str, Json]) -> Grid | None:
    if not found["by_segment"]:
        return None
    rows = [
        Row(
            row["segment"],
            [
                Cell(f"{row['n']:,}", sort=row["n"]),
                Cell(text.percent(row["share"]), sort=row["share"]),
                Words(row["choice"] or row["why"], "" if row["choice"] else "none"),
                Words(row["applied"] or ""),
                Value(row["usd_month"], "usd"),
            ],
        )
        for row in found["by_segment"]["rows"]
    ]
    caption = (
        "The cheapest strategy that holds every floor and limit in each segment, tested over all strategies and "
        "segments at once (Holm). Where none is shown to, the choice for all, else the base, is what it would run on."
    )
    heads = ("segment", "conversations", "traffic", "cheapest that holds", "runs on", "$ a month")
    return grid("segments", caption, heads, rows, noun_of(found))


def _gain(found: Mapping[str, Json]) -> Grid | None:
    if not found["by_segment"]:
        return None
    gain = found["by_segment"]["gain"]
    small = f" Too small to choose in: {text.joined(gain['too_small'], MOST_NAMES)}." if gain["too_small"] else ""
    rows = [
        Row(
            "by segment against one for all",
            [
                Value(gain["usd_month"], "usd", nothing=0.0),
                Value(gain["quality"], POINTS, nothing=0.0),
                Value(gain["resolved"], POINTS, nothing=0.0),
            ],
        )
    ]
    caption = f"Cross-fitted: both were chosen on one half of the conversations and are compared on the other.{small}"
    return grid("gain", caption, ("", "$ saved a month", "quality, points", "resolved, points"), rows, noun_of(found))


def facts(found: Mapping[str, Json]) -> tuple[Fact, ...]:
    """What was read and assumed."""
    return tuple(Fact(name, text.one_line(value)) for name, value in _facts(found))


def _facts(found: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    policy = found["policy"]
    yield "policy", policy["file"]
    users = "" if found["clusters"] is None else f" of {text.counted(found['clusters'], 'user')}"
    yield "run", f"{found['dataset']}, {found['mode']}, {text.counted(found['conversations'], 'conversation')}{users}"
    if users:
        yield "n", "counts users: the conversations of one are taken together, each weighs 1"
    if policy["segments"]:
        each = (
            f"{row['name']} {row['n']:,}"
            + ("" if row["share"] is None else f" ({text.percent(row['share'])} of traffic)")
            for row in policy["segments"]
        )
        yield "segments", f"{', '.join(each)}; a conversation belongs to the first of them whose tag it has"
    if found["left_out"]:
        names = text.joined([row["name"] for row in found["left_out"]], MOST_NAMES)
        yield "not considered", f"controls: {names}; --controls lets them be chosen"
