"""Detect: how well the trigger detectors agree with a dataset's labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ladder_bench import content, corpus
from ladder_bench.calls.errand import Bounds
from ladder_bench.corpus import Corpus
from ladder_bench.detect import asking
from ladder_bench.detect.labelled import Finding, Look, Score, looks, score
from ladder_bench.domain import TRIGGER_NAMES, Estimate, Json
from ladder_bench.errors import InputError
from ladder_bench.experiment.prepare import load_rules
from ladder_bench.report import text
from ladder_bench.triggers import Rules

__all__ = ["Options", "evaluate"]

RULES = "rules"
MOST = 0.5  # of the texts; where more were not evaluated, nothing is measured
FITTED_SET, FITTED, HELD_OUT = "triggers", ("author-1", "author-2"), "author-3"  # the bundled set and its tags
NEEDED = (
    "no turn is labelled; 'turns' of a conversation must say what a turn's message and answer should fire: "
    '{"2": {"labels": ["goal_change"], "answer_labels": []}}, with [] where nothing should'
)


@dataclass(frozen=True, slots=True)
class Options:
    """`triggers`: which to look at, () for all; `tag`: only conversations that carry it.

    `detect`: "rules", or a tier of `tiers` that is asked.

    The rest is for a tier alone: `offline` sends nothing, `max_cost_usd` bounds what is paid.
    """

    dataset: str
    triggers: tuple[str, ...] = ()
    tag: str | None = None
    limit: int | None = None
    detect: str = RULES
    tiers: str | None = None
    offline: bool = False
    max_cost_usd: float | None = None
    seed: int = 0
    store: Path = Path(".ladder-bench/calls.sqlite")


def evaluate(options: Options, tell: Callable[[str], None] = lambda _: None) -> Json:
    """Compare what fires with what is labelled. `tell` is told what is sent, and at what cost, before it is.

    Raises InputError, also where no turn is labelled, and FatalModelError where a provider refuses everything.
    """
    names = _names(options.triggers)
    asked = None if options.detect == RULES else asking.detector(options.detect, options.tiers or "offline")
    if asked is None and options.tiers is not None:
        raise InputError("--tiers: the rules ask no tier; name one with --detect TIER, or leave --tiers out")
    loaded = _loaded(options)
    found = looks(loaded.conversations, names)
    if not found:
        raise InputError(f"{content.shortened(options.dataset)}: {_what_is_missing(loaded, options.triggers)}")
    calls: Json = None
    if asked is None:
        findings = by_rules(found, load_rules())
    else:
        bounds = Bounds(options.offline, options.max_cost_usd, options.store)
        calls, findings = asking.by_tier(found, loaded, asked, bounds, options.seed, tell)
    scores, confusions = score(found, findings, names)
    unseen = sum(isinstance(each, str) for each in findings)
    return {
        "dataset": loaded.name,
        "tag": options.tag,
        "detect": options.detect,
        "conversations": len({look.conversation for look in found}),
        "turns": len({(look.conversation, look.turn) for look in found}),
        "texts": len(found),
        "not_evaluated": unseen,
        "inconclusive": unseen > MOST * len(found),
        "notes": [*_simulated(asked), *_fitted(options, loaded), *_not_looked_at(findings), *loaded.notes],
        "calls": calls,
        "triggers": {each.trigger: _score_json(each) for each in scores},
        "confusions": [asdict(each) for each in confusions],
    }


def by_rules(found: Sequence[Look], rules: Rules) -> list[Finding]:
    """What the rules find; nobody looks where they do not speak the language."""
    return [_by_rules(look, rules) for look in found]


def _by_rules(look: Look, rules: Rules) -> Finding:
    if not rules.speaks(look.seen.language):
        return f"no lexicon for the language '{look.seen.language}'"
    if look.heard is None:
        return rules.fired(look.names, look.seen)
    return rules.fired_on_answer(look.names, look.seen, look.heard)


def _loaded(options: Options) -> Corpus:
    """The conversations with the tag, the first ones where there is a limit. Raises InputError."""
    if options.tag is None:
        return corpus.load(options.dataset, limit=options.limit)
    whole = corpus.load(options.dataset)
    tagged = tuple(each for each in whole.conversations if options.tag in each.tags)
    if not tagged:
        known = sorted({tag for each in whole.conversations for tag in each.tags})
        listed = text.joined(known, 12) or "none has a tag"
        hint = content.did_you_mean(options.tag, known)
        raise InputError(f"--tag: no conversation has '{content.shortened(options.tag)}'{hint}; tags: {listed}")
    return replace(whole, conversations=tagged[: options.limit])


def _names(chosen: Sequence[str]) -> tuple[str, ...]:
    for name in chosen:
        if name not in TRIGGER_NAMES:
            hint = content.did_you_mean(name, TRIGGER_NAMES)
            raise InputError(
                f"--trigger: unknown trigger '{content.shortened(name)}'{hint}; valid: {', '.join(TRIGGER_NAMES)}"
            )
    return tuple(name for name in TRIGGER_NAMES if name in (chosen or TRIGGER_NAMES))


def _what_is_missing(loaded: Corpus, chosen: Sequence[str]) -> str:
    """Why no turn can be compared."""
    turns = [turn for each in loaded.conversations for turn in each.turns]
    if not chosen or all(turn.labels is None and turn.answer_labels is None for turn in turns):
        return NEEDED
    field = "'answer_labels' and a recorded answer" if "low_confidence" in chosen else "'labels'"
    return f"no turn has {field}, which {' and '.join(chosen)} would be compared with"


def _simulated(asked: asking.Detector | None) -> list[str]:
    if asked is None or not asked.tier.simulated:
        return []
    return [f"simulated: '{asked.tier.name}' is told the labels and errs at declared rates; this measures no model"]


def _fitted(options: Options, loaded: Corpus) -> list[str]:
    """What the rules were tuned on is no measure of them."""
    seen = {tag for each in loaded.conversations for tag in each.tags}
    if options.detect != RULES or loaded.name != FITTED_SET or seen.isdisjoint(FITTED):
        return []
    return [f"fitted: the rules were tuned on {' and '.join(FITTED)}; --tag {HELD_OUT} was not"]


def _not_looked_at(findings: Sequence[Finding]) -> list[str]:
    """Texts that nobody could look at, by reason, with counts."""
    reasons = Counter(each for each in findings if isinstance(each, str))
    unseen, whole = reasons.total(), len(findings)
    mostly = [f"inconclusive: {unseen:,} of {whole:,} texts were not evaluated"] if unseen > MOST * whole else []
    return mostly + [f"not evaluated: {reason} ({count}x)" for reason, count in sorted(reasons.items())]


# --- as JSON -------------------------------------------------------------------------------


def _score_json(each: Score) -> dict[str, Json]:
    found = each.detection
    estimates = {"precision": found["precision"], "recall": found["recall"], "f1": found["f1"]}
    return {
        **{name: estimate.value for name, estimate in estimates.items()},
        "n_labelled": int(found["n_labelled"]),
        "n_fired": int(found["n_fired"]),
        "intervals": {name: _interval(estimate) for name, estimate in estimates.items()},
        "turns": each.turns,
        "not_evaluated": each.not_evaluated,
    }


def _interval(estimate: Estimate) -> Mapping[str, Json]:
    return {"low": estimate.low, "high": estimate.high, "n": estimate.n, "why": estimate.why}
