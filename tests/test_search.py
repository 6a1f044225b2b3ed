"""The search: families, screening against a plain loop, the oracle against brute force, and choosing that is not fooled."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equal_ladders import fooled
from generated_grades import TIERS, TRIGGERS, generated, walked, without_triggers
from ladder_bench import cli, config, experiment, folder
from ladder_bench.analyse import metrics
from ladder_bench.config.ladders import read_ladder
from ladder_bench.documents import read_yaml
from ladder_bench.domain import Estimate, Ladder, Step
from ladder_bench.errors import InputError
from ladder_bench.experiment import confirming
from ladder_bench.report import search as pages
from ladder_bench.search import Options, oracle, reading, search
from ladder_bench.search.candidates import Candidate, candidates
from ladder_bench.search.choosing import Goal, parts_of, rank
from ladder_bench.search.confirmed import confirmed, outcome
from ladder_bench.search.family import family
from ladder_bench.search.grades import Grades, shares
from ladder_bench.search.reading import Read
from ladder_bench.search.screening import of_strategy, screen, together
from ladder_bench.search.written import yaml_of
from tabled import Tabled

DATA = Path(__file__).parents[2] / "shared" / "data"
ABOUT = {
    "dataset": {"name": "generated"},
    "tiers": [{"name": name, "model": f"x/{name}"} for name in TIERS],
    "config": {"unresolved_cost_usd": None},
}


def found(grades: Grades, options: Options | None = None) -> dict[str, Any]:
    return search(Read(grades, {}, 0, 0, False), ABOUT, options or Options()).result


# --- the family ------------------------------------------------------------------------------


def test_there_are_231_step_down_ladders_over_three_tiers_and_twenty_turns() -> None:
    members = family(TIERS, TRIGGERS, turns=20)

    paths = [tuple(path) for path in members.paths.tolist()]
    assert len(set(paths)) == len(paths) == 231
    assert len(members) == 231 * 16
    assert all(list(path) == sorted(path) for path in paths)


@given(tiers=st.integers(1, 4), turns=st.integers(1, 6))
def test_every_path_that_only_steps_down_is_in_the_family_once(tiers: int, turns: int) -> None:
    members = family([f"t{number}" for number in range(tiers)], (), turns)

    every = [path for path in itertools.product(range(tiers), repeat=turns) if list(path) == sorted(path)]
    assert sorted(map(tuple, members.paths.tolist())) == every
    assert not members.paths[0].any()


def test_no_ladder_steps_down_after_the_turn_that_is_asked_for() -> None:
    members = family(TIERS, (), turns=10, switches_by=2)

    last = [
        step for number in range(len(members)) for step in [sum(s.turns or 0 for s in members.ladder(number).steps)]
    ]
    assert max(last) == 2
    assert members.ladder(members.single(2)).steps == (Step("light"),)


def test_a_family_beyond_what_is_screened_is_refused_with_what_would_help() -> None:
    with pytest.raises(InputError, match="lower --switches-by or name fewer --triggers"):
        family([f"t{number}" for number in range(6)], TRIGGERS, turns=20, switches_by=19)


def test_a_family_of_many_tiers_switches_earlier_without_being_asked() -> None:
    members = family([f"t{number}" for number in range(6)], TRIGGERS, turns=20)

    assert 0 < members.switches_by < 19
    assert len(members) <= 100_000


@pytest.mark.parametrize("strategy", [0, 3, 21, 40, 100])
def test_a_chosen_ladder_can_be_pasted_into_a_file(tmp_path: Path, strategy: int) -> None:
    members = family(TIERS, TRIGGERS, turns=5)
    path = tmp_path / "ladder.yaml"

    path.write_text(yaml_of(members.ladder(strategy)), encoding="utf-8")

    assert read_ladder(read_yaml(path), config.load_tiers("offline")) == members.ladder(strategy)


# --- screening -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), groups=st.sampled_from([(0, 1, 2), (0, 0, 2), (0, 1, 1), (0, 0, 0)]))
def test_screening_agrees_with_a_plain_loop_to_1e_12(seed: int, groups: tuple[int, ...]) -> None:
    grades = generated(seed, conversations=6, turns=4, groups=groups)
    members = family(TIERS, TRIGGERS, grades.longest)
    part = parts_of(grades.ids, 2)

    moments = screen(grades, members, part, 2)

    quality, usd = plain(grades, members)
    for index, each in enumerate(moments):
        rows = part == index
        if each.n < 2:
            continue
        gain = quality[rows] - quality[rows][:, :1]
        for mine, slow in zip(each.means(), (quality, usd), strict=True):
            np.testing.assert_allclose(mine, slow[rows].mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(each.gains()[1] ** 2, gain.var(axis=0, ddof=1), atol=1e-12)
        np.testing.assert_allclose(each.product, (gain * (usd[rows] - usd[rows][:, :1])).sum(axis=0), atol=1e-12)


def plain(grades: Grades, members: Any) -> tuple[np.ndarray, np.ndarray]:
    """Quality and dollars (conversations, strategies) by the plain loop."""
    values = np.array(
        [
            [
                walked(grades, row, path, chosen)
                for chosen in members.trigger_sets
                for path in members.paths.tolist()
            ]
            for row in range(len(grades))
        ]
    )  # fmt: skip
    return values[..., 0], values[..., 1]


def test_blocks_and_parts_change_nothing() -> None:
    grades = generated(conversations=3000, turns=3)  # three blocks
    members = family(TIERS, TRIGGERS[:1], 3)

    one = screen(grades, members, np.zeros(3000, dtype=np.int64), 1)[0]
    five = together(screen(grades, members, parts_of(grades.ids, 5), 5))

    np.testing.assert_allclose(one.means(), five.means(), atol=1e-12)
    np.testing.assert_allclose(one.gains(), five.gains(), atol=1e-12)


def test_one_strategy_alone_has_the_values_that_the_screen_sums() -> None:
    grades = generated(turns=5)
    members = family(TIERS, TRIGGERS, 5)

    moments = screen(grades, members, np.zeros(len(grades), dtype=np.int64), 1)[0]

    for strategy in (0, 5, 77, len(members) - 1):
        quality, usd = of_strategy(grades, members, strategy)
        assert moments.means()[0][strategy] == pytest.approx(quality.mean(), abs=1e-12)
        assert moments.means()[1][strategy] == pytest.approx(usd.mean(), abs=1e-12)


def test_a_turn_without_a_grade_from_every_tier_counts_for_none() -> None:
    quality = np.array([[[1.0, 0.5], [np.nan, 0.0], [0.5, 0.5]], [[np.nan, 1.0], [1.0, np.nan], [np.nan, np.nan]]])

    found, turns = shares(quality)

    assert turns.tolist() == [2, 0]
    np.testing.assert_allclose(found.sum(axis=1), [[0.75, 0.5], [0.0, 0.0]])


# --- the oracle ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), rate=st.sampled_from([0.0, 0.5, 5.0, 100.0]), monotone=st.booleans())
def test_the_oracle_is_the_best_of_all_paths(seed: int, rate: float, monotone: bool) -> None:
    grades = without_triggers(generated(seed, conversations=5, turns=4, groups=(0, 1, 1)))
    paths = [
        path
        for path in itertools.product(range(3), repeat=4)
        if not monotone or list(path) == sorted(path)
    ]  # fmt: skip

    best = oracle.best(grades, rate, monotone)

    for row in range(len(grades)):
        values = [walked(grades, row, path, ()) for path in paths]
        assert best[row] == pytest.approx(max(quality - rate * usd for quality, usd in values), abs=1e-12)


def test_the_gap_is_what_mixtures_of_the_best_paths_leave() -> None:
    """One conversation, one turn: mid lies below the line between advanced and light, so a mixture beats it."""
    grades = replace(
        without_triggers(generated(conversations=1, turns=1)),
        quality=np.array([[[1.0, 0.4, 0.0]]]),
        usd=np.array([[[1.0, 0.6, 0.0]]]),
        fresh=np.zeros((1, 1, 3)),
    )

    gap = oracle.gap(grades, np.array([0.4]), np.array([0.6]), 0.0, monotone=False)

    assert gap.points.value == pytest.approx(0.2, abs=1e-6)  # 0.6 dollars buy 0.6 of quality
    assert gap.usd.value == pytest.approx(0.2, abs=1e-6)
    assert gap.worth.value == pytest.approx(0.6)


def test_no_ladder_without_triggers_is_ahead_of_an_oracle() -> None:
    grades = without_triggers(generated(conversations=60))
    members = family(TIERS, (), grades.longest)

    for strategy in range(len(members)):
        quality, usd = of_strategy(grades, members, strategy)
        for monotone in (True, False):
            gap = oracle.gap(grades, quality, usd, 1.0, monotone)
            assert min(gap.points.value, gap.usd.value, gap.worth.value) > -1e-6  # type: ignore[type-var]


# --- choosing --------------------------------------------------------------------------------


def test_choosing_and_reporting_on_the_same_conversations_is_fooled_and_a_split_is_not() -> None:
    found = fooled(sets=800, conversations=100)

    naive, split = found["naive"], found["split"]
    assert 0.72 <= naive.covers <= 0.82
    assert 0.29 <= naive.better <= 0.40
    assert naive.bias > 1.0
    assert abs(split.bias) < 0.2
    assert split.covers >= 0.93
    assert split.better <= 0.07


def test_a_conversation_is_in_the_same_part_whatever_else_there_is() -> None:
    ids = [f"c{number}" for number in range(400)]

    part = parts_of(ids, 2)

    assert parts_of(ids[::-1], 2).tolist() == part.tolist()[::-1]
    assert 160 < part.sum() < 240


def test_the_cheapest_is_only_what_is_shown_to_keep_quality() -> None:
    grades = generated(conversations=400)
    members = family(TIERS, TRIGGERS, grades.longest)
    moments = screen(grades, members, np.zeros(400, dtype=np.int64), 1)[0]

    chosen = rank(moments, Goal(margin=0.03), members.complexity)

    gain, sd = moments.gains()
    low = gain - 1.966 * sd / 20
    assert all(low[each] > -0.03 for each in chosen.order)
    assert moments.means()[1][chosen.order[0]] == pytest.approx(min(moments.means()[1][list(chosen.order)]))


def test_the_strongest_tier_is_left_where_nothing_keeps_quality() -> None:
    result = found(generated(conversations=400), Options(margin=0.0))

    assert result["chosen"]["name"] == "advanced"
    assert result["held_out"]["quality_gain"]["low"] == result["held_out"]["quality_gain"]["high"] == 0.0
    assert pages.headline(result).startswith("Nothing cheaper")


def test_of_equal_strategies_the_simplest_is_chosen() -> None:
    result = found(without_triggers(generated(conversations=100)), Options(objective="quality", margin=1.0))

    assert "climbs" not in result["chosen"]["name"]
    assert any("never fired here" in remark for remark in result["remarks"])


def test_what_is_reported_is_of_conversations_that_did_not_choose() -> None:
    grades = generated(conversations=200)
    result = found(grades)

    held_out = grades.of(np.flatnonzero(parts_of(grades.ids, 2) == 0))
    members = family(TIERS, TRIGGERS, grades.longest)
    name = result["chosen"]["name"]
    strategy = next(each for each in range(len(members)) if members.name(each) == name)
    quality, _ = of_strategy(held_out, members, strategy)
    assert result["held_out"]["quality"]["value"] == pytest.approx(quality.mean())
    assert result["held_out"]["quality"]["n"] + result["screened"]["quality"]["n"] == 200
    assert result["naive"]["quality"]["n"] == 200


def test_cross_fitting_reports_every_conversation_by_what_the_others_chose() -> None:
    result = found(generated(conversations=200), Options(cross_fit=5))

    assert result["held_out"]["quality"]["n"] == 200
    assert set(result["chosen_without"]) == {"0", "1", "2", "3", "4"}
    assert result["flattery"]["quality_gain"]["n"] == 200


def test_a_tag_says_what_a_ladder_of_its_own_gains() -> None:
    result = found(generated(conversations=120), Options(by_tag=True))

    by_tag = {each["tag"]: each for each in result["by_tag"]}
    assert {name: each["conversations"] for name, each in by_tag.items()} == {"even": 60, "odd": 60, "rest": 60}
    assert by_tag["even"]["saving_usd"]["n"] == 60
    assert by_tag["odd"]["quality_gain"] == by_tag["rest"]["quality_gain"]


def test_a_tag_that_differs_gains_by_a_ladder_of_its_own() -> None:
    """In even conversations the light tier is as good as the strongest, in odd ones it is useless."""
    grades = without_triggers(generated(conversations=400))
    even = np.arange(400) % 2 == 0
    quality = grades.quality.copy()
    quality[even, :, 2] = quality[even, :, 0]
    quality[~even, :, 1:] = 0.0

    result = found(replace(grades, quality=quality), Options(by_tag=True))

    by_tag = {each["tag"]: each for each in result["by_tag"]}
    assert by_tag["even"]["chosen"] == "light"
    assert by_tag["even"]["saving_usd"]["low"] > 0
    assert by_tag["odd"]["saving_usd"]["value"] == 0.0


def test_few_held_out_conversations_have_no_interval_and_the_report_says_so() -> None:
    result = found(generated(conversations=24))

    assert result["held_out"]["quality"]["low"] is None
    assert any("no intervals" in remark for remark in result["remarks"])


@pytest.mark.parametrize("count", [1, 2])
def test_conversations_that_cannot_be_parted_are_refused(count: int) -> None:
    grades = generated(conversations=30)
    part = parts_of(grades.ids, 2)

    with pytest.raises(InputError, match="too few to choose on some and report on others"):
        found(grades.of(np.flatnonzero(part == 1)[:count]))


def test_a_search_over_one_tier_finds_that_tier() -> None:
    result = found(generated(conversations=40, tiers=("only",), groups=(0,)))

    assert result["chosen"]["name"] == "only"
    assert any("one tier" in remark for remark in result["remarks"])


def test_what_saves_in_one_conversation_alone_is_not_shown_to_be_cheaper() -> None:
    """One conversation of twenty turns among sixty of three: a switch after the third turn concerns it alone."""
    grades = without_triggers(generated(conversations=60, turns=20))
    long = np.zeros_like(grades.usd, dtype=bool)
    long[:, :3], long[7] = True, True
    grades = replace(
        grades, quality=np.where(long, grades.quality, 0.0), usd=np.where(long, grades.usd, 0.0),
        fresh=np.where(long, grades.fresh, 0.0),
    )  # fmt: skip
    members = family(TIERS, (), 20)
    moments = screen(grades, members, np.zeros(60, dtype=np.int64), 1)[0]

    chosen = rank(moments, Goal(margin=0.03), members.complexity)

    late = [each for each in range(len(members)) if (members.paths[each][:3] == 0).all() and each]
    assert not set(late) & set(chosen.order)


def test_a_search_among_equal_tiers_is_fooled_where_it_chose_and_not_elsewhere() -> None:
    there, elsewhere = [], []
    draw = np.random.default_rng(1)
    members = family(TIERS[:2], TRIGGERS[:2], 6)
    for seed in range(150):
        grades = generated(seed, conversations=120, turns=6, tiers=TIERS[:2], groups=(0, 1), triggers=TRIGGERS[:2])
        grades = replace(grades, quality=(grades.usd > 0) * draw.uniform(size=grades.quality.shape) / 6)
        part = parts_of(grades.ids, 2)
        chosen = rank(screen(grades, members, part, 2)[1], Goal("quality"), members.complexity).order[0]
        quality, _ = of_strategy(grades, members, chosen)
        gain = quality - grades.quality[..., 0].sum(axis=1)
        for rows, kept in ((part == 1, there), (part == 0, elsewhere)):
            error = gain[rows].std(ddof=1) / np.sqrt(rows.sum())
            kept.append(gain[rows].mean() / error if error > 0 else 0.0)

    assert abs(np.mean(elsewhere)) < 0.2
    assert np.mean(there) > 0.8


# --- confirming ------------------------------------------------------------------------------


def test_a_fixed_diverse_set_always_goes_into_the_confirmation() -> None:
    best = Ladder("advanced 1 → light", (Step("advanced", 1), Step("light")))

    known = candidates(TIERS, [best], turns=6)

    names = [each.name for each in known]
    assert names[:3] == ["advanced", "light", "light + pack"]
    for name in ("two-step", "three-step", "reversed", "advanced 1 → light"):
        assert {name, f"{name}, with memory and prompts"} <= set(names)
    assert [each.name for each in known if each.of] == names[-2:]


def test_a_screened_ladder_that_is_in_the_fixed_set_is_confirmed_once() -> None:
    best = Ladder("advanced 2 → light", (Step("advanced", 2), Step("light")))

    known = candidates(TIERS, [best], turns=6)

    assert [each.of for each in known if each.ladder and each.ladder.steps == best.steps] == ["advanced 2 → light"] * 2


def test_a_candidate_holds_only_where_both_bands_say_so() -> None:
    def band(low: float, high: float) -> Estimate:
        return Estimate((low + high) / 2, low, high, 50)

    assert outcome(band(-0.02, 0.02), band(0.4, 0.6), 0.03) == "held"
    assert outcome(band(-0.02, 0.02), band(0.9, 1.1), 0.03) == "undecided"
    assert outcome(band(-0.05, 0.02), band(0.4, 0.6), 0.03) == "undecided"
    assert outcome(band(-0.05, -0.01), band(0.4, 0.6), 0.03) == "did not hold"
    assert outcome(band(-0.02, 0.02), band(1.1, 1.3), 0.03) == "did not hold"
    assert outcome(Estimate(0.0, None, None, 5, 0, "few"), band(0.4, 0.6), 0.03) == "undecided"


def test_a_rollout_says_which_candidates_held(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    ladders = [Ladder(name, (Step(name),)) for name in ("advanced", "light")]
    ladders += [Ladder(name, (Step("advanced", 1), Step("light"))) for name in ("good", "unclear")]
    tabled = Tabled(ladders)
    worse = {"advanced": (0.0, 0.0), "good": (0.0, 0.01), "unclear": (0.02, 0.2), "light": (0.3, 0.05)}
    cost = {"advanced": 1.0, "good": 0.5, "unclear": 0.5, "light": 0.1}
    for number in range(60):
        for name, (mean, sd) in worse.items():
            quality = 0.9 - draw.normal(mean, sd)
            usd = cost[name] * draw.uniform(0.9, 1.1)
            tabled.turn(name, f"c{number:02d}", 1, "advanced", float(np.clip(quality, 0, 1)), usd)
    run = folder.Run(tmp_path, tabled.about(), tabled.tables(), {"validity": {}, "spent_usd": 0.0})
    known = [Candidate(name, name, ladder) for name, ladder in zip(worse, ladders, strict=True)]

    seen = confirmed(run, known, 0.03)

    assert {each["name"]: each["outcome"] for each in seen["strategies"]} == {
        "light": "did not hold", "good": "held", "unclear": "undecided",
    }  # fmt: skip
    assert seen["conversations"] == 60
    good = next(each for each in seen["strategies"] if each["name"] == "good")
    alone = 2.0 * 0.01 / 60**0.5
    assert good["quality_gain"]["high"] - good["quality_gain"]["low"] > 2 * alone  # for all at once, so wider


# --- whole searches --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def screened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a forced run of every tier alone over six conversations, and its store."""
    place = tmp_path_factory.mktemp("search")
    options = experiment.Options(dataset="workbench", tiers="offline", limit=6, store=place / "calls.sqlite")
    confirming.screened(options, place, experiment.Listener())
    return place


def test_a_forced_replay_of_a_ladder_has_the_quality_that_the_screen_says(screened: Path) -> None:
    """Quality to the last bit of a float; cost too, but for what a tier that comes back still has cached."""
    run = folder.read(screened / "screen")
    triggers = (
        "goal_change",
        "constraint_conflict",
        "missing_information",
        "high_stakes",
        "deep_work",
        "low_confidence",
    )
    grades = reading.read(run, confirming.rules_of(run.about), triggers).grades
    members = family(grades.tiers, triggers, grades.longest)
    last = len(members.trigger_sets) - 1  # all triggers
    picks = [1, 9, 27, last * len(members.paths) + 8, last * len(members.paths) + 25]
    for pick in picks:
        (screened / f"{pick}.yaml").write_text(yaml_of(members.ladder(pick)), encoding="utf-8")
    matrix = {"tiers": "offline", "replay": "forced", "controls": "none",
              "strategies": [{"ladder": f"{pick}.yaml"} for pick in picks]}  # fmt: skip
    (screened / "ladders.yaml").write_text(json.dumps(matrix), encoding="utf-8")
    options = experiment.Options(str(screened / "ladders.yaml"), limit=6, store=screened / "calls.sqlite")

    lived = experiment.run(replace(options, out=screened / "lived"))

    names = [members.name(pick) for pick in picks]
    scores = metrics.scores(lived.tables, names, grades.ids, 0.8, "forced")
    climbs = 0.0
    for pick, score in zip(picks, scores, strict=True):
        quality, usd = of_strategy(grades, members, pick)
        np.testing.assert_allclose(quality, score.values["quality"], atol=1e-12)
        dearer = usd - score.values["cost_usd_warm"]
        assert dearer.min() > -1e-12
        if score.values["escalations_per_conversation"].sum() == 0:
            assert dearer.max() < 1e-12
        climbs += score.values["escalations_per_conversation"].sum()
    assert climbs > 0


def test_a_search_of_a_run_prints_a_ladder_and_confirms_it(screened: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, screened, "screen", "--out", "kept", "--html", "page.html", "--best", "1")

    assert code == 0
    assert out.startswith("In this simulation, ")
    assert "on the same 6 conversations" in " ".join(out.split())
    assert "undecided" in out
    kept = json.loads((screened / "kept" / "search.json").read_text())
    assert kept["confirmation"]["mode"] == "rollout"
    assert {each["name"] for each in kept["confirmation"]["strategies"]} >= {"light", "two-step", "reversed"}
    assert kept["confirmation"]["conversations"] == kept["held_out"]["quality"]["n"]
    page = (screened / "page.html").read_text()
    assert "<script" not in page
    assert "simulated tiers" in page
    chosen = (screened / "kept" / "chosen.yaml").read_text()
    assert chosen == kept["chosen"]["yaml"]


def test_the_rollout_sees_held_out_conversations_alone(screened: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, screened, "screen", "--out", "alone", "--best", "1", "--json")

    sent = folder.read(screened / "alone" / "confirm").about["dataset"]["conversations"]
    ids = folder.read(screened / "screen").about["dataset"]["conversations"]
    assert code == 0
    assert sorted(sent) == sorted(name for name, part in zip(ids, parts_of(ids, 2), strict=True) if part == 0)
    assert json.loads(out)["confirmation"]["conversations"] == len(sent)


def test_without_a_confirmation_nothing_is_written(screened: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(screened.iterdir())

    code, out, _ = said(capsys, screened, "screen", "--no-confirm", "--json")

    assert code == 0
    assert json.loads(out)["confirmation"] is None
    assert sorted(screened.iterdir()) == before


def test_a_run_that_is_not_forced_is_refused(screened: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder.read(screened / "screen")
    about = {**run.about, "mode": "rollout"}
    folder.write(screened / "rolled", about, run.tables, run.summary, {})

    code, _, err = said(capsys, screened, "rolled")

    assert code == 2
    assert "--replay forced" in err


def test_an_imported_run_is_refused_in_a_line(screened: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder.read(screened / "screen")
    config_of = {key: value for key, value in run.about["config"].items() if key != "lexicons"}
    about = {**run.about, "mode": "imported", "config": config_of}
    folder.write(screened / "imported", about, run.tables, run.summary, {})

    code, _, err = said(capsys, screened, "imported")

    assert code == 2
    assert "mode 'imported'" in err


def test_a_run_without_a_tier_alone_is_refused_by_the_tiers_name(
    screened: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder.read(screened / "screen")
    about = {**run.about, "strategies": [each for each in run.about["strategies"] if each["name"] != "mid"]}
    folder.write(screened / "lacking", about, run.tables, run.summary, {})

    code, _, err = said(capsys, screened, "lacking")

    assert code == 2
    assert "no strategy is mid alone" in err


def test_what_a_tier_did_not_answer_or_nobody_graded_is_left_out_by_name(screened: Path) -> None:
    run = folder.read(screened / "screen")
    first, second = run.about["dataset"]["conversations"][:2]
    calls = without(run.tables["calls"], {"conversation": first, "strategy": "mid", "turn": 2})
    verdicts = without(run.tables["verdicts"], {"conversation": second, "strategy": "light", "turn": 1})

    read = reading.read(
        replace(run, tables={**run.tables, "calls": calls, "verdicts": verdicts}),
        confirming.rules_of(run.about),
        (),
    )

    assert first not in read.grades.ids
    assert read.left_out == {reading.UNANSWERED: 1}
    assert read.ungraded == 1
    assert read.grades.quality[read.grades.ids.index(second), 0].tolist() == [0.0, 0.0, 0.0]


def without(table: Any, row: dict[str, Any]) -> Any:
    """A table without the rows that have these values."""
    return table.filter(pa.array([any(each[k] != v for k, v in row.items()) for each in folder.rows_of(table)]))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["screen", "--triggers", "goal_chang"], "did you mean 'goal_change'?"),
        (["screen", "--limit", "3"], "--limit: is for the run that a search makes"),
        (["nowhere"], "is not a run folder"),
        (["screen", "--unresolved-cost", "inf"], "must be a finite number"),
    ],
)
def test_what_the_user_can_put_right_is_one_line_and_exit_code_2(
    screened: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], why: str
) -> None:
    code, _, err = said(capsys, screened, *arguments)

    assert code == 2
    assert why in err
    assert len(err.splitlines()) == 1


def test_a_paid_tier_is_asked_for_nothing_that_nobody_asked_for(screened: Path) -> None:
    run = folder.read(screened / "screen")
    paid = [{**each, "model": "openai/x"} for each in run.about["tiers"]]
    run = replace(run, about={**run.about, "tiers": paid})
    read = reading.read(run, confirming.rules_of(run.about), TRIGGERS)
    done = search(read, run.about, Options())

    said = confirming.confirmation(
        experiment.Options(offline=True), run, done, False, screened / "never", experiment.Listener()
    )

    assert "--confirm does it" in said["why"]
    assert not (screened / "never").exists()


def test_a_conversation_that_changed_since_the_screen_is_not_confirmed(
    screened: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same ids with other words: a rollout over them would say nothing about the screen."""
    ids = folder.read(screened / "screen").about["dataset"]["conversations"]
    lines = [{"id": name, "messages": [{"role": "user", "content": "hi"}]} for name in ids]
    (screened / "other.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    code, out, _ = said(capsys, screened, "screen", "--dataset", "other.jsonl", "--out", "changed")

    assert code == 0
    assert "has changed since it was screened" in " ".join(out.split())


def test_a_log_without_criteria_is_refused_with_what_would_help(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (DATA / "mtbench101.jsonl.gz").is_file():
        pytest.skip("needs the recordings: mtbench101.jsonl.gz is not in ../shared/data")
    log = str(DATA / "mtbench101.jsonl.gz")

    code, _, err = said(capsys, tmp_path, "--dataset", log, "--tiers", "offline", "--limit", "4", "--out", "kept")

    assert code == 2
    assert "nothing here defines quality" in err


def said(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str) -> tuple[int, str, str]:
    with contextlib.chdir(place), pytest.raises(SystemExit) as caught:
        cli.main(["search", *arguments, "--store", "calls.sqlite"])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, "\n".join(x for x in err.splitlines() if "calls for" not in x)
