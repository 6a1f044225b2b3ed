"""Asking: a question and its rubric become a request to a judge. Blind, and with all content as fenced data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ladder_bench import content
from ladder_bench.domain import History, Json, Message, Origin, Request, Tier, canonical
from ladder_bench.errors import InputError
from ladder_bench.judge.fences import Piece, Shown, fenced, mark
from ladder_bench.judge.rubric import FOLDER, REPAIR, Rubric
from ladder_bench.models.local import PREFIX

VALUES = (  # what a prompt may show; what a question has not is empty
    "system_prompt", "conversation", "message", "answer", "answers", "facts", "reference", "intent", "criteria",
    "claims", "first", "second",
)  # fmt: skip
VERDICTS = ("met", "not_met", "cannot_assess")
OF_CLAIMS = ("supported", "contradicted", "unsupported", "cannot_assess")
OF_PAIRS = ("first", "second", "tie", "cannot_assess")
JUDGED = {"turn": "answer", "user_turn": "message", "opening": "answers", "conversation": "answers"}  # by level
MOST_ECHOED = 4000  # characters of a reply that a judge is shown again to put it right
JUDGEMENT_TOKENS = 60  # of a reply, for each criterion: a quote, a sentence and a word
CLAIMS_TOKENS = 250  # of a list of claims
# A small local model does not end a string, or a list, by itself. Hosted providers' strict modes refuse such bounds.
LOCAL_CHARACTERS, LOCAL_CLAIMS = 160, 6

Form = Literal["criteria", "extract", "verify", "pair"]


@dataclass(frozen=True, slots=True)
class Question:
    """What one call asks: a prompt, what it shows, and the form of the reply; `labels` name what is asked about.

    Equal questions have equal answers: they are asked once.
    """

    prompt: str
    folder: Path | None
    shown: tuple[tuple[str, tuple[Piece, ...]], ...]
    form: Form
    labels: tuple[str, ...]
    origin: Origin
    language: str


def question(
    rubric: Rubric, prompt: str, shown: Shown, form: Form, labels: Sequence[str], origin: Origin, language: str | None
) -> Question:
    """A question of a rubric. `shown` holds what there is of `VALUES`."""
    given = tuple((name, tuple(shown[name])) for name in VALUES if shown.get(name))
    return Question(prompt, rubric.folder, given, form, tuple(labels), origin, language or "")


def request(asked: Question, tier: Tier, sample: int = 0) -> Request:
    """Ask a judge. Raises InputError where the prompt cannot be rendered."""
    shown = dict(asked.shown)
    fence = mark(shown)
    values = {name: fenced(shown.get(name, ()), fence) for name in VALUES}
    plain = {"fence": fence, "labels": list(asked.labels), "language": asked.language}
    system, now = _rendered(asked.prompt, asked.folder, {**values, **plain})
    return Request(
        tier=tier,
        system=system,
        history=History(),
        now=(Message("user", now),),
        origin=asked.origin,
        sample=sample,
        purpose="judge",
        schema=schema(asked.form, asked.labels, bounded=tier.model.startswith(PREFIX)),
        fence=fence,
    )


def likely_tokens(asked: Request) -> int:
    """Of a judge's reply to come."""
    return JUDGEMENT_TOKENS * asked.schema.count('"verdict":') or CLAIMS_TOKENS


def repair(first: Request, reply: str, problem: str) -> Request:
    """Ask once more, with what was wrong with the reply; that may quote what is judged, so it is data as well."""
    _, again = _rendered(REPAIR, None, {"problem": fenced((Piece("problem", problem),), first.fence)})
    said = (Message("assistant", reply[:MOST_ECHOED]),) if reply.strip() else ()
    return replace(first, now=(*first.now, *said, Message("user", again)))


def check(rubric: Rubric) -> None:
    """Render a rubric's prompts once. Raises InputError where one names what it is not given, or shows too little."""
    fence = "0" * 32
    plain: dict[str, Json] = {"fence": fence, "labels": ["c1"], "language": ""}
    everything = {name: fenced((Piece(name, "text"),), fence) for name in VALUES}
    for prompt in rubric.prompts:
        _rendered(prompt, rubric.folder, {**dict.fromkeys(VALUES, ""), **plain})
        _, now = _rendered(prompt, rubric.folder, {**everything, **plain})
        missing = [name for name in _needed(rubric, prompt) if f"<<<{fence} {name}\n" not in now]
        if missing:
            raise InputError(
                f"prompt '{prompt}': its block 'user' never shows {' and '.join(missing)}, so a judge would not see it"
            )


def _needed(rubric: Rubric, prompt: str) -> tuple[str, ...]:
    """What a prompt has to show."""
    if rubric.grader == "pairwise":
        return ("first", "second")
    if rubric.ask == "claims":
        return ("answer",) if prompt == rubric.prompts[0] else ("claims",)
    return (JUDGED[rubric.level], "criteria")


def _rendered(prompt: str, folder: Path | None, values: Mapping[str, Json]) -> tuple[str, str]:
    """The blocks `system` and `user` of a prompt."""
    import jinja2

    try:
        template = content.prompts(folder, FOLDER).get_template(prompt)
        context = template.new_context(dict(values))
        whole = "".join(template.root_render_func(context))  # makes the blocks of the prompts that it extends known
        blocks = {
            name: "".join(context.blocks[name][0](context)).strip()
            for name in ("system", "user")
            if name in context.blocks
        }
    except jinja2.UndefinedError as error:
        valid = ", ".join((*VALUES, "fence", "labels", "language"))
        raise InputError(f"prompt '{prompt}': {error.message}; it is given: {valid}") from None
    except (jinja2.TemplateError, jinja2.TemplateNotFound) as error:
        raise InputError(f"prompt '{prompt}': {error}") from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"prompt '{prompt}': {error}") from None
    return blocks.get("system", ""), blocks.get("user", "") or whole.strip()


def schema(form: Form, labels: Sequence[str], bounded: bool = False) -> str:
    """The JSON schema of a reply, as canonical JSON. Reason and evidence come before the verdict.

    `bounded`: no text and no list is longer than a small local model can be let write.
    """
    text: Json = {"type": "string", "maxLength": LOCAL_CHARACTERS} if bounded else {"type": "string"}
    if form == "extract":
        claims = {"type": "array", "items": _object({"claim": text, "quote": text})}
        return canonical(_object({"claims": {**claims, "maxItems": LOCAL_CLAIMS} if bounded else claims}))
    if form == "pair":
        return canonical(_object({"reason": text, "verdict": {"type": "string", "enum": list(OF_PAIRS)}}))
    words = OF_CLAIMS if form == "verify" else VERDICTS
    each = _object({"evidence": text, "reason": text, "verdict": {"type": "string", "enum": list(words)}})
    return canonical(_object(dict.fromkeys(labels, each)))


def _object(properties: dict[str, Json]) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
