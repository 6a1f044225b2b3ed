"""The figure: its marks, the line of single tiers, and labels that can be read."""

from __future__ import annotations

import pytest

from ladder_bench.report import figure, marks
from report_runs import STRATEGIES, estimate, run


def test_the_figure_has_a_mark_with_id_and_title_for_each_strategy() -> None:
    found = run()
    inline, whole, png = figure.draw(marks.marks(found.summary, found.about), ["simulated tiers"])

    assert [f'id="point-{number}"' in inline for number in (1, 2, 3)] == [True] * 3
    assert "<title>2. two-step · $0.0100 · Q 0.910 · front</title>" in inline
    assert "var(--plot-strategy)" in inline
    assert "simulated tiers" in whole
    assert png.startswith(b"\x89PNG")


def test_where_a_preference_stands_for_quality_the_figure_says_so() -> None:
    def drawn(against: str, stands_in: bool = True) -> str:
        found = run(preference={"stands_in": stands_in, "against": against})
        return figure.draw(marks.marks(found.summary, found.about), [])[1]

    assert "preference over advanced" in drawn("advanced")
    assert "<title>2. two-step · $0.0100 · preference 0.910 · front</title>" in drawn("advanced")
    assert "quality Q" not in drawn("advanced")
    assert ">preference<" in drawn("a name that is far too long for an axis")
    assert "quality Q" in drawn("advanced", stands_in=False)


def test_the_single_tier_line_is_straight_in_dollars_and_leaves_out_what_mixing_beats() -> None:
    def tier(number: int, cost: float, quality: float) -> marks.Mark:
        return marks.Mark(number, str(number), False, True, False, "front", cost, None, quality, None)

    line = marks.single_tier_line([tier(1, 1.0, 0.0), tier(2, 3.0, 0.5), tier(3, 2.0, 0.1)])
    assert line[0] == (1.0, 0.0)
    assert line[-1] == pytest.approx((3.0, 0.5))
    assert all(quality == pytest.approx((cost - 1) / 4) for cost, quality in line)


def test_a_free_strategy_is_left_out_by_name() -> None:
    free = {**STRATEGIES[2], "metrics": STRATEGIES[2]["metrics"] | {"cost_usd_warm": estimate(0.0)}}
    found = run(strategies=(*STRATEGIES[:2], free))

    assert marks.marks(found.summary, found.about).left_out == ("light: costs nothing, which a log axis cannot show",)


def test_labels_do_not_cover_each_other() -> None:
    points = [(100.0 + 3 * number, 100.0) for number in range(6)]
    size = (20.0, 10.0)

    spots = marks.place(points, [size] * 6, [], (0, 0, 400, 400))
    for index, (x, y) in enumerate(spots):
        assert all(abs(x - a) >= size[0] or abs(y - b) >= size[1] for a, b in spots[:index])
