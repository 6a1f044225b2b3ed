"""Drafts for review, for a terminal: a `+` line for each, with the user's words behind it, and what was dropped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import terminal, text

if TYPE_CHECKING:
    from rich.console import Console

INDENT = 6  # columns before what follows below a draft
MOST_QUOTED = 300  # characters of a dropped draft
NAMED = 5  # conversations in a line
RUBRICS = ("correctness", "completeness", "constraint_coverage", "format_adherence")


def print_annotated(found: Json, most: int | None) -> None:
    """Print what was drafted, at most so many conversations (None: all), what was not, and what to do next."""
    console = terminal._console()
    terminal._line(console, _headline(found), style="bold")
    _print_drafts(console, found["drafts"][:most], with_author=False)
    if hidden := len(found["drafts"][most:] if most is not None else ()):
        where = found["out"] and f": ladder-bench annotate {shlex.quote(found['out'])} --review"
        terminal._line(console, f"… and {text.counted(hidden, 'conversation')} more{where or ''}", style="dim")
    console.print()
    for line in _totals(found):
        _hang(console, "", line)
    if found["out"]:
        console.print()
        for before, line in _next(found):
            console.print(before + text.one_line(line), soft_wrap=True)  # a command stays whole


def print_review(found: Json) -> None:
    """Print the drafts that a dataset holds."""
    console = terminal._console()
    size = f"{found['drafted']:,} of {text.counted(found['conversations'], 'conversation')} with drafts"
    terminal._line(console, f"{found['dataset']}: {size}, {found['reviewed']:,} of them reviewed", style="bold")
    _print_drafts(console, found["drafts"], with_author=True)
    console.print()
    _hang(console, "", f"drafts: {_kinds(found['items'])}")


def _headline(found: Json) -> str:
    size = text.counted(found["conversations"], "conversation")
    if not found["out"]:
        return f"{found['dataset']}: nothing was drafted, and nothing written"
    return f"{found['dataset']}: drafts for {found['drafted']:,} of {size} by {found['author']}, in {found['out']}"


# --- conversations -------------------------------------------------------------------------


def _print_drafts(console: Console, conversations: Sequence[Json], with_author: bool) -> None:
    for each in conversations:
        console.print()
        by = _by(each) if with_author else ""
        terminal._line(console, f"{each['conversation']} ({text.counted(each['turns'], 'turn')}{by})", style="bold")
        for draft in each["drafts"]:
            _hang(console, "  + ", f"{_what(draft)}: {draft['text']}", "green")
            _hang(console, " " * INDENT, _words(draft), "dim" if draft["stands"] else "red")
        for draft in each["dropped"]:
            _hang(console, "  ! ", f"dropped, {draft['why']}: {_place(draft)}: {_cut(draft['text'])}", "yellow")
            _hang(console, " " * INDENT, f"turn {draft['said_at']}: “{_cut(draft['quote'])}”", "dim")


def _words(draft: Mapping[str, Json]) -> str:
    """The user's words behind a draft; somebody may have written others into the file."""
    stands = "" if draft["stands"] else " ! these words are not in that message"
    return f"turn {draft['said_at']}: “{draft['quote']}”{stands}"


def _by(conversation: Json) -> str:
    """Who drafted, and who reviewed."""
    if conversation["status"] == "draft":
        return f", draft by {conversation['author']}"
    reviewer = conversation["reviewer"]
    return f", drafted by {conversation['author']}, reviewed{f' by {reviewer}' if reviewer else ''}"


def _what(draft: Mapping[str, Json]) -> str:
    """t1h1, hindsight at turn 1, corrected at turn 3, correctness, weight 2, critical."""
    name = "" if draft["id"].replace("_", " ") == draft["kind"] else f"{draft['id']}, "
    parts = [name + _place(draft)]
    if "until_turn" in draft:
        until = draft["until_turn"]
        parts[0] += " to the end" if until is None else f" to {until}"
    if draft.get("judged_as"):
        parts.append(draft["judged_as"])
    if draft.get("weight", 1) != 1:
        parts.append(f"weight {draft['weight']:g}")
    if draft.get("critical"):
        parts.append("critical")
    return ", ".join(parts)


def _place(draft: Mapping[str, Json]) -> str:
    where = f"{draft['kind']} at turn {draft['turn']}"
    return f"{where}, corrected at turn {draft['said_at']}" if draft["kind"] == "hindsight" else where


def _cut(content: str) -> str:
    return content if len(content) <= MOST_QUOTED else content[:MOST_QUOTED] + "…"


def _hang(console: Console, before: str, content: str, style: str = "") -> None:
    """A line of content; on a terminal its further lines stand below its beginning, elsewhere it is one line."""
    from rich.text import Text

    content = text.one_line(content)
    if not console.is_terminal:
        console.print(before + content, soft_wrap=True)
        return
    room = max(20, console.width - max(len(before), INDENT if before else 0))
    for number, line in enumerate(Text(content).wrap(console, room)):
        indent = before if number == 0 else " " * (INDENT if before else 0)
        console.print(indent + line.plain.rstrip(), style=style, soft_wrap=True)


# --- what came of it, and what is next -----------------------------------------------------


def _totals(found: Json) -> Iterator[str]:
    if found["items"]:
        yield f"drafts: {_kinds(found['items'])}"
    for why, count in found["dropped"].items():
        yield f"! dropped: {text.counted(count, 'draft')}, {why}"
    for each in found["left_as_they_were"]:
        names = each["conversations"]
        example = f"; such as: {each['example']}" if each["example"] else ""
        size = text.counted(len(names), "conversation")
        mark = "! " if each["asked"] else ""
        yield f"{mark}as they were: {size}, {each['why']}{example} ({text.joined(names, NAMED)})"
    if any(each["again"] for each in found["left_as_they_were"]):
        force = " and --force" if found["out"] else ""
        yield f"  the same command{force} asks again for what failed; what was answered is stored, and costs nothing"
    if (calls := found["calls"]) is not None:
        most = calls["spent_at_most_usd"]
        upper = f", at most {text.spent(most)}" if most > calls["spent_usd"] else ""
        sent = f"{calls['sent']:,} sent, {calls['from_store']:,} from the store"
        yield f"calls: {sent}; spent {text.spent(calls['spent_usd'])}{upper}"
    if found["kept"]:
        yield f"the file that was there before is now {found['kept']}"


def _kinds(items: Mapping[str, int]) -> str:
    plural = {"criterion": "criteria", "hindsight": "hindsight"}
    return ", ".join(text.counted(count, kind, plural.get(kind)) for kind, count in items.items()) or "none"


def _next(found: Json) -> Iterator[tuple[str, str]]:
    """What a reviewer does with the file: lines, and what stands before each."""
    out = shlex.quote(found["out"])
    yield "", "A model wrote these. Before they grade anything:"
    yield "  ", f"1. read them: above, or ladder-bench annotate {out} --review"
    yield "  ", f"2. in {out}, change or remove what is wrong: each draft stands under its id in 'intent' or 'turns'"
    yield "     ", 'a conversation that you have read: "status": "reviewed" in place of "draft", and "reviewer": "you"'
    yield "  ", f"3. ladder-bench validate {out}"
    rubrics = " ".join(f"--rubrics {each}" for each in RUBRICS)
    yield "  ", f"4. ladder-bench run --dataset {out} --tiers FILE --judge NAME {rubrics}"
    yield "     ", "drafts have no checks: only rubrics that ask a judge grade by them"
