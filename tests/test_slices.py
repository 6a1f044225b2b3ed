"""Slices: quality and cost against the base by tag, with intervals that hold for all tags of a strategy together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from builders import scores
from ladder_bench import folder
from ladder_bench.analyse import banners
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.slices import MOST, high_stakes, slices, tags
from ladder_bench.report import slices as section
from report_runs import HOSTILE, Talk, page_of, run

N = 80


def tables(tagged: Callable[[int], Sequence[str]], n: int = N) -> dict[str, Any]:
    rows = [(f"c{place:03}", json.dumps({"tags": list(tagged(place))})) for place in range(n)]
    return {"conversations": folder.table("conversations", rows)}


def about(n: int = N) -> dict[str, Any]:
    return {"dataset": {"conversations": [f"c{place:03}" for place in range(n)]}}


def arm(name: str, quality: float, cost: float, seed: int = 0, n: int = N) -> Scores:
    random = np.random.default_rng(seed)
    return scores(name, quality=quality + random.normal(0, 0.05, n), cost_usd_warm=cost * random.uniform(0.9, 1.1, n))


def test_each_tag_has_its_difference_and_its_share_of_cost() -> None:
    base, other = arm("base", 0.9, 2.0), arm("other", 0.9, 1.0, seed=1)
    other.values["quality"][:40] -= 0.3
    found = slices(about(), tables(lambda place: ["hard" if place < 40 else "easy"]), [base, other], base)
    by_tag = {row["tag"]: row for row in found["rows"]}

    assert set(by_tag) == {"hard", "easy"}
    assert by_tag["hard"]["quality"]["high"] < 0 < by_tag["easy"]["quality"]["high"]
    assert by_tag["hard"]["cost_ratio"]["value"] == pytest.approx(0.5, abs=0.02)
    assert (by_tag["hard"]["n"], by_tag["hard"]["quality"]["n"]) == (40, 40)


def test_small_tags_have_no_rows_and_are_named() -> None:
    base, other = arm("base", 0.9, 2.0), arm("other", 0.8, 1.0, seed=1)
    given = tables(lambda place: ["large"] + ["rare"] * (place < 19) + ["twice", "twice"] * (place < 3))
    found = slices(about(), given, [base, other], base)

    assert [row["tag"] for row in found["rows"]] == ["large"]
    assert found["too_small"] == [{"tag": "rare", "n": 19}, {"tag": "twice", "n": 3}]
    shown = section.slices({"slices": found, "strategies": [{"name": "other", "controls": False}]})
    assert shown is not None
    assert shown.left_out == "Not shown: 2 tags with fewer than 20 conversations: rare (19), twice (3)."


def test_intervals_are_wider_the_more_tags_are_looked_at() -> None:
    base, other = arm("base", 0.9, 2.0), arm("other", 0.85, 1.0, seed=1)

    def width(*more: str) -> float:
        given = tables(
            lambda place: ["first" if place < 40 else "second"] + [m for i, m in enumerate(more) if place % 3 != i]
        )
        (row,) = (row for row in slices(about(), given, [base, other], base)["rows"] if row["tag"] == "first")
        return float(row["quality"]["high"] - row["quality"]["low"])

    assert width() < width("x", "y", "z")


def test_among_null_slices_one_is_called_different_in_at_most_6_5_percent_of_runs() -> None:
    random = np.random.default_rng(5)
    given = tables(lambda place: [f"a{place % 4}", f"b{place % 3}"], 120)
    wrong = 0
    for _ in range(200):
        luck = random.normal(0, 0.1, 120)
        base = scores("base", quality=0.8 + luck + random.normal(0, 0.1, 120), cost_usd_warm=np.ones(120))
        other = scores("other", quality=0.8 + luck + random.normal(0, 0.1, 120), cost_usd_warm=np.ones(120))
        rows = slices(about(120), given, [base, other], base)["rows"]
        wrong += any(row["quality"]["low"] > 0 or row["quality"]["high"] < 0 for row in rows)

    assert wrong / 200 <= 0.065


def test_an_arm_like_the_base_is_identical_and_a_missing_cost_is_missing() -> None:
    base = arm("base", 0.9, 2.0)
    same = scores("same", quality=base.values["quality"], cost_usd_warm=np.full(N, np.nan))
    (row,) = slices(about(), tables(lambda _: ["all"]), [base, same], base)["rows"]

    assert (row["quality"]["low"], row["quality"]["high"], row["quality"]["why"]) == (0.0, 0.0, "identical")
    assert row["cost_ratio"]["value"] is None


def test_without_tags_or_a_base_there_is_nothing_to_show() -> None:
    base = arm("base", 0.9, 2.0)

    assert section.slices({"slices": slices(about(), {}, [base], base), "strategies": []}) is None
    assert slices(about(), tables(lambda _: ["all"]), [base], None)["rows"] == []
    assert section.slices({"strategies": []}) is None


def test_many_tags_are_cut_to_the_largest_and_it_says_so() -> None:
    base, other = arm("base", 0.9, 2.0), arm("other", 0.85, 1.0, seed=1)
    given = tables(lambda _: [f"t{number:02}" for number in range(MOST + 5)])
    found = slices(about(), given, [base, other], base)

    assert (len(found["rows"]), found["left_out"]["beyond"]) == (MOST, 5)


def test_tags_and_labels_are_read_from_the_tables_of_a_run() -> None:
    turns = {"turns": folder.table("turns", [
        tuple({"conversation": name, "labels": labels}.get(column) for column in folder.TABLES["turns"])
        for name, labels in (("a", '["high_stakes"]'), ("b", "[]"), ("c", None))
    ])}  # fmt: skip

    assert tags(tables(lambda place: ["x"] if place == 1 else [], 3)) == {"c001": ("x",)}
    assert high_stakes(turns) == {"a"}


def test_hostile_tags_are_text_in_the_report() -> None:
    base, other = arm("advanced", 0.9, 2.0), arm("two-step", 0.85, 1.0, seed=1)
    hostile = HOSTILE.replace("\x00", "")
    found = slices(about(), tables(lambda place: [hostile, "small"] if place < 40 else ["small"]), [base, other], base)
    page = page_of(run(Talk(), slices=found))

    assert 'id="slices"' in page
    assert "<img src=x" not in page


def test_a_long_tail_of_cost_is_a_banner_and_an_even_one_is_none() -> None:
    heavy = np.ones(100)
    heavy[0] = 100.0
    given = [scores("two-step", cost_usd_warm=heavy), scores("light", cost_usd_warm=np.ones(100))]

    (banner,) = banners._of_the_tail(given)
    assert banner.startswith(
        "long tail: over 20% of the cost is in the dearest 1 % of conversations (50% with two-step)"
    )
    assert "light" not in banner
    assert not list(banners._of_the_tail(given[1:]))
    assert not list(banners._of_the_tail([scores("few", cost_usd_warm=np.ones(4))]))
