"""Do intervals from a judge and a few labels hold the truth? Over simulated sets.

python scripts/bench/ppi_coverage.py [--sets 2000] [--seed 1]

First differences between two arms, with a judge whose errors differ between conversations and, in most designs,
between arms: PPI++ must hold the truth in 93.5 to 96.5 % of the sets that have an interval, which 99 % must, and the
judge alone must not. The same where one random turn of each labelled conversation is labelled. Then rates corrected by
Rogan and Gladen's formula, and the judge's errors themselves. Exit code 1 where a claim fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests")]

from judge_coverage import Coverage, of_differences, of_rates, of_turns  # noqa: E402
from simulated_judges import Design  # noqa: E402

LOW, HIGH = 0.935, 0.965
WITHOUT = 0.01  # of sets: people may by luck see differences in too few labelled conversations
DIFFERENCES = {  # favoured: the judge is kinder to the candidate
    "favoured, 20 of 200": Design(200, 20, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)),
    "favoured, 40 of 300": Design(300, 40, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)),
    "favoured, 60 of 400": Design(400, 60, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)),
    "disfavoured, 30 of 200": Design(200, 30, sensitivity=(0.95, 0.80), specificity=(0.80, 0.92)),
    "favoured, one item": Design(300, 40, items=1, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)),
    "favoured, moody judge": Design(
        300, 40, items=10, lenience=2.0, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)
    ),
    "favoured, nearly all met": Design(300, 40, level=(3.2, 2.9), sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)),
    "errs alike": Design(300, 40),
    "sees nothing": Design(300, 40, sensitivity=(0.5, 0.6), specificity=(0.5, 0.4)),
    "sees nearly all": Design(300, 40, sensitivity=(0.98, 0.98), specificity=(0.98, 0.98)),
    "all but 10 labelled": Design(60, 50, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75)),
}
TURNS = ("favoured, 40 of 300", "favoured, 60 of 400", "disfavoured, 30 of 200", "favoured, moody judge", "errs alike")
RATES = {
    "30 of 200": Design(200, 30),
    "40 of 300": Design(300, 40, sensitivity=(0.85, 0.9), specificity=(0.85, 0.8)),
    "60 of 400, moody judge": Design(400, 60, items=10, lenience=2.0),
    "40 of 300, strict judge": Design(300, 40, sensitivity=(0.8, 0.8), specificity=(0.95, 0.95)),
    "60 of 400, nearly all met": Design(400, 60, level=(2.5, 2.5)),
    "40 of 300, one item": Design(300, 40, items=1),
    "all but 10 labelled": Design(60, 50),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.time()
    failed = []
    _head("candidate minus base")
    for name, design in DIFFERENCES.items():
        found = of_differences(design, options.sets, options.seed)
        _print(name, found)
        biased = design.sensitivity[0] != design.sensitivity[1]
        failed += [f"{name}: PPI++"] * (found["PPI++"].without > WITHOUT or not LOW <= found["PPI++"].share <= HIGH)
        failed += [f"{name}: judge alone passes"] * (biased and found["judge alone"].share >= LOW)
    print()
    _head("the same, a turn of each")
    for name in TURNS:
        found = of_turns(DIFFERENCES[name], options.sets, options.seed)
        _print(name, found)
        biased = DIFFERENCES[name].sensitivity[0] != DIFFERENCES[name].sensitivity[1]
        failed += [f"{name}, a turn of each: PPI++"] * (not LOW <= found["PPI++"].share <= HIGH)
        failed += [f"{name}, a turn of each: judge alone passes"] * (biased and found["judge alone"].share >= LOW)
    print()
    _head("candidate")
    for name, design in RATES.items():
        found = of_rates(design, options.sets, options.seed)
        _print(name, found)
        failed += [f"{name}: Rogan-Gladen"] * (found["Rogan-Gladen"].share < LOW)
    print(f"\n{time.time() - started:.0f} s")
    print("outside: " + ", ".join(failed) if failed else "every claim holds")
    return 1 if failed else 0


def _head(what: str) -> None:
    print(f"{what:28s} {'interval of':26s} {'coverage':>9s} {'±':>5s} {'bias':>8s} {'half-width':>11s} {'without':>8s}")


def _print(name: str, found: dict[str, Coverage]) -> None:
    for row, (what, each) in enumerate(found.items()):
        held = f"{100 * each.share:8.1f}% {100 * each.error:5.1f}"
        figures = f"{each.bias:+8.3f} {each.width:11.3f} {100 * each.without:7.1f}%"
        print(f"{name if row == 0 else '':28s} {what:26s} {held} {figures}")


if __name__ == "__main__":
    sys.exit(main())
