"""The simulator answers as declared: its chances follow the documented formula, and its notes err at declared rates."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from builders import answered, conversation, criterion
from ladder_bench import corpus, handoff, models
from ladder_bench.blocks import confidence_in, frame_parts, visible, with_memory
from ladder_bench.domain import (
    FRAME_PARTS,
    Constraint,
    Conversation,
    Criterion,
    Decision,
    Handoff,
    History,
    Intent,
    Ladder,
    Message,
    Origin,
    Request,
    Step,
)
from ladder_bench.errors import InputError, ModelError
from ladder_bench.models.realise import meets
from ladder_bench.models.simulated import MARK, Simulated, items_of
from ladder_bench.tiers import load_tiers, simulator_profile
from ladder_bench.triggers import Heard, Seen, model
from simulated_runs import EFFECTS, lived, with_params
from simulator_contrasts import CONTRASTS, Found, contrasts
from simulator_truth import expected_quality

TIERS = load_tiers("offline")
PLAIN = {"skill": 1.0, "conversation_sd": 0.0, "item_sd": 0.0, "framing": 0.8, "memory": 0.7, "loss": 0.5, "hidden": 1.5,
         "reminded": 1.4, "difficulty": dict.fromkeys(("correctness", "completeness", "constraint", "format"), 0.0)}  # fmt: skip
CHEAP = Constraint(Criterion("c1", "constraint", "stays cheap", check={"absent": ["gold plating"]}))
TALK = conversation(
    "Build a shed.",
    "Where does it go?",
    "Paint it.",
    "Is it done?",
    criteria={3: [criterion("paint")]},
    intent=Intent(constraints=(CHEAP,)),
)


def client(talk: Conversation = TALK, name: str = "light", seed: int = 0, **params: Any) -> Simulated:
    tiers = with_params(TIERS, **{**PLAIN, **params})
    found = models.clients(tiers.tiers, {talk.id: talk}, seed)[name]
    assert isinstance(found, Simulated)
    return found


def asked(*said: str, turn: int = 3, step: int | None = None, memory: str | None = None, **more: Any) -> Request:
    """A request whose history is these messages, user and assistant in turn; the last is the user's now."""
    roles = ("user", "assistant")
    history = History().plus(*(Message(roles[n % 2], text) for n, text in enumerate(said[:-1])))
    now = said[-1] if memory is None else with_memory(said[-1], memory)
    return Request(
        TIERS["light"], more.pop("system", ""), history, (Message("user", now),), Origin("c1", turn, step), **more
    )


def logits(request: Request, **params: Any) -> dict[str, float]:
    found = client(**params).drawn(TALK, TALK.turns[request.origin.matter - 1], request)
    return {each.item.id: round(each.logit, 9) for each in found}


def reply(request: Request, **more: Any) -> str:
    return asyncio.run(client(**more).complete(request)).text


FRAME = "[frame]\n" + "".join(f"{part}: x\n" for part in FRAME_PARTS) + "[/frame]\n"
OWN = MARK * 3  # light is the third tier
FULL = ("Build a shed.", f"a{OWN}", "Where does it go?", f"b{OWN}", "Paint it.")


# --- chances -------------------------------------------------------------------------------


def test_skill_alone_counts_where_nothing_else_is_there() -> None:
    assert logits(asked(*FULL)) == {"k1": 1.0, "c1": 1.0}


@pytest.mark.parametrize(("parts", "gain"), [(6, 0.8), (3, 0.4), (0, 0.0)])
def test_a_frame_helps_by_the_share_of_its_parts(parts: int, gain: float) -> None:
    frame = "[frame]\n" + "".join(f"{part}: x\n" for part in FRAME_PARTS[:parts]) + "[/frame]\n"

    assert logits(asked("Build a shed.", f"{frame}a{OWN}", *FULL[2:])) == {"k1": 1.0 + gain, "c1": 1.0 + gain}


def test_a_memory_helps_the_items_that_it_holds_and_undoes_the_loss_of_a_handoff() -> None:
    handed = ("Build a shed.", f"a{MARK}", "Where does it go?", f"b{OWN}", "Paint it.")

    assert logits(asked(*handed)) == {"k1": 1.0, "c1": 0.5}
    assert logits(asked(*handed, memory="Goal:\n- paint")) == {"k1": 1.7, "c1": 1.7}
    assert logits(asked(*handed, memory="Goal:\n- gold plating")) == {"k1": 1.0, "c1": 1.0}


def test_what_came_up_in_messages_that_are_not_shown_is_harder_unless_the_memory_holds_it() -> None:
    assert logits(asked("Paint it.", memory="Goal:\n- gold plating")) == {"k1": 1.0, "c1": -0.5}
    assert logits(asked("Paint it.", memory="Goal:\n- paint")) == {"k1": 1.7, "c1": 1.7}


def test_an_item_that_a_played_user_asks_for_by_its_text_is_easier() -> None:
    again = asked(*FULL, f"c{OWN}", "I still need this:\n- says paint", turn=4, step=3)

    assert logits(again) == {"k1": 2.4, "c1": 1.0}


def test_a_follow_up_shifts_no_recorded_turn() -> None:
    talk = ("Build a shed.", f"a{MARK}", "No!", f"a{MARK}", "Where does it go?", f"b{OWN}", "Paint it.")

    assert logits(asked(*talk, turn=4, step=3)) == {"k1": 1.0, "c1": 0.5}
    assert logits(asked(*talk[4:], turn=4, step=3, memory="Goal:\n- gold plating")) == {"k1": 1.0, "c1": -0.5}


def test_the_confidence_line_is_no_other_author() -> None:
    said = tuple(f"{text}\n\n[confidence: low]" if n % 2 else text for n, text in enumerate(FULL))

    assert logits(asked(*said)) == logits(asked(*FULL))


def test_a_new_attempt_has_luck_of_its_own_but_no_easier_items() -> None:
    again = asked(*FULL, f"c{OWN}", "Again.", turn=4, step=3)
    words = {reply(request, seed=seed, skill=0.0) for seed in range(8) for request in (asked(*FULL), again)}

    assert len(words) > 1
    assert logits(again, item_sd=1.0)["k1"] == logits(asked(*FULL), item_sd=1.0)["k1"]


# --- what an answer says of itself ---------------------------------------------------------


GUARDED = handoff.system_prompt(
    TALK, Ladder("l", (Step("light"),), guardrails=("confidence",)), Decision("light", "", False, guide=False)
)


@pytest.mark.parametrize("seed", range(4))
def test_the_confidence_line_comes_last_and_changes_nothing_that_is_graded(seed: int) -> None:
    plain = reply(asked(*FULL), seed=seed)
    sure = reply(asked(*FULL, system=GUARDED), seed=seed)

    assert confidence_in(sure) in ("high", "medium", "low")
    assert visible(sure) == visible(plain)


def test_low_confidence_is_rare_and_mostly_right() -> None:
    talks = corpus.load("workbench").conversations
    clients = models.clients(TIERS.tiers, {each.id: each for each in talks}, 0)
    ladder = Ladder("l", (Step("advanced", 1), Step("light")), guardrails=("confidence",))
    shares: dict[str | None, list[float]] = {"high": [], "medium": [], "low": []}
    for talk in talks:
        for turn in asyncio.run(lived(talk, ladder, TIERS, clients)).answered[1:]:
            items = items_of(talk, talk.turns[turn.turn - 1])
            if items and turn.answer is not None:
                met = [meets(each.item.check, visible(turn.answer)) for each in items]
                shares[confidence_in(turn.answer)].append(float(np.mean(met)))
    whole = sum(map(len, shares.values()))

    assert 0.1 <= len(shares["low"]) / whole <= 0.2
    assert np.mean(shares["low"]) < 0.55 < np.mean(shares["medium"]) < np.mean(shares["high"])


def test_a_frame_has_the_parts_that_were_asked_for() -> None:
    decision = Decision("advanced", "", False, guide=True)
    system = handoff.system_prompt(TALK, Ladder("l", (Step("light"),), scaffold=("goal", "plan")), decision)

    assert set(frame_parts(reply(asked("Build a shed.", turn=1, system=system), frame_rate=1.0))) == {"goal", "plan"}


# --- no effect, no difference --------------------------------------------------------------


def test_where_every_effect_is_declared_zero_memory_context_and_scaffold_change_no_answer() -> None:
    talks = corpus.load("workbench").conversations[:6]
    none = with_params(TIERS, **dict.fromkeys(EFFECTS, 0.0))
    bare = Ladder("bare", (Step("advanced", 1), Step("light")))
    memory = Handoff(memory="standard", refresh_every=1)
    variants = [
        bare,
        replace(bare, handoff=memory),
        replace(bare, handoff=replace(memory, writer="outgoing")),
        replace(bare, handoff=replace(memory, context="memory_only")),
        replace(bare, handoff=replace(memory, context="recent", recent=1)),
        replace(bare, scaffold=FRAME_PARTS),
        replace(bare, scaffold=("goal",), handoff=memory),
    ]
    clients = models.clients(none.tiers, {each.id: each for each in talks}, 1)
    for talk in talks:
        found = {
            tuple(
                visible(each.answer or "").strip() for each in asyncio.run(lived(talk, ladder, none, clients)).answered
            )
            for ladder in variants
        }

        assert len(found) == 1


@lru_cache(maxsize=1)
def of_two_seeds() -> dict[str, Found]:
    return contrasts(corpus.load("workbench").conversations, TIERS, range(2))


def test_ablations_estimate_what_the_chances_along_the_way_say_and_those_follow_the_formula() -> None:
    found = of_two_seeds()
    raw = [json.loads(line) for line in corpus.find("workbench").read_text("utf-8").splitlines() if line.strip()]
    params = {tier.name: dict(tier.params) for tier in TIERS.tiers}
    framed, bare = (
        expected_quality(raw, [("advanced", 2), ("light", None)], params, each).mean() for each in (True, False)
    )

    assert all(each.coverage == 1.0 for each in found.values())
    assert found["scaffold: standard - none"].truth == pytest.approx(framed - bare, abs=0.012)
    assert found["triggers: rules - none"].truth > 0.01


def test_memory_and_context_buy_what_the_formula_says_of_the_memories_that_were_carried() -> None:
    talks = corpus.load("workbench").conversations
    raw = [json.loads(line) for line in corpus.find("workbench").read_text("utf-8").splitlines() if line.strip()]
    params = {tier.name: dict(tier.params) for tier in TIERS.tiers}
    found = of_two_seeds()
    clients = models.clients(TIERS.tiers, {each.id: each for each in talks}, 0)

    def expected(ladder: Ladder, memory_only: bool) -> float:
        lives = [asyncio.run(lived(talk, ladder, TIERS, clients)).answered for talk in talks]
        memories = [{each.turn: each.memory for each in life if each.memory is not None} for life in lives]
        steps = [("advanced", 2), ("light", None)]
        return float(expected_quality(raw, steps, params, False, memories, memory_only).mean())

    only, remembers = CONTRASTS["context: memory_only - full"]
    bare = float(expected_quality(raw, [("advanced", 2), ("light", None)], params, False).mean())
    with_memory = expected(remembers, memory_only=False)

    assert with_memory - bare > 0.01
    assert found["memory: standard - none"].truth == pytest.approx(with_memory - bare, abs=0.012)
    assert found["context: memory_only - full"].truth == pytest.approx(
        expected(only, memory_only=True) - with_memory, abs=0.012
    )


def test_ablations_are_exactly_zero_where_nothing_has_an_effect() -> None:
    talks = corpus.load("workbench").conversations
    found = contrasts(talks, with_params(TIERS, **dict.fromkeys(EFFECTS, 0.0)), range(2))

    for name in found.keys() - {"triggers: rules - none"}:  # another tier answers there
        assert (found[name].truth, found[name].estimate) == (0.0, 0.0)


# --- memories ------------------------------------------------------------------------------


def noted(recall: float, *said: str, words: int = 250) -> str:
    strategy = Ladder(
        "l", (Step("advanced", 1), Step("light")), handoff=Handoff("standard", "outgoing", max_tokens=words)
    )
    lived_so_far = asked(*said, "").history
    request = handoff.memory_request(
        TALK, strategy, [answered("advanced")], TIERS["light"], lived_so_far, TALK.turns[1].user.content,
        Origin("c1", 2), 0,
    )  # fmt: skip
    return reply(request, recall=recall)


def test_a_written_memory_can_be_read_and_holds_what_the_user_said() -> None:
    written = noted(
        1.0, "Build a shed. It must stay below 900 euros. A list, please.", "I assume wood. Start with the floor."
    )

    assert handoff.read_memory(written, 250) == written
    for said in ("Goal:\n- Build a shed.", "- It must stay below 900 euros.", "- A list, please.", "- I assume wood."):
        assert said in written
    assert "- Where does it go?" in written


def test_recall_is_the_share_of_the_users_sentences_that_a_memory_keeps() -> None:
    sentences = [f"Number {n} must be blue." for n in range(400)]
    kept = noted(0.7, " ".join(sentences), "Fine.", words=8000)

    assert sum(f"- {each}" in kept for each in sentences) / 400 == pytest.approx(0.7, abs=0.06)
    assert "Constraints" not in noted(0.0, " ".join(sentences), "Fine.")


def test_a_written_memory_keeps_to_the_words_it_is_allowed() -> None:
    written = noted(1.0, " ".join(f"Number {n} must be blue." for n in range(400)), "Fine.", words=60)

    assert len(written.split()) <= 40
    assert "Number 399" in written


# --- detectors -----------------------------------------------------------------------------


LABELLED = replace(TALK, turns=(replace(TALK.turns[0], labels=("high_stakes",), answer_labels=("low_confidence",)),))
NAMES = ("high_stakes", "deep_work")


def detected(
    talk: Conversation,
    names: tuple[str, ...] = NAMES,
    message: str = "Build a shed.",
    answer: str | None = None,
    **more: Any,
) -> dict[str, bool]:
    heard = None if answer is None else Heard(answer)
    request = model.request(names, Seen(1, message), heard, TIERS["light"], Origin(talk.id, 1), 0)
    text = reply(request, talk=talk, **more)
    fired = model.read(text, names, "message")
    assert fired is not None
    assert all(each.evidence in (message, answer) for each in fired)
    return {name: json.loads(text)[name]["fires"] for name in names}


SURE = {"detector": {"sensitivity": 1.0, "false_alarm": 0.0}}


def test_a_detector_without_errors_says_what_the_labels_say() -> None:
    on_answer = detected(LABELLED, ("low_confidence", "missing_information"), answer="Maybe.", **SURE)

    assert detected(LABELLED, **SURE) == {"high_stakes": True, "deep_work": False}
    assert on_answer == {"low_confidence": True, "missing_information": False}


def test_where_nobody_labelled_what_was_said_no_trigger_fires() -> None:
    alarming = {"detector": {"sensitivity": 1.0, "false_alarm": 1.0}}

    assert not any(detected(TALK, **alarming).values())
    assert not any(detected(LABELLED, message="No, a barn!", **alarming).values())


def test_a_detector_errs_at_its_declared_rates() -> None:
    rates = {"detector": {"sensitivity": 0.8, "false_alarm": 0.2}}
    found = [detected(LABELLED, seed=seed, **rates) for seed in range(400)]

    assert np.mean([each["high_stakes"] for each in found]) == pytest.approx(0.8, abs=0.06)
    assert np.mean([each["deep_work"] for each in found]) == pytest.approx(0.2, abs=0.06)


# --- what it refuses -----------------------------------------------------------------------


def test_a_simulated_tier_refuses_calls_that_it_knows_nothing_of() -> None:
    with pytest.raises(ModelError, match="unsupported: a simulated tier answers no 'judge' call"):
        reply(asked(*FULL, purpose="judge"))


def test_the_profile_of_the_user_is_free_and_no_tier_of_a_file(tmp_path: Any) -> None:
    profile = simulator_profile("simulated/user")
    path = tmp_path / "tiers.yaml"
    path.write_text("tiers:\n- {name: a, model: simulated/user}\n")

    assert profile is not None
    assert profile["price"] == {"input": 0.0, "output": 0.0}
    with pytest.raises(InputError, match="'simulated/user' plays the user and answers nothing; valid: simulated/adv"):
        load_tiers(str(path))


def test_the_formula_gives_the_chance() -> None:
    drawn = client().drawn(TALK, TALK.turns[2], asked(*FULL))

    assert drawn[0].probability == pytest.approx(1 / (1 + math.exp(-1.0)))
