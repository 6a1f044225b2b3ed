"""How well does the rule for unsupported specifics do? Precision and recall on labelled answers.

python scripts/bench/specifics.py [FILE...]     (default: the bundled datasets/specifics)

A specific that the rule and the label call unsupported is found; one that only the rule calls so is a false alarm, also
where nobody marked a specific; one that only the label calls so is missed. Intervals are by case.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.domain import Estimate
from ladder_bench.errors import InputError
from ladder_bench.judge.labelled import SHIPPED, LabelShape, Outcome, load, outcome


def main(names: Sequence[str]) -> int:
    for name in names or [SHIPPED]:
        try:
            outcomes = [outcome(case) for case in load(name)]
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
        print(f"{name}\n{report(outcomes)}\n")
    return 0


def report(outcomes: Sequence[Outcome]) -> str:
    labels = [label for each in outcomes for label in each.case.specifics]
    wrong = sum(not label.supported for label in labels)
    return "\n".join(
        (
            f"{len(outcomes)} answers, {len(labels)} specifics, {wrong} of them unsupported",
            f"precision {_shown(precision(outcomes))}",
            f"recall    {_shown(recall(outcomes))}",
            *_table("kind", outcomes, lambda label: label.kind),
            *_table("why", outcomes, lambda label: label.why),
            "\nmissed",
            *(f"  {each.case.id}: {label.text} ({label.why})" for each in outcomes for label in each.missed),
            "\nfalse alarms",
            *(
                f"  {each.case.id}: {specific.text} ({label.why if label else 'no specific'})"
                for each in outcomes
                for specific, label in each.alarms
            ),
        )
    )


def precision(outcomes: Sequence[Outcome]) -> Estimate:
    """The share of what is called unsupported that is so, with an interval by case."""
    return _share(outcomes, lambda each: (len(each.found), len(each.found) + len(each.alarms)))


def recall(outcomes: Sequence[Outcome]) -> Estimate:
    """The share of what is unsupported that is called so, with an interval by case."""
    return _share(outcomes, lambda each: (len(each.found), len(each.found) + len(each.missed)))


def _share(outcomes: Sequence[Outcome], counts: Callable[[Outcome], tuple[int, int]]) -> Estimate:
    pairs = np.array([counts(each) for each in outcomes], dtype=float)
    return estimates.share(estimates.ratio(pairs[:, 0], pairs[:, 1]))


def _shown(found: Estimate) -> str:
    if found.value is None:
        return f"- ({found.why})"
    interval = f"[{found.low:.3f}, {found.high:.3f}]" if found.low is not None else f"({found.why})"
    return f"{found.value:.3f} {interval}, n = {found.n} answers"


def _table(title: str, outcomes: Sequence[Outcome], group: Callable[[LabelShape], str]) -> list[str]:
    """How many are found, missed, supported, and called unsupported in spite of it, by group."""
    labels = Counter((group(label), label.supported) for each in outcomes for label in each.case.specifics)
    found = Counter(group(label) for each in outcomes for label in each.found)
    alarms = Counter(group(label) if label else "-" for each in outcomes for _, label in each.alarms)
    lines = [f"\n{title:18s} {'unsupported':>11s} {'found':>6s} {'supported':>10s} {'false alarms':>13s}"]
    for name in sorted({name for name, _ in labels} | set(alarms)):
        lines.append(
            f"{name:18s} {labels[name, False]:11d} {found[name]:6d} {labels[name, True]:10d} {alarms[name]:13d}"
        )
    return lines


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
