"""The gate for machines of a pipeline: JUnit XML, a step summary with annotations, and a comment for a review."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from ladder_bench.domain import Json
from ladder_bench.report import gate, text
from ladder_bench.report.html import environment
from ladder_bench.report.markdown import plain

MOST_ANNOTATIONS = 10  # GitHub shows so many a step
MOST_BYTES = 900_000  # of a step summary; GitHub refuses 1 MiB
TITLE = "ladder-bench gate"
Lenience = Literal["fail", "warn", "pass"]
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def markdown(found: Mapping[str, Json]) -> str:
    """The decision for a pull request: the outcome, a table, what to look at. No text of a conversation."""
    refused = found["outcome"] == "refused"
    page = (
        environment()
        .get_template("gate.md.jinja")
        .render(
            found=found,
            headline=gate.headline(found),
            refused=refused,
            plain=plain,
            simulated=gate.SIMULATED,
            about=None if refused else gate.about(found),
            lines=[] if refused else gate.lines(found),
            said=[] if refused else [*gate.remarks(found), *gate.money(found), *gate.needed(found)],
            flags=[] if refused else gate.flags(found),
            basis="" if refused else gate.basis(found),
            sweep=[] if refused else list(gate.sweep(found)),
        )
    )
    return _cut(page.rstrip() + "\n")


def _cut(page: str) -> str:
    data = page.encode("utf-8", "replace")
    if len(data) <= MOST_BYTES:
        return page
    return data[:MOST_BYTES].decode("utf-8", "ignore") + "\n\n(cut: too long)\n"


def workflow_commands(found: Mapping[str, Json], on_inconclusive: Lenience | None) -> list[str]:
    """Workflow commands that GitHub shows beside a run, the outcome first."""
    worst = {"fail": "error", "refused": "error", "inconclusive": "warning", "pass": "notice"}
    kind = worst[found["outcome"]]
    if found["outcome"] == "inconclusive" and on_inconclusive in ("fail", None):
        kind = "error"
    said = [(kind, gate.headline(found))]
    if found["outcome"] == "refused":
        said += [("error", each) for each in found["reasons"][1:]]
    else:
        levels = {"fail": "error", "inconclusive": "warning"}
        said += [
            (
                levels[each.outcome],
                f"{each.name}: {each.value}, interval {each.interval}, allowed {each.allowed}, n = {each.n}",
            )
            for each in gate.lines(found)
            if each.outcome in levels
        ]
        said += [("warning", f"look at {each}") for each in gate.flags(found)]
    if len(said) > MOST_ANNOTATIONS:
        rest = len(said) - MOST_ANNOTATIONS + 1
        said = [*said[: MOST_ANNOTATIONS - 1], ("warning", f"and {rest} more: see the step summary")]
    return [f"::{level} title={TITLE}::{_escaped(text.one_line(message))}" for level, message in said]


def _escaped(message: str) -> str:
    """A workflow command's message: percent signs and line ends have a meaning there."""
    return message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def junit(found: Mapping[str, Json], on_inconclusive: Lenience | None, started: str) -> str:
    """The decision as JUnit XML; an inconclusive test is skipped, or fails where inconclusive fails."""
    cases = _cases(found, on_inconclusive == "fail")
    count = {kind: sum(each["kind"] == kind for each in cases) for kind in ("failure", "error", "skipped")}
    return (
        environment()
        .get_template("gate.junit.jinja")
        .render(
            cases=cases,
            count=count,
            title=TITLE,
            headline=xml(gate.headline(found)),
            said=xml("\n".join(_said(found))),
            timestamp=_timestamp(started),
            properties=[(xml(name), xml(str(value))) for name, value in _properties(found)],
        )
    )


def _cases(found: Mapping[str, Json], strict: bool) -> list[dict[str, str]]:
    """A test case each: name, what came of it ("" passed), and a message."""
    if found["outcome"] == "refused":
        return [
            {"name": f"precondition {number}", "kind": "error", "message": xml(each)}
            for number, each in enumerate(found["reasons"], 1)
        ]
    kinds = {"pass": "", "fail": "failure", "inconclusive": "failure" if strict else "skipped"}
    cases = [
        {
            "name": xml(each.name),
            "kind": kinds[each.outcome],
            "message": xml(
                f"{each.outcome}: {each.value}, interval {each.interval}, allowed {each.allowed}, n = {each.n}"
                + (f", needed {each.needed}" if each.needed else "")
                + (f"; {each.why}" if each.why else "")
            ),
        }
        for each in gate.lines(found)
    ]
    if found["outcome"] == "inconclusive" and not any(case["kind"] for case in cases):
        cases.append({"name": "review", "kind": kinds["inconclusive"], "message": xml(found["why"])})
    return cases


def _said(found: Mapping[str, Json]) -> Sequence[str]:
    if found["outcome"] == "refused":
        return [gate.headline(found)]
    first = [gate.headline(found), gate.about(found)]
    simulated = [gate.SIMULATED] if found["simulated"] else []
    return [*first, *simulated, *gate.money(found), *gate.needed(found), *gate.flags(found), *found["notes"]]


def _properties(found: Mapping[str, Json]) -> list[tuple[str, object]]:
    keys = ("outcome", "strategy", "against", "n", "needed_n")
    return [(key, found[key]) for key in keys if found.get(key) is not None]


def xml(value: str) -> str:
    """Text that XML 1.0 can hold; the template escapes it."""
    return _NOT_XML.sub("\ufffd", text.shown(value))


def _timestamp(started: str) -> str:
    found = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", started)
    return found[0] if found else "1970-01-01T00:00:00"
