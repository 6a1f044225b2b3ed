"""The bill: what step ladders would have cost on a log, checked by hand, and what a bill says it does not know."""

from __future__ import annotations

import contextlib
import gzip
import html.parser
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench import bill, cli, config
from ladder_bench.bill import family, pricing, tokens
from ladder_bench.bill.traffic import traffic
from ladder_bench.corpus import arms, log
from ladder_bench.domain import Price, Tier
from ladder_bench.errors import InputError
from ladder_bench.ladder import planned_tier
from ladder_bench.report import bill as pages

MICRO = 1e-6
DATA = Path(__file__).parents[2] / "shared" / "data"
TIERS = {
    "strong": Tier("strong", "x/strong", {}, Price(10, 100, cached=1, minimum_prefix=0), cache_group="strong"),
    "light": Tier("light", "x/light", {}, Price(1, 10, cached=0.1, minimum_prefix=0), cache_group="light"),
}


def recordings(name: str) -> str:
    if not (DATA / name).is_file():
        pytest.skip(f"needs the recordings: {name} is not in ../shared/data")
    return str(DATA / name)


def turn(tokens_in: int | None = None, tokens_out: int = 0, user: str = "hi", **more: Any) -> list[dict[str, Any]]:
    """A question and its answer; without tokens the answer has no usage."""
    stamp = {"timestamp": more.pop("at")} if "at" in more else {}
    usage = {} if tokens_in is None else {"usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}}
    return [{"role": "user", "content": user, **stamp}, {"role": "assistant", "content": "yes", **usage, **more}]


def line(*turns: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    return {"messages": [message for each in turns for message in each], **more}


SMALL = (
    line(turn(100, 10), turn(150, 20), turn(220, 30), id="a"),
    line(turn(200, 10), id="b"),
)


def written(folder: Path, *lines: Mapping[str, Any], name: str = "log.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return str(folder / name)


def tiers_file(folder: Path, tiers: Mapping[str, Tier] = TIERS) -> str:
    rates = ("input", "output", "cached", "cache_write", "ttl_s", "minimum_prefix")
    shapes = [
        {
            "name": each.name,
            "model": each.model,
            "price": {key: value for key in rates if (value := getattr(each.price, key)) is not None},
        }
        for each in tiers.values()
    ]
    (folder / "tiers.yaml").write_text(json.dumps({"tiers": shapes}), encoding="utf-8")
    return str(folder / "tiers.yaml")


def billed(
    folder: Path, *lines: Mapping[str, Any], tiers: Mapping[str, Tier] = TIERS, **options: Any
) -> dict[str, Any]:
    """The bill of a log."""
    found = log.load(written(folder, *lines))
    return bill.bill(found, config.load_tiers(tiers_file(folder, tiers)), bill.Options(**options))


def metrics(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    row = next(each for each in found["strategies"] if each["name"] == name)
    return {key: value["value"] for key, value in row["metrics"].items()}


def said(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    with contextlib.chdir(folder), pytest.raises(SystemExit) as caught:
        cli.main(["bill", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


# --- dollars by hand -----------------------------------------------------------------------


def test_a_small_log_costs_what_a_pencil_says(tmp_path: Path) -> None:
    """In millionths of a dollar. a: 100, 150, 220 tokens in; 10, 20, 30 out. b: 200 in, 10 out."""
    strong_a = (1000 + 1000) + (100 * 1 + 50 * 10 + 2000) + (150 * 1 + 70 * 10 + 3000)
    ladder_a = 2000 + (150 * 1 + 200) + (150 * 0.1 + 70 * 1 + 300)  # light has cached nothing before turn 2
    cold_a = 2000 + 350 + (220 + 300)
    further_a = (220 * 0.1 + (30 + 5) * 1) + 200  # "hi" has 1 token and 4 around it; the mean answer 20
    further_b = (200 + 10 + 5) * 1 + 100

    found = billed(tmp_path, *SMALL, conversations_per_month=1000)

    ladder = metrics(found, "strong 1 → light")
    saving = (strong_a - ladder_a) / 2
    assert strong_a == 8450
    assert metrics(found, "strong")["cost_usd_warm"] == pytest.approx((8450 + 3000) / 2 * MICRO)
    assert metrics(found, "light")["cost_usd_warm"] == pytest.approx((845 + 300) / 2 * MICRO)
    assert ladder == pytest.approx(
        {
            "cost_usd_warm": (ladder_a + 3000) / 2 * MICRO,
            "cost_usd_cold": (cold_a + 3000) / 2 * MICRO,
            "share_of_top": (ladder_a + 3000) / 11450,
            "saving_usd": saving * MICRO,
            "cache_lost_usd": (350 - 260) / 2 * MICRO,  # 100 of turn 2's tokens would have been cached
            "further_turn_usd": (further_a + further_b) / 2 * MICRO,
            "further_turns_break_even": 2 * saving / (further_a + further_b),
            "unresolved_break_even": saving / (10 * 5725),
            "cost_usd_month": (ladder_a + 3000) / 2 * MICRO * 1000,
            "saving_usd_month": saving * MICRO * 1000,
        }
    )


def test_longer_answers_of_a_tier_make_its_later_prompts_longer(tmp_path: Path) -> None:
    found = billed(tmp_path, SMALL[0], output_ratios={"light": 2.0})

    second, third = 150 + 400, 150 * 0.1 + (70 + 20) + 600  # 20 tokens more were said on turn 2
    assert metrics(found, "strong 1 → light")["cost_usd_warm"] == pytest.approx((2000 + second + third) * MICRO)
    assert metrics(found, "strong")["cost_usd_warm"] == pytest.approx(8450 * MICRO)


def test_reasoning_is_paid_for_and_does_not_stay_in_the_history(tmp_path: Path) -> None:
    first = turn(100, 10)
    first[1]["usage"]["completion_tokens_details"] = {"reasoning_tokens": 4}

    found = billed(tmp_path, line(first, turn(150, 20), id="a"), output_ratios={"light": 2.0})

    second = 100 * 0.1 + (50 + 6) + 400  # of 10 more tokens 4 are reasoning
    assert metrics(found, "light")["cost_usd_warm"] == pytest.approx((100 + 200 + second) * MICRO)
    assert any("13% of the output tokens are the logged model's reasoning" in each for each in found["remarks"])


def test_the_sweep_holds_the_declared_ratio_and_its_multiples(tmp_path: Path) -> None:
    swept = billed(tmp_path, *SMALL, output_ratios={"light": 2.0})["output_ratio_sweep"]
    plain = {ratio: billed(tmp_path, *SMALL, output_ratios={"light": ratio}) for ratio in (1.0, 2.0, 3.0, 4.0)}

    assert [each["factor"] for each in swept] == list(bill.SWEPT)
    for each, ratio in zip(swept, plain, strict=True):
        assert set(each["share_of_top"]) == {"light", "strong 1 → light", "strong 2 → light"}
        for name, share in each["share_of_top"].items():
            assert share["value"] == pytest.approx(metrics(plain[ratio], name)["share_of_top"])


def golden() -> dict[str, Tier]:
    strong = Price(4, 20, cached=0.2, cache_write=5, minimum_prefix=512)
    light = Price(1, 5, cached=0.1, cache_write=1.25, minimum_prefix=4096)
    return {name: Tier(name, f"x/{name}", {}, price) for name, price in (("strong", strong), ("light", light))}


def published() -> dict[str, Any]:
    """12 turns: a system prompt of 1,500 tokens, 250 in and 450 out a turn."""
    turns = [turn(1500 + 250 * number + 450 * (number - 1), 450, f"question {number}") for number in range(1, 13)]
    return line(*turns, system="you are")


@pytest.mark.parametrize(
    ("name", "short_gaps", "cold", "long_gaps"),
    [
        ("strong", 0.1668, 0.3768, 0.4440),
        ("light", 0.0547, 0.0942, 0.1082),
        ("strong 2 → light", 0.0766, 0.1203, 0.1385),
    ],
)
def test_the_published_conversation_costs_what_the_published_table_says(
    name: str, short_gaps: float, cold: float, long_gaps: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (written(tmp_path, published()), "--tiers", tiers_file(tmp_path, golden()), "--json", "--gap-s")

    short, long = (json.loads(said(capsys, tmp_path, *arguments, gap)[1]) for gap in ("60", "600"))

    assert round(metrics(short, name)["cost_usd_warm"], 4) == short_gaps
    assert round(metrics(short, name)["cost_usd_cold"], 4) == cold
    assert round(metrics(long, name)["cost_usd_warm"], 4) == long_gaps


def test_alternating_tiers_cost_what_the_published_table_says(tmp_path: Path) -> None:
    loaded = log.load(written(tmp_path, published())).conversations
    (spoken,), _ = tokens.read(loaded, 60)
    known = config.load_tiers(tiers_file(tmp_path, golden()))
    by_name = {tier.name: tier for tier in known.tiers}

    found = pricing.price_route(spoken, ("strong", "light") * 6 + ("strong",), by_name, {})

    assert (round(found.warm, 4), round(found.cold, 4)) == (0.1359, 0.2292)


def test_tiers_that_share_a_cache_lose_nothing_when_they_switch(tmp_path: Path) -> None:
    loaded = log.load(written(tmp_path, SMALL[0])).conversations
    (spoken,), _ = tokens.read(loaded, 60)
    low = Tier("low effort", "x/strong", {}, TIERS["strong"].price, cache_group="strong")

    found = pricing.price_route(
        spoken, ("strong", "low effort", "low effort", "low effort"), {**TIERS, "low effort": low}, {}
    )

    assert found.warm == pytest.approx(8450 * MICRO) == found.kept


# --- tokens --------------------------------------------------------------------------------


def test_turns_without_usage_stand_on_the_base_of_the_recorded_ones(tmp_path: Path) -> None:
    """A prompt of 1,000 tokens that the messages do not show: 1 + 4 a message are counted."""
    whole = line(turn(1005, 1), turn(1015, 1), turn(1025, 1), id="whole")
    mixed = line(turn(), turn(1015, 1), turn(), id="mixed")
    none = line(turn(), turn(), turn(), id="none")

    found = billed(tmp_path, whole, mixed, none)

    (first, second, third), counted = tokens.read(log.load(written(tmp_path, whole, mixed, none)).conversations, 60)
    asked = [[(each.usage.input, each.usage.output) for each in one.asked] for one in (first, second, third)]
    assert asked[0] == asked[1] == asked[2]
    assert (counted.base, counted.estimated, counted.answered) == (1000, 5, 9)
    assert any(
        "5 of 9 turns have no logged usage" in each and "plus 1,000 a prompt" in each for each in found["remarks"]
    )


def test_a_log_without_any_usage_is_counted_and_says_so(tmp_path: Path) -> None:
    found = billed(tmp_path, line(turn(), turn(), id="a"))

    assert found["log"]["turns"]["estimated"] == 2
    assert metrics(found, "light")["cost_usd_warm"] == pytest.approx(((5 + 10) + (5 * 0.1 + 10) + 10) * MICRO)
    assert "2 of 2 turns have no logged usage" in found["remarks"][0]
    assert "what the log does not show" in found["remarks"][0]


@pytest.mark.parametrize("usage", [(0, 0), (0, 5), (100, 0), (10**9, 5), (100, 10**12)])
def test_usage_that_cannot_be_is_counted_instead_and_said(usage: tuple[int, int], tmp_path: Path) -> None:
    found = billed(tmp_path, line(turn(*usage), id="a"))

    assert metrics(found, "light")["cost_usd_warm"] == pytest.approx((5 + 10) * MICRO)
    assert (found["log"]["turns"]["unusable"], found["log"]["turns"]["estimated"]) == (1, 1)
    assert any("cannot be right" in each for each in found["remarks"])


def test_negative_usage_is_none(tmp_path: Path) -> None:
    found = billed(tmp_path, line(turn(-5, 3), id="a"))

    assert found["log"]["turns"]["estimated"] == 1
    assert found["log"]["notes"] == ["usage without whole token counts not used (1x)"]


def test_unanswered_turns_cost_nothing_and_are_counted(tmp_path: Path) -> None:
    silent = {"role": "user", "content": "hello?"}

    found = billed(tmp_path, line(turn(100, 10), [silent], id="a"), line([silent], id="b"))

    assert metrics(found, "light")["cost_usd_warm"] == pytest.approx(200 * MICRO)
    assert found["log"]["conversations"] == 1
    assert any("2 turns without a recorded answer" in each and "1 conversation" in each for each in found["remarks"])


def test_a_log_in_which_nobody_answered_cannot_be_priced(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no turn has a recorded answer"):
        billed(tmp_path, line([{"role": "user", "content": "hello?"}], id="a"))


def test_turns_that_called_tools_are_said_to_be_dearer(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f"}}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "42"}
    asked, answer = turn(100, 10)

    found = billed(tmp_path, line([asked, call, result, answer], id="a"))

    assert any(each.startswith("1 turn called tools") for each in found["remarks"])


def test_a_prompt_that_shrinks_is_said(tmp_path: Path) -> None:
    found = billed(tmp_path, line(turn(500, 10), turn(90, 10), id="a"))

    assert any("logged a smaller prompt than the turn before" in each for each in found["remarks"])


def test_a_tier_that_could_not_have_read_a_prompt_is_named(tmp_path: Path) -> None:
    path = Path(tiers_file(tmp_path))
    shapes = json.loads(path.read_text())
    shapes["tiers"][1] |= {"context_limit": 210, "max_output_tokens": 10}
    path.write_text(json.dumps(shapes))

    found = bill.bill(log.load(written(tmp_path, *SMALL)), config.load_tiers(str(path)), bill.Options())

    assert "light reads at most 210 tokens and could not have read 1 longer prompt" in found["remarks"]


# --- time and traffic ----------------------------------------------------------------------


def test_recorded_pauses_decide_what_a_cache_still_holds(tmp_path: Path) -> None:
    quick = billed(tmp_path, line(turn(100, 10, at=0), turn(150, 20, at=300), id="a"), gap_s=9999)
    slow = billed(tmp_path, line(turn(100, 10, at=0), turn(150, 20, at=301), id="a"), gap_s=1)

    assert metrics(quick, "strong")["cost_usd_warm"] == pytest.approx((2000 + 2600) * MICRO)
    assert metrics(slow, "strong")["cost_usd_warm"] == pytest.approx((2000 + 1500 + 2000) * MICRO)


def test_a_clock_that_ran_backwards_counts_as_the_declared_pause(tmp_path: Path) -> None:
    found = billed(tmp_path, line(turn(100, 10, at=500), turn(150, 20, at=100), id="a"), gap_s=60)

    assert metrics(found, "strong")["cost_usd_warm"] == pytest.approx((2000 + 2600) * MICRO)
    assert (found["log"]["turns"]["declared_pauses"], found["log"]["turns"]["recorded_pauses"]) == (1, 0)
    assert found["log"]["notes"] == ["timestamps that go back in time not used (1x)"]


def test_the_log_s_own_timestamps_give_its_traffic(tmp_path: Path) -> None:
    day = 86_400
    lines = [line(turn(100, 10, at=f"2026-01-{number + 1:02}T10:00:00Z"), id=f"c{number}") for number in range(11)]

    found = billed(tmp_path, *lines)

    assert found["traffic"]["source"] == "log"
    assert found["traffic"]["per_month"] == pytest.approx(365.25 / 12)  # one a day
    assert metrics(found, "strong")["cost_usd_month"] == pytest.approx(2000 * MICRO * 365.25 / 12)
    assert traffic(5.0, [0.0, day]).per_month == 5.0  # what is declared wins


@pytest.mark.parametrize(
    ("began", "why"),
    [
        (None, "only a part of the log was read"),
        ([None, None], "the log has no timestamps"),
        ([0.0, None], "1 of 2 conversations have no timestamp"),
        ([0.0, 7200.0], "began within 2.0 hours"),
        ([5.0], "began within 0.0 hours"),
    ],
)
def test_without_traffic_there_is_no_month_and_a_reason(began: list[float | None] | None, why: str) -> None:
    found = traffic(None, began)

    assert (found.per_month, found.source) == (None, "unknown")
    assert why in found.why


def test_a_log_that_was_cut_short_tells_no_traffic(tmp_path: Path) -> None:
    lines = [line(turn(100, 10, at=86_400 * 3 * number), id=f"c{number}") for number in range(4)]
    path = written(tmp_path, *lines)

    assert log.load(path, limit=2).began is None
    assert log.load(path, limit=9).began == (0.0, 259_200.0, 518_400.0, 777_600.0)


# --- the family ----------------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(0, 6))
def test_the_family_is_every_way_down_once(count: int, switches_by: int) -> None:
    names = [f"t{number}" for number in range(count)]

    ladders = family.step_downs(names, switches_by)

    routes = {tuple(planned_tier(ladder, turn, "") for turn in range(1, switches_by + 2)) for ladder in ladders}
    assert len(routes) == len(ladders) == len({ladder.name for ladder in ladders})
    assert all(list(route) == sorted(route, key=names.index) for route in routes)
    expected = 1
    for part in range(1, count):  # multisets: C(switches_by + count, count - 1)
        expected = expected * (switches_by + 1 + part) // part
    assert len(routes) == expected


def test_too_many_ladders_are_refused_with_a_way_out() -> None:
    with pytest.raises(InputError, match=r"lower --switches-by"):
        family.step_downs([f"t{number}" for number in range(9)], 12)


def test_conversations_of_one_turn_have_no_ladder(tmp_path: Path) -> None:
    found = billed(tmp_path, line(turn(100, 10), id="a"))

    assert [each["name"] for each in found["strategies"]] == ["strong", "light"]
    assert "no conversation has a second answered turn" in pages.headline(found)[0]


def test_where_few_conversations_go_on_the_page_says_so(tmp_path: Path) -> None:
    lines = [line(turn(100, 10), id=f"c{number}") for number in range(20)]

    found = billed(tmp_path, *lines, line(turn(100, 10), turn(150, 20), id="long"))

    assert "fewer than 1 in 10 conversations have a second answered turn" in pages.headline(found)[0]
    assert "strong 1 → light" not in pages.page(found, "")


def test_one_tier_is_billed_alone(tmp_path: Path) -> None:
    found = billed(tmp_path, *SMALL, tiers={"strong": TIERS["strong"]})

    assert [each["name"] for each in found["strategies"]] == ["strong"]
    assert "the tiers file has one tier" in pages.headline(found)[0]
    assert "Answer length" not in pages.page(found, "")


def test_switches_that_few_conversations_reach_are_left_out_of_the_table(tmp_path: Path) -> None:
    lines = [line(turn(100, 10), turn(150, 20), id=f"c{number}") for number in range(20)]
    lines.append(line(*[turn(100 * number, 10) for number in range(1, 6)], id="long"))

    found = billed(tmp_path, *lines)

    assert [each["name"] for each in found["strategies"] if each["shown"]] == ["strong", "light", "strong 1 → light"]
    assert {each["name"] for each in found["strategies"]} >= {"strong 4 → light"}


# --- estimates -----------------------------------------------------------------------------


def many(count: int) -> list[dict[str, Any]]:
    return [
        line(*[turn(1000 * number + 7 * case, 50 + case) for number in range(1, 3 + case % 4)], id=f"c{case}")
        for case in range(count)
    ]


def test_intervals_need_twenty_conversations(tmp_path: Path) -> None:
    few, enough = billed(tmp_path, *many(19)), billed(tmp_path, *many(20))

    cell = [each["strategies"][2]["metrics"]["saving_usd"] for each in (few, enough)]
    assert (cell[0]["low"], cell[0]["why"]) == (None, "no interval: 19 conversations, 20 are needed")
    assert cell[1]["low"] < cell[1]["value"] < cell[1]["high"]
    assert "19 conversations: too few for any interval" in few["remarks"][0]


def test_the_order_of_conversations_and_the_currency_change_no_share(tmp_path: Path) -> None:
    lines = many(24)
    dearer = {
        name: Tier(name, each.model, {}, Price(*(3 * rate for rate in (each.price.input, each.price.output)),
                   cached=3 * (each.price.cached or 0), minimum_prefix=0))
        for name, each in TIERS.items()
    }  # fmt: skip

    options = {"conversations_per_month": 1000}
    plain, turned = billed(tmp_path, *lines, **options), billed(tmp_path, *lines[::-1], **options)
    tripled = billed(tmp_path, *lines, tiers=dearer, **options)

    for row in plain["strategies"]:
        first, second, third = (metrics(each, row["name"]) for each in (plain, turned, tripled))
        assert first == pytest.approx(second, rel=1e-12, abs=1e-18)
        for name in ("share_of_top", "further_turns_break_even", "unresolved_break_even"):
            assert first[name] == pytest.approx(third[name], rel=1e-12)
        assert 3 * first["saving_usd"] == pytest.approx(third["saving_usd"], rel=1e-12)


def test_a_switch_never_gains_cache_and_one_tier_loses_none(tmp_path: Path) -> None:
    found = billed(tmp_path, *many(24))

    for row in found["strategies"]:
        lost = row["metrics"]["cache_lost_usd"]["value"]
        assert lost == 0 if len(row["steps"]) == 1 else lost > 0


def test_a_declared_cost_of_failure_sets_the_points(tmp_path: Path) -> None:
    cheap, dear = (billed(tmp_path, *SMALL, unresolved_usd=usd) for usd in (0.01, 1.0))
    free = billed(tmp_path, *SMALL, unresolved_usd=0.0)

    row = metrics(cheap, "strong 1 → light")
    assert row["unresolved_break_even"] == pytest.approx(row["saving_usd"] / 0.01)
    assert metrics(dear, "strong 1 → light")["unresolved_break_even"] == pytest.approx(row["saving_usd"])
    assert metrics(free, "strong 1 → light")["unresolved_break_even"] is None


def test_free_tiers_are_priced_without_a_share(tmp_path: Path) -> None:
    free = {name: Tier(name, each.model, {}, Price(0, 0)) for name, each in TIERS.items()}

    found = billed(tmp_path, *SMALL, tiers=free)

    assert metrics(found, "strong")["share_of_top"] is None
    assert "its price is 0" in pages.headline(found)[0]
    assert "n/a" in pages.page(found, "")


def test_a_ladder_that_costs_more_breaks_even_nowhere(tmp_path: Path) -> None:
    dear = {"strong": TIERS["strong"], "light": Tier("light", "x/light", {}, Price(100, 1000))}

    found = billed(tmp_path, SMALL[0], tiers=dear)

    row = next(each for each in pages.rows(found) if each.name == "strong 1 → light")
    assert (row.cells["turns"].value, row.cells["points"].value) == ("none", "none")
    assert "nothing is saved" in pages.headline(found)[1]


# --- logs ----------------------------------------------------------------------------------


def arm_line(conversation: str, arm: str, sample: int = 0, **more: Any) -> dict[str, Any]:
    return line(turn(100, 10), conversation=conversation, arm=arm, sample=sample, **more)


def test_an_arm_is_picked_by_name_and_the_only_one_without(tmp_path: Path) -> None:
    both = written(tmp_path, arm_line("a", "old"), arm_line("a", "new"), arm_line("b", "new"), name="both.jsonl")
    one = written(tmp_path, arm_line("a", "old"), name="one.jsonl")

    assert [each.id for each in log.load(both, "new").conversations] == ["a", "b"]
    assert log.load(one).arm == "old"
    with pytest.raises(InputError, match=r"holds 2 arms; pick one with --arm: old, new"):
        log.load(both)
    with pytest.raises(InputError, match=r"no such arm: 'nwe'; did you mean 'new'\?; .*both.jsonl has: old, new"):
        log.load(both, "nwe")
    with pytest.raises(InputError, match="is a dataset, its lines name no arm"):
        log.load(written(tmp_path, *SMALL), "new")


def test_of_several_samples_the_first_counts_and_the_rest_are_said(tmp_path: Path) -> None:
    path = written(tmp_path, arm_line("a", "x", 2), arm_line("a", "x", 1, tags=["kept"]), arm_line("b", "x", 5))

    found = log.load(path)

    assert [(each.id, each.tags) for each in found.conversations] == [("a", ("kept",)), ("b", ())]
    assert found.notes == ("further samples of a conversation left out: the first counts (1x)",)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([arm_line("a", "x"), arm_line("a", "x")], "2:.*sample 0 is there already: line 1"),
        ([arm_line("a", "x"), {"arm": "x", "messages": []}], "2:.*'conversation' is missing"),
        ([arm_line("a", "x"), {"conversation": "b", "arm": "x", "messages": 5}], "2:.*messages: must be a list"),
        ([arm_line("a", "x", sample=-1)], "1:.*sample"),
        ([arm_line("a", "x"), {**arm_line("b", "x"), "messages": []}], "2:.*holds no user message"),
        ([arm_line("a", "x", outcome={"resolved": "yes"})], "1:.*outcome.resolved: must be true or false"),
    ],
)
def test_what_is_wrong_with_a_line_of_an_arm_has_its_place(
    lines: list[dict[str, Any]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"log.jsonl:{message}"):
        log.load(written(tmp_path, *lines))


def test_an_arm_keeps_what_it_says_and_names_what_it_leaves_out(tmp_path: Path) -> None:
    usage = {
        "input_tokens": 50,
        "output_tokens": 9,
        "cache_read_tokens": 40,
        "cache_write_tokens": 5,
        "reasoning_tokens": 2,
    }
    outside = {**usage, "input_tokens": 3}  # its cached part is not in it
    messages = [
        {"role": "user", "content": ""},
        {"role": "assistant", "content": "good morning", "usage": usage, "latency_s": 1.5},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "again", "usage": outside},
    ]
    whole = {
        "usage": {"input_tokens": 100, "output_tokens": 9},
        "outcome": {"resolved": True, "reference": "x"},
        "cost": 1,
    }
    path = Path(written(tmp_path, {"conversation": "a", "arm": "x", "messages": messages, **whole}))

    (found,) = arms.lines(path)
    notes: dict[str, int] = {}
    (built,) = arms.build([found], notes)

    first, second = (turn.recorded.usage for turn in built.turns if turn.recorded)
    assert first is not None
    assert second is not None
    assert (first.input, first.output, first.cached, first.cache_write, first.reasoning) == (50, 9, 40, 5, 2)
    assert second.input == 3 + 40 + 5
    assert (built.id, built.resolved, built.turns[0].user.content) == ("a", True, "")
    assert (found.usage and found.usage.input, found.sample) == (100, 0)
    assert notes == {"key 'cost' of lines not used": 1, "key 'reference' of outcomes not used": 1}


@pytest.mark.parametrize("pack", [("gz", gzip.compress), ("zst", zstandard.ZstdCompressor().compress)])
def test_packed_logs_are_read(pack: tuple[str, Any], tmp_path: Path) -> None:
    suffix, compress = pack
    for name, lines in (("data", SMALL), ("arms", [arm_line("a", "x")])):
        plain = "".join(json.dumps(each) + "\n" for each in lines).encode()
        (tmp_path / f"{name}.jsonl.{suffix}").write_bytes(compress(plain))

    assert len(log.load(str(tmp_path / f"data.jsonl.{suffix}")).conversations) == 2
    assert log.load(str(tmp_path / f"arms.jsonl.{suffix}")).arm == "x"


# --- what people see -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("workbnch", "did you mean 'workbench'?"),
        ("--tiers offlin", "did you mean 'offline'?"),
        ("--output-ratio lite=2", "--output-ratio: no tier 'lite'; did you mean 'light'?"),
        ("--output-ratio light", "must be TIER=R with a number R above 0, such as light=1.5"),
        ("--output-ratio light=0", "must be TIER=R"),
        ("--output-ratio light=nan", "must be TIER=R"),
        ("--gap-s inf", "--gap-s: must be a finite number"),
        ("--conversations-per-month inf", "must be a finite number"),
        ("--limit 0", "Invalid value for '--limit'"),
        ("--html missing/page.html", "missing/page.html: cannot be written"),
        ("empty.jsonl", "holds no conversation"),
        ("bad.jsonl", "bad.jsonl:1:2: broken JSON"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text("{")

    code, out, err = said(capsys, tmp_path, *arguments.split())

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_simulated_prices_and_what_is_not_known_are_said_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, err = said(capsys, tmp_path, "--html", "page.html")
    _, as_json, _ = said(capsys, tmp_path, "--json")

    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for shown in (" ".join(out.split()), page.replace("&#39;", "'"), as_json):
        assert "declared prices of the simulated tiers (advanced, mid, light), not a provider's" in shown
        assert "A bill knows tokens and prices, not quality" in shown
    assert err == ""


def test_prices_of_providers_are_not_called_simulated(tmp_path: Path) -> None:
    assert not any("simulated" in each for each in billed(tmp_path, *SMALL)["remarks"])


def test_the_bill_of_a_log_needs_no_more_than_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, tmp_path, written(tmp_path, *many(24)))

    assert code == 0
    assert out.startswith("advanced alone would have cost $")
    assert "$ per 1,000" in out
    assert "declare it with --conversations-per-month" in " ".join(out.split())
    assert list(tmp_path.iterdir()) == [tmp_path / "log.jsonl"]  # nothing is written unless asked


@pytest.mark.parametrize(("columns", "last"), [("60", "saved"), ("80", "points"), ("120", "points"), ("200", "points")])
def test_the_table_fits_the_terminal(
    columns: str, last: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    _, out, _ = said(capsys, tmp_path, "--conversations-per-month", "20000")

    lines = out.splitlines()
    heading = next(each for each in lines if each.startswith("strategy"))
    assert max(map(len, lines)) <= int(columns)
    assert heading.rstrip().endswith(last)
    assert "$ a month" in heading
    assert ("cache lost" in heading) == (int(columns) >= 120)


class Tags(html.parser.HTMLParser):
    """The tags of a page, and the text in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_loads_nothing_runs_nothing_and_quotes_nobody(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>'
    lines = [line(turn(100, 10, f"SECRET {hostile}"), turn(150, 20), conversation="a", arm=hostile)]
    tiers = {hostile: Tier(hostile, "x/strong", {}, Price(1, 2)), "light": TIERS["light"]}
    found = bill.bill(
        log.load(written(tmp_path, *lines)), config.load_tiers(tiers_file(tmp_path, tiers)), bill.Options()
    )

    page = Tags(pages.page(found, f"ladder-bench bill {hostile}"))

    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe", "form", "object", "base"} & set(names)
    assert not any({"src", "onclick", "onload"} & set(attrs) for _, attrs in page.tags)
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert (policy or "").startswith("default-src 'none'")
    assert "script" not in (policy or "")
    assert hostile in page.text
    assert "SECRET" not in page.text


def test_the_page_s_tables_have_captions_and_headings(tmp_path: Path) -> None:
    page = Tags(pages.page(billed(tmp_path, *many(24)), "ladder-bench bill"))

    names = [tag for tag, _ in page.tags]
    assert names.count("table") == names.count("caption") == 3
    assert all("scope" in attrs for tag, attrs in page.tags if tag == "th")
    regions = [attrs for _, attrs in page.tags if attrs.get("role") == "region"]
    assert all(attrs.get("aria-label") and attrs.get("tabindex") == "0" for attrs in regions)


def test_the_json_is_the_whole_family_and_the_same_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (written(tmp_path, *many(24)), "--json", "--switches-by", "3")

    first, second = (said(capsys, tmp_path, *arguments)[1] for _ in range(2))

    found = json.loads(first)
    assert first == second
    assert len(found["strategies"]) == 3 + 3 * 3 + 3  # one tier, two, three; switches by turn 3
    assert found["strategies"][0]["metrics"]["saving_usd"]["value"] == 0
    assert {"low", "high", "n", "why"} <= set(found["strategies"][0]["metrics"]["cost_usd_warm"])


# --- real recordings -----------------------------------------------------------------------


def test_a_recorded_arm_costs_what_its_records_say() -> None:
    """MedQA-0: seven prompts and answers, priced by hand at the offline tiers' rates."""
    found = log.load(recordings("agentclinic_arms.jsonl.gz"), "claude-sonnet-5")
    conversation = next(each for each in found.conversations if each.id == "MedQA-0")
    (spoken,), counted = tokens.read([conversation], 60)
    known = {tier.name: tier for tier in config.load_tiers("offline").tiers}
    inputs, outputs = [5721, 5835, 5929, 6127, 6209, 6312, 6565], [40, 37, 74, 41, 45, 58, 59]

    strong = pricing.price_route(spoken, ("advanced",) * 8, known, {})
    ladder = pricing.price_route(spoken, ("advanced",) * 2 + ("light",) * 6, known, {})

    assert [(each.usage.input, each.usage.output) for each in spoken.asked] == list(zip(inputs, outputs, strict=True))
    assert counted.estimated == 0
    written, read, said_out = inputs[-1], sum(inputs[:-1]), sum(outputs)
    assert strong.warm == pytest.approx((written * 5 + read * 0.4 + said_out * 20) * MICRO)
    by_strong = inputs[1] * 5 + inputs[0] * 0.4 + (40 + 37) * 20
    by_light = inputs[6] * 0.15 + sum(inputs[2:6]) * 0.03 + sum(outputs[2:]) * 0.6
    assert ladder.warm == pytest.approx((by_strong + by_light) * MICRO)
    assert ladder.warm - ladder.kept == pytest.approx(inputs[1] * (0.15 - 0.03) * MICRO)


def test_the_recorded_arms_are_billed_whole() -> None:
    known = config.load_tiers("offline")
    path = recordings("agentclinic_arms.jsonl.gz")

    found = {
        arm: bill.bill(log.load(path, arm), known, bill.Options()) for arm in ("claude-haiku-4-5", "claude-opus-5")
    }

    counted = {
        arm: (each["log"]["turns"]["estimated"], each["log"]["turns"]["answered"]) for arm, each in found.items()
    }
    assert counted == {"claude-haiku-4-5": (123, 311), "claude-opus-5": (0, 181)}
    assert found["claude-haiku-4-5"]["recorded_wait_s"]["p50"]["value"] == 1.541  # as its source publishes
    assert found["claude-opus-5"]["recorded_wait_s"]["p50"]["value"] == 3.473
    assert any("logged model's reasoning" in each for each in found["claude-opus-5"]["remarks"])


def test_a_log_without_usage_is_billed_within_seconds() -> None:
    loaded = log.load(recordings("mtbench101.jsonl.gz"))

    found = bill.bill(loaded, config.load_tiers("offline"), bill.Options())

    assert found["log"]["conversations"] == 1388
    assert found["log"]["turns"]["estimated"] == found["log"]["turns"]["answered"] == 4208
    assert any("too short for a cache" in each for each in found["remarks"])
