"""The page: report.html as one file that loads nothing, runs one small script and works without it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ladder_bench import content
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.folder import Run
from ladder_bench.report import (
    ablations,
    contract,
    handoffs,
    judging,
    ledger,
    method,
    purposes,
    slices,
    text,
    transcripts,
    trials,
    triggers,
    turns,
    validity,
    worth,
)
from ladder_bench.report.columns import OTHERS
from ladder_bench.report.marks import Marks, single_tier_line
from ladder_bench.report.table import table

if TYPE_CHECKING:
    import jinja2

TRANSCRIPT_BYTES = 1_500_000  # of conversations in a page, as HTML
BEST, COMPARED = "the best plain single tier", "with whose answers the others were compared"  # what the base is
STILL = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
OUTCOMES = {
    "found": "A ladder that keeps quality",
    "none": "Nothing cheaper keeps quality",
    "too_few": "Too few conversations to tell",
    "unknown": "No verdict on quality",
}


def page(run: Run, found: Marks, svg: str) -> str:
    """The report as HTML. `svg`: the figure, made for the inside of a page."""
    from markupsafe import Markup

    style, script = _asset("report.css"), _asset("report.js")
    summary, about = run.summary, run.about
    compared = transcripts.compared(run)
    template = environment().get_template("report.html.jinja")
    return template.render(
        style=Markup(style),
        script=Markup(script),
        policy=policy(script),
        summary=summary,
        about=about,
        command=text.one_line(about["command"]),
        kicker=OUTCOMES.get(summary["verdict"]["outcome"], "Verdict"),
        banners=[text.one_line(banner) for banner in summary["banners"]],
        svg=Markup(svg),
        marks=found,
        line=bool(single_tier_line(found.drawn)),
        table=table(summary),
        base_is=COMPARED if (summary.get("preference") or {}).get("stands_in") else BEST,
        further=table(summary, OTHERS),
        compared=[text.one_line(name) for name in compared],
        conversations=_conversations(run, compared),
        not_measured=method.not_measured(summary),
        dropped=method.dropped(summary),
        simulated=is_simulated(about),
        trials=trials.trials(summary),
        imported=about["mode"] == "imported",
        parts=ablations.parts(summary),
        by_turn=turns.by_turn(summary),
        handoffs=handoffs.handoffs(summary),
        triggers=triggers.triggers(run),
        no_triggers=triggers.NONE,
        validity=validity.validity(summary, about),
        judging=judging.blocks(summary, about),
        purposes=purposes.purposes(summary),
        worth=worth.worth(summary, about),
        slices=slices.slices(summary),
        contract=contract.contract(summary),
        sources=[astuple(each) for each in ledger.sources(run.tables)],
        spending=[astuple(each) for each in ledger.spending(run.tables)],
        evaluation=[astuple(each)[:4] for each in ledger.spending(run.tables, evaluation=True)],
        sent=[astuple(each) for each in ledger.sent(run.tables)],
        facts=method.facts(about, summary),
        prices=method.prices(about),
    )


def still(template: str, command: str, **parts: Any) -> str:
    """A page that loads nothing and runs nothing, from one of the templates. `command`: what made it."""
    from markupsafe import Markup

    return environment().get_template(template).render(
        style=Markup(_asset("report.css")), policy=STILL, command=text.one_line(command), **parts
    )  # fmt: skip


def policy(script: str) -> str:
    """The content security policy: nothing from anywhere, and of scripts only this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    parts = (
        "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", f"script-src 'sha256-{digest}'",
        "base-uri 'none'", "form-action 'none'",
    )  # fmt: skip
    return "; ".join(parts)


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The environment of all pages: values are escaped, names must exist, and only our own templates are templates."""
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(content.shipped("reports", "templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=lambda name: name is None or ".html" in name,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(line=text.one_line, score=text.score, usd=text.dollars, seconds=text.seconds)
    return found


def _asset(name: str) -> str:
    return content.shipped("reports", "templates", name).read_text(encoding="utf-8").strip()


# --- conversations -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conversations:
    """The conversations of a page, each as HTML, and how many others there are."""

    pages: tuple[str, ...]
    total: int
    by_difference: bool
    samples: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.pages)


def _conversations(run: Run, compared: tuple[str, ...]) -> Conversations:
    """As many conversations as the caps allow, at least one."""
    order = transcripts.ranked(run, compared)
    names = [name for name, _ in order[: transcripts.CONVERSATIONS]]
    template = environment().get_template("conversation.html.jinja")
    pages: list[str] = []
    size = 0
    for number, shown in enumerate(transcripts.collect(run, names, compared), 1):
        html = template.render(shown=shown, number=number, id=text.one_line(shown.id))
        size += len(html.encode("utf-8", "replace"))
        if pages and size > TRANSCRIPT_BYTES:
            break
        pages.append(html)
    by_difference = any(difference is not None for _, difference in order)
    return Conversations(tuple(pages), len(order), by_difference, run.about["config"]["samples"])
