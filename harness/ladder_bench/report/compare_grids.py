"""The tables of a comparison: every cell as text with its sign, its interval and the word for what it shows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.columns import BY_METRIC, heading
from ladder_bench.report.grid import Grid, Line, Words
from ladder_bench.report.table import MISSING, Cell
from ladder_bench.report.text import Unit, one_line

EFFECTIVE = "effective_usd"
OVERVIEW = ("quality", "resolved", "cost_usd_warm", "qpd", "unsupported_per_turn", "wait_s_p90")
COST = "cost_usd_warm"  # shown even where nothing has one, so that its absence is seen
JUDGED = ("quality", "resolved")
OF_TAGS = (*JUDGED, COST)
SHARES = frozenset(
    (
        "quality",
        "resolved",
        "correctness",
        "completeness",
        "constraint_coverage",
        "first_turn_alignment",
        "first_turn_alignment_at_1",
        "format_adherence",
        "self_corrections_per_turn",
        "unsupported_per_claim",
        "invalid_turn_share",
    )
)  # fmt: skip  differences between them are in points of 0.01
NAMES = {EFFECTIVE: "cost with unresolved ones"}
MEANINGS = {EFFECTIVE: "USD a conversation: warm cost, and what an unresolved conversation costs for those that are"}


def name_of(metric: str) -> str:
    """A metric's name for people."""
    return NAMES.get(metric) or heading(metric)


def unit_of(metric: str) -> Unit:
    """The unit of a metric's own value."""
    return "usd" if metric == EFFECTIVE else BY_METRIC[metric].unit if metric in BY_METRIC else "count"


def title(comparison: Mapping[str, Json], several: bool) -> str:
    """What a comparison is of: two-step against advanced, or two-step: B against A."""
    base, candidate = comparison["base"], comparison["candidate"]
    one, other = one_line(candidate["strategy"]), one_line(base["strategy"])
    if not several:
        return f"{one} against {other}"
    if one == other:
        return f"{one}: {candidate['run']} against {base['run']}"
    return f"{one} in {candidate['run']} against {other} in {base['run']}"


def one_base(found: Mapping[str, Json]) -> bool:
    """Whether all comparisons are with one strategy of one run."""
    return len(found["runs"]) == len({each["base"]["strategy"] for each in found["comparisons"]}) == 1


def head(found: Mapping[str, Json], comparison: Mapping[str, Json]) -> str:
    """A comparison in a table of all of them, which says itself what they all are against."""
    if one_base(found):
        return one_line(comparison["candidate"]["strategy"])
    return title(comparison, len(found["runs"]) > 1)


# --- cells ---------------------------------------------------------------------------------


def change(metric: str, row: Mapping[str, Json], usual: int | None = None) -> Cell:
    """A metric's difference with its sign and its 95 % interval, as a ratio where it is compared as one.

    `usual`: the number of conversations that need not be said.
    """
    if row["value"] is None:
        return Cell(MISSING, why=one_line(row["why"] or ""))
    extra = "" if usual is None or row["n"] == usual else f"n = {row['n']:,}"
    if row["says"] == "identical":
        return Cell("0", "identical", extra, sort=0.0)
    strong = row["says"] == "different"
    if row["scale"] == "ratio":
        ratio = row["ratio"]
        shown = f"×{times(ratio['value'])}"
        return Cell(shown, ratio_interval(ratio["low"], ratio["high"]), extra, sort=ratio["value"], strong=strong)
    value, low, high = row["value"], row["low"], row["high"]
    shown, interval = signed(metric, value, low, high), difference_interval(metric, value, low, high)
    return Cell(shown, interval, extra, sort=value, strong=strong)


def signed(metric: str, value: float, *bounds: float | None) -> str:
    """A difference with its sign and its unit, no more exact than the largest of its bounds."""
    if metric in SHARES:
        return text.points(value)
    shown = text.UNITS[unit_of(metric)](value, _places(value, *bounds))
    return f"+{shown}" if value > 0 and any(digit in shown for digit in "123456789") else shown


def _places(*values: float | None) -> int:
    """Decimals that give the largest of the values three significant digits."""
    return text.decimals(max((abs(each) for each in values if each is not None), default=0.0))


def difference_interval(metric: str, value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "no interval"
    if metric in SHARES:
        return text.points_interval(low, high)
    places = _places(value, low, high)
    return text.RANGE.join(f"{'+' if each > 0 else ''}{text.number(each, places)}" for each in (low, high))


def ratio_interval(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"{times(low)}{text.RANGE}{times(high)}"


def times(value: float) -> str:
    """A ratio with two decimals, or three significant digits where it is far from 1."""
    if value >= 1000:
        return "over 1,000"
    return text.number(value, 2) if value >= 0.1 or value == 0 else text.number(value)


def alone(metric: str, estimate: Mapping[str, Json] | None) -> Cell:
    """A metric of one side."""
    if estimate is None:
        return Cell("")
    if estimate["value"] is None:
        return Cell(MISSING, why=one_line(estimate["why"] or ""))
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    interval = "" if low is None or high is None else text.interval(value, low, high, unit_of(metric))
    return Cell(text.quantity(value, unit_of(metric)), interval, sort=value)


def word(row: Mapping[str, Json]) -> str:
    """What a metric shows: better, worse, not different, and why where there is nothing to show."""
    if row["says"] == "different":
        return str(row["direction"])
    if row["says"] in ("missing", "no interval"):
        why = one_line(row["why"] or "").removeprefix("no interval: ")
        return f"{row['says']}: {why}" if why else str(row["says"])
    return str(row["says"])


def band(metric: str, row: Mapping[str, Json]) -> str:
    """The band that holds over all comparisons, on the scale that its word is about."""
    found = row["band"]
    if found is None or row["says"] in ("identical", "missing"):
        return ""
    if row["scale"] == "ratio":
        return ratio_interval(found["low"], found["high"])
    return difference_interval(metric, row["value"], found["low"], found["high"])


def counted(found: Mapping[str, Json] | None) -> str:
    """Improved, regressed and unchanged conversations in words."""
    if found is None:
        return MISSING
    left = f", {found['unscored']:,} unscored" if found["unscored"] else ""
    return f"{found['improved']:,} / {found['regressed']:,} / {found['unchanged']:,}{left}"


# --- tables --------------------------------------------------------------------------------


def overview(found: Mapping[str, Json]) -> Grid:
    """A line a comparison with what matters most."""
    comparisons = found["comparisons"]
    shown = [metric for metric in OVERVIEW if metric == COST or _known(comparisons, metric)]
    if not any(metric in JUDGED for metric in shown):
        shown = [JUDGED[0], *shown]
    usual = usual_size(comparisons)
    first = f"against {one_line(comparisons[0]['base']['strategy'])}" if one_base(found) else "comparison"
    heads = [first, *(f"{name_of(metric)}{_of_unit(metric)}" for metric in shown), "better / worse / same"]
    lines = tuple(
        Line(
            head(found, each),
            (
                *(change(metric, each["metrics"][metric], usual) for metric in shown),
                Words(counted(each["conversations"])),
            ),
        )
        for each in comparisons
    )
    return Grid("overview", _caption(found, usual), tuple(heads), lines, ())


def _known(comparisons: Sequence[Mapping[str, Json]], metric: str) -> bool:
    return any(each["metrics"][metric]["value"] is not None for each in comparisons)


def usual_size(comparisons: Sequence[Mapping[str, Json]]) -> int | None:
    """The number of conversations that most differences are from."""
    sizes = Counter(row["n"] for each in comparisons for row in each["metrics"].values() if row["value"] is not None)
    return max(sizes, key=lambda size: (sizes[size], size)) if sizes else None


def _of_unit(metric: str) -> str:
    return ", points" if metric in SHARES else ""


def _caption(found: Mapping[str, Json], usual: int | None) -> str:
    n = "" if usual is None else f"n = {usual:,} {found['units']} unless a cell says otherwise. "
    sure = (
        "Bold where the band over all comparisons at once excludes no difference."
        if len(found["comparisons"]) > 1
        else "Bold where the interval excludes no difference."
    )
    return (
        f"{n}Candidate minus base; costs, tokens and QPD as candidate / base. A point is 0.01. Below each value its "
        f"95 % interval. {sure} better / worse / same: conversations."
    )


def metrics(number: int, comparison: Mapping[str, Json]) -> Grid:
    """A line a metric of one comparison, those that have a value on either side."""
    rows = {
        metric: row
        for metric, row in comparison["metrics"].items()
        if row["value"] is not None or any((row[who] or {}).get("value") is not None for who in ("base", "candidate"))
    }
    banded = any(row["band"] for row in rows.values())
    heads = ["metric", "base", "candidate", "change", *(["band over all comparisons"] if banded else []), "n", "shows"]
    lines = tuple(
        Line(
            name_of(metric),
            (
                alone(metric, row["base"]),
                alone(metric, row["candidate"]),
                _in_points(metric, change(metric, row)),
                *([Cell(band(metric, row))] if banded else []),
                Cell(sized(row)),
                Words(word(row)),
            ),
        )
        for metric, row in rows.items()
    )
    return Grid(f"metrics-{number}", "", tuple(heads), lines, ())


def _in_points(metric: str, cell: Cell) -> Cell:
    """A difference between shares says that it is in points where no heading does."""
    told = metric in SHARES and cell.value not in (MISSING, "0")
    return replace(cell, value=f"{cell.value} points") if told else cell


def sized(row: Mapping[str, Json]) -> str:
    return f"{row['n']:,}" + (f", {row['unscored']:,} unscored" if row["unscored"] else "")


def not_measured(found: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Metrics that no comparison has on any side, each with its reason."""
    first = found["comparisons"][0]["metrics"]
    by_reason: dict[str, list[str]] = {}
    for metric in first:
        if all(
            row["value"] is None and all((row[who] or {}).get("value") is None for who in ("base", "candidate"))
            for row in (each["metrics"][metric] for each in found["comparisons"])
        ):
            by_reason.setdefault(one_line(first[metric]["why"] or ""), []).append(name_of(metric))
    return [(", ".join(names), why) for why, names in by_reason.items()]


def changes(name: str, rows: Sequence[Mapping[str, Json]], base: str, candidate: str) -> Grid | None:
    """What two runs or strategies are set differently on; None where nothing is."""
    if not rows:
        return None
    lines = tuple(
        Line(one_line(each["what"]), tuple(Words(_value(each[who])) for who in ("base", "candidate"))) for each in rows
    )
    return Grid(f"changes-{name}", "", ("what", base, candidate), lines, ())


def _value(value: str | None) -> str:
    return "not there" if value is None else one_line(value)


def side(by: str, value: float) -> str:
    """What a conversation was on one side; a conversation that was lived once is resolved or not."""
    if by == "resolved" and value in (0.0, 1.0):
        return "yes" if value else "no"
    return text.quantity(value, unit_of(by))


def moved(number: int, comparison: Mapping[str, Json], most: int = 10) -> Grid | None:
    """The conversations that moved most, the falls first, so many in each direction; None where none did."""
    found = comparison["movers"]
    if not found or not (found["up"] or found["down"]):
        return None
    by = found["by"]
    lines = tuple(
        Line(
            one_line(each["conversation"]),
            (
                Cell(side(by, each["base"])),
                Cell(side(by, each["candidate"])),
                Cell(signed(by, each["difference"]), sort=each["difference"]),
            ),
        )
        for each in (*found["down"][:most], *reversed(found["up"][:most]))
    )
    heads = ("conversation", "base", "candidate", f"change in {name_of(by)}{_of_unit(by)}")
    left = sum(found["left_out"][way] + len(found[way][most:]) for way in ("down", "up"))
    more = f" {left:,} more that moved less are left out." if left else ""
    return Grid(f"movers-{number}", f"The largest falls first, the largest rises last.{more}", heads, lines, ())


def by_tag(number: int, comparison: Mapping[str, Json]) -> Grid | None:
    """The deltas within the conversations of each tag; None where that was not asked, or nothing has a tag."""
    rows = [row for row in comparison["tags"] or () if row["n"] >= FEWEST]
    if not rows:
        return None
    small = len(comparison["tags"]) - len(rows)
    left = f" {text.counted(small, 'tag')} of fewer than {FEWEST} conversations: in --json." if small else ""
    shown = [metric for metric in OF_TAGS if any(row["metrics"][metric]["n"] for row in rows)]
    heads = ["tag", "n", *(f"{name_of(metric)}{_of_unit(metric)}" for metric in shown)]
    lines = tuple(
        Line(
            one_line(row["tag"]),
            (Cell(f"{row['n']:,}"), *(in_band(metric, row["metrics"][metric]) for metric in shown)),
        )
        for row in rows
    )
    caption = "Below each value the band that holds over all tags and comparisons at once; bold where it excludes none."
    caption += left
    return Grid(f"tags-{number}", caption, tuple(heads), lines, ())


def in_band(metric: str, row: Mapping[str, Json]) -> Cell:
    """A difference with its band instead of its interval."""
    cell = change(metric, row)
    shown = band(metric, row) or cell.interval
    return replace(cell, interval=shown)
