"""A comparison as people see it: the terminal, the page with both sides of what moved, Markdown and JSON."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from compared import Arm, Written, drawn, names
from ladder_bench import cli, folder
from ladder_bench.comparison import Options, compare
from ladder_bench.report import compare as pages
from ladder_bench.report import compare_grids as grids
from report_runs import HOSTILE, Tags

IDS = names(40)
BASE = drawn(40, 0.6)
LOWER = [value - 0.1 - 0.05 * (place % 3) for place, value in enumerate(BASE)]
NETWORK = re.compile(r"(?:src|href)=\"(?!#)|url\(|@import|<link|<script", re.IGNORECASE)


def written(path: Path, arms: Mapping[str, Arm], **more: Any) -> Path:
    return Written(arms, IDS, **more).write(path)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    first = written(tmp_path / "a", {"x": Arm(BASE, said="Said before.")})
    second = written(tmp_path / "b", {"x": Arm(LOWER, [0.5] * 40, said="Said after.")}, config={"seed": 3})
    return first, second


@pytest.fixture
def many(tmp_path: Path) -> Path:
    arms = {"base": Arm(BASE), "worse": Arm(LOWER), "same": Arm(drawn(40, 0.6, seed=5))}
    return written(tmp_path / "many", arms, tags={name: ("all", f"own {name}") for name in IDS})


def page(*paths: Path, **options: Any) -> str:
    result = compare(list(paths), Options(**options))
    return pages.page(result.found, result.runs, "ladder-bench compare")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `compare`."""
    code = 0
    capsys.readouterr()
    try:
        cli.main(["compare", *map(str, arguments)])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    output = capsys.readouterr()
    return code, output.out, output.err


# --- the terminal --------------------------------------------------------------------------


def test_the_first_line_says_what_changed(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *two)
    assert code == 0
    assert " ".join(out.split()).startswith("x in B is different from x in A in quality, worse: −14.9 points (−16.2 to")
    assert "seed: 0 → 3" in out
    assert "0 better, 40 worse, 0 the same of 40 conversations, by Q" in " ".join(out.split())


def test_a_difference_is_no_error(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *two)[0] == 0


def test_what_is_not_alike_exits_with_2_and_a_line_a_reason(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = written(tmp_path / "c", {"x": Arm(BASE)}, config={"resolved_quality": 0.5, "gap_s": 9.0})
    code, out, err = run(capsys, two[0], other)
    assert (code, out) == (2, "")
    assert [line.startswith("error: ") for line in err.splitlines()] == [True, True]


def test_of_many_the_terminal_has_a_line_each_and_marks_what_is_different(
    many: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, many, "--strategy", "base", "--strategy", "worse", "--strategy", "same")
    worse, same = (
        next(line for line in out.splitlines() if line.startswith(f"{name}  ")) for name in ("worse", "same")
    )
    assert "−14.9*" in worse
    assert "*" not in same
    assert "against base" in out


@pytest.mark.parametrize("columns", ["60", "80", "120", "200"])
def test_no_number_is_cut_at_any_width(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    _, out, _ = run(capsys, *two)
    row = grids.change("quality", compare(list(two)).found["comparisons"][0]["metrics"]["quality"])
    if columns != "60":
        assert row.interval.replace(" to ", "…") in out
    assert all(len(line) <= int(columns) for line in out.splitlines())


def test_deltas_by_tag_are_printed_where_tags_have_enough_conversations(
    many: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, many, "--by-tag")
    assert ", by tag" in out
    assert "40 tags of fewer than 20 conversations: in --json." in " ".join(out.split())


def test_bad_options_are_named(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert "--share x: must be" in run(capsys, *two, "--share", "x")[2]
    assert "--unresolved-cost" in run(capsys, *two, "--unresolved-cost", "nan")[2]
    code, _, err = run(capsys, *two, "--html", two[0] / "nothing" / "page.html")
    assert (code, "cannot be written" in err) == (2, True)


# --- JSON ----------------------------------------------------------------------------------


def test_json_is_what_the_docstring_says(two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, *two, "--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert list(found) == [
        "schema", "headline", "runs", "unresolved_cost_usd", "qpd_rate", "common", "repriced", "notes", "changes",
        "unmatched", "units", "balance", "comparisons",
    ]  # fmt: skip
    assert list(found["comparisons"][0]) == [
        "base", "candidate", "says", "changes", "metrics", "conversations", "movers", "tags",
    ]  # fmt: skip
    assert list(found["comparisons"][0]["metrics"]["quality"]) == [
        "value", "low", "high", "n", "unscored", "why", "scale", "ratio", "band", "says", "direction", "base",
        "candidate",
    ]  # fmt: skip
    assert list(found["runs"][0]) == [
        "label", "path", "dataset", "mode", "started", "conversations", "simulated", "imported", "design",
    ]  # fmt: skip


def test_json_and_markdown_hold_no_text_of_a_conversation(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, *two, "--json", "--markdown", tmp_path / "c.md")
    for text in (out, (tmp_path / "c.md").read_text("utf-8")):
        assert "Said after" not in text
        assert "A question" not in text


# --- the page ------------------------------------------------------------------------------


def test_the_page_shows_both_sides_of_what_moved_most(two: tuple[Path, Path]) -> None:
    words = Tags(page(*two)).words
    assert "Said before. x c" in words
    assert "Said after. x c" in words
    assert "x in A" in words
    assert "x in B" in words


def test_the_page_says_how_many_movers_have_no_transcript(two: tuple[Path, Path]) -> None:
    assert "37 conversations that moved are without a transcript" not in Tags(page(*two)).words
    found = compare(list(two)).found
    assert found["comparisons"][0]["movers"]["left_out"] == {"up": 0, "down": 30}
    assert "30 more that moved less are left out" in Tags(page(*two)).words


def test_the_page_loads_nothing_and_runs_nothing(two: tuple[Path, Path], many: Path) -> None:
    for each in (page(*two), page(many)):
        assert not NETWORK.search(each)
        policy = next(tag["content"] for tag in Tags(each).named("meta") if tag.get("http-equiv"))
        assert policy is not None
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy


def test_the_same_runs_give_the_same_page(two: tuple[Path, Path]) -> None:
    assert page(*two) == page(*two)


def test_hostile_names_and_texts_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [f"{HOSTILE} {place}" for place in range(20)]
    tags = dict.fromkeys(ids, (HOSTILE,))
    runs = [
        Written({HOSTILE: Arm(quality, said=HOSTILE)}, ids, tags, asked=HOSTILE, about={"notes": [f"{HOSTILE}{name}"]})
        .write(tmp_path / name)
        for name, quality in (("a", BASE[:20]), ("b", LOWER[:20]))
    ]  # fmt: skip
    result = compare(runs, Options(by_tag=True))
    tags_found = Tags(pages.page(result.found, result.runs, HOSTILE))
    assert not tags_found.named("script")
    assert not tags_found.named("img")
    assert "{{7*7}}" in tags_found.words
    assert "\u202e" not in tags_found.words
    pages.print_comparison(result.found)
    out = capsys.readouterr().out
    assert "\u202e" not in out
    assert "\x00" not in out
    markdown = pages.markdown_page(result.found, HOSTILE)
    assert "\n<script>" not in markdown
    assert "\x00" not in markdown


def test_simulated_and_imported_runs_are_labelled(tmp_path: Path) -> None:
    tiers = [{"name": "x", "model": "simulated/light", "params": {}, "cache_group": "x"}]
    simulated = [written(tmp_path / name, {"x": Arm(BASE)}, about={"tiers": tiers}) for name in ("a", "b")]
    words = Tags(page(*simulated)).words
    assert "simulated tiers: these numbers illustrate the tool" in words
    assert "· simulated" in words
    assert "In this simulation, nothing changed" in words
    imported = [written(tmp_path / name, {"x": Arm(BASE)}, about={"mode": "imported", "imported": {"outcomes": 0}})
                for name in ("c", "d")]  # fmt: skip
    assert "imported · 40 conversations" in Tags(page(*imported)).words


def test_every_number_on_the_page_has_its_interval_and_its_n(two: tuple[Path, Path]) -> None:
    found = compare(list(two)).found
    grid = grids.metrics(1, found["comparisons"][0])
    at = grid.heads.index("n") - 1
    for line in grid.lines:
        change, size = line.cells[2], line.cells[at]
        assert getattr(change, "interval", ""), line.head
        assert getattr(size, "value", "").startswith("40"), line.head


def test_of_many_comparisons_each_has_its_turn_for_a_transcript(many: Path) -> None:
    words = page(many, strategies=("base", "worse", "same"))
    worse, same = words.split('id="comparison-2"')
    assert worse.count('<details class="conversation"') == 3  # it only fell
    assert same.count('<details class="conversation"') == 6


def test_the_page_of_equal_runs_says_that_nothing_changed(two: tuple[Path, Path]) -> None:
    words = Tags(page(two[0], two[0])).words
    assert "Nothing changed" in words
    assert "B is set like A" in words


# --- words and numbers ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "value", "bounds", "shown"),
    [
        ("quality", -0.1234, (-0.2, 0.0), "−12.3"),
        ("wait_s_p90", 1.6049, (-0.662, 2.639), "+1.60 s"),
        ("unsupported_per_turn", -0.00694, (-0.197, 0.183), "−0.007"),
        ("cost_usd_warm", -0.0246, (-0.028, -0.0212), "−$0.0246"),
        ("effective_usd", 0.0, (0.0, 0.0), "$0"),
    ],
)
def test_differences_have_a_sign_and_as_many_digits_as_their_bounds(
    metric: str, value: float, bounds: Sequence[float], shown: str
) -> None:
    assert grids.signed(metric, value, *bounds) == shown


def test_old_run_folders_without_kept_conversations_are_compared(two: tuple[Path, Path]) -> None:
    for path in two:
        (path / "conversations.parquet").unlink()
        with contextlib.suppress(FileNotFoundError):
            (path / "judgements.parquet").unlink()
    assert compare(list(two)).found["comparisons"][0]["metrics"]["quality"]["says"] == "different"
    assert "Said before" in page(*two)


def test_a_run_is_not_touched(two: tuple[Path, Path]) -> None:
    before = {path: path.stat().st_mtime_ns for each in two for path in each.iterdir()}
    page(*two)
    assert {path: path.stat().st_mtime_ns for each in two for path in each.iterdir()} == before
    assert folder.is_complete(two[0])
