"""Rules take linear time: no message or answer, however odd, holds up a run."""

from __future__ import annotations

import time

import pytest

from ladder_bench.domain import TRIGGER_NAMES
from ladder_bench.experiment import load_rules
from ladder_bench.triggers import Heard, Seen

SIZE = 40_000  # characters
MOST_S = 8.0  # of processor time for all six triggers; what was quadratic took minutes


@pytest.mark.parametrize(
    "part", ["1,", "1.", "0.0,1.1,", "12 ", "no ", "don't ", "a'", "$1 ", "must not ", "10 euros ", "(", "?", "x"]
)
def test_a_message_of_one_thing_over_and_over_is_read_in_time(part: str) -> None:
    text = (part * SIZE)[:SIZE]
    rules = load_rules()

    started = time.process_time()
    rules.fired(TRIGGER_NAMES, Seen(2, text, (text,), "en", ("ok",)))
    rules.fired_on_answer(TRIGGER_NAMES, Seen(2, "hi", ("ho",), "en", ("ok",)), Heard(text))

    assert time.process_time() - started < MOST_S
