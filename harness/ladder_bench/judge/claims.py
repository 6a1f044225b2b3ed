"""Claims: what an answer states is taken apart, and every claim held against what was said before it.

Two steps: the first judge that can lists the verifiable claims; all of them verify, against the conversation so far,
the facts and the tool results, never against the answer itself. (Extract and verify: FActScore, arXiv 2305.14251.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ladder_bench.calls.calling import UNSEEN
from ladder_bench.domain import Call, Judgement, Origin, Verdict, digest_of
from ladder_bench.judge import shown, words
from ladder_bench.judge.asking import question
from ladder_bench.judge.judges import Judges, Reading
from ladder_bench.judge.reading import Unreadable
from ladder_bench.judge.rubric import Rubric
from ladder_bench.judge.sheets import MOST, Item, Sheet, Subject, of_answer
from ladder_bench.judge.shown import Seen

MOST_CLAIMS = 24  # of an answer that are verified
TARGET = "claims"
PLANNED = ["(a claim to come)"] * 6  # of an answer that nobody has seen yet
NONE = "makes no verifiable claim"


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts, the judgements behind them, and the calls they took, each with its turn."""

    verdicts: tuple[Verdict, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    calls: tuple[tuple[int, Call], ...] = ()


async def judged(rubric: Rubric, of: Subject, seen: Seen, judges: Judges) -> Judged:
    """The share of an answer's claims that is supported, weighted by how many there are."""
    turn = seen.answered.turn
    given = of_answer(of.conversation, seen)
    origin = Origin(of.conversation.id, turn)
    extract, verify = rubric.prompts
    listing = question(rubric, extract, given, "extract", (), origin, of.conversation.language)
    readings = await judges.ask(listing, first_alone=True)
    calls = [(turn, call) for reading in readings for call in reading.calls]
    found = readings[-1].said
    if isinstance(found, Unreadable) and found.outcome != UNSEEN:
        item = Item(rubric.metric, TARGET, turn, "")
        said = [_failed(rubric, item, reading, reading.said) for reading in readings]
        return Judged((words.verdict(item, said),), tuple(said), tuple(calls))
    claims = PLANNED if isinstance(found, Unreadable) else [each["claim"] for each in found["claims"]]
    listed_claims = [claim for claim in claims if claim.strip()]
    claims = _drawn(listed_claims)
    sources = {name: given[name] for name in ("system_prompt", "conversation", "message", "facts")}
    said = []
    verdicts = []
    for start in range(0, len(claims), MOST):
        part = claims[start : start + MOST]
        items = tuple(Item(rubric.metric, f"k{start + n}", turn, claim) for n, claim in enumerate(part, 1))
        labels = [item.target for item in items]
        listed = shown.listed("claims", list(zip(labels, part, strict=True)))
        asked = question(
            rubric, verify, {**sources, "claims": listed}, "verify", labels, origin, of.conversation.language
        )
        sheet = Sheet(asked, items)
        for reading in await judges.ask(asked):
            said += words.judgements(rubric.id, sheet, reading)
            calls += [(turn, call) for call in reading.calls]
        verdicts += [
            (item, words.verdict(item, [each for each in said if each.target == item.target])) for item in items
        ]
    return Judged((_share(rubric, turn, verdicts, len(listed_claims)),), tuple(said), tuple(calls))


def _drawn(claims: Sequence[str]) -> list[str]:
    """All of them, or of too many as many as are verified, drawn by hash: the first would favour how answers begin."""
    ranks = sorted(range(len(claims)), key=lambda place: digest_of("claim", str(place), claims[place]))
    return [claims[place] for place in sorted(ranks[:MOST_CLAIMS])]


def _failed(rubric: Rubric, item: Item, reading: Reading, said: object) -> Judgement:
    assert isinstance(said, Unreadable)
    whole = (rubric.id, item.metric, item.target, item.turn, reading.judge, reading.repeat, said.outcome, None)
    return Judgement(*whole, said.what[: words.MOST_CHARACTERS], "", reading.key, reading.repaired)


def _share(rubric: Rubric, turn: int, found: Sequence[tuple[Item, Verdict]], listed: int) -> Verdict:
    """One verdict for an answer: its weight is the number of claims that could be judged."""
    told = [(item, each) for item, each in found if each.value is not None]
    if not found:
        return Verdict(TARGET, rubric.metric, turn, None, NONE, "", 0.0, rubric=rubric.id)
    grader = found[0][1].grader
    if not told:
        return replace(found[0][1], target=TARGET)
    missing = [item.text for item, each in told if each.value == 0.0]
    share = 1.0 - len(missing) / len(told)
    reason = "unsupported: " + "; ".join(missing) if missing else "all supported"
    evidence = next((each.evidence for _, each in told if each.value == 0.0), "")
    left = f" ({len(found)} of {listed} claims, drawn at random)" if listed > len(found) else ""
    left += f" ({len(found) - len(told)} of {len(found)} could not be judged)" if len(told) < len(found) else ""
    return Verdict(
        TARGET, rubric.metric, turn, share, (reason + left)[: 2 * words.MOST_CHARACTERS], grader, float(len(told)),
        evidence=evidence, rubric=rubric.id,
    )  # fmt: skip
