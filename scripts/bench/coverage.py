#!/usr/bin/env python
"""Are the statistics right? Coverage, error rates and power over simulated conversations whose truth is known.

python scripts/bench/coverage.py [--sets 4000] [--seed 1] [--only PART ...] > scripts/bench/coverage.md

The long version of tests/test_statistics.py. Intervals take a quarter more sets, the slower parts fewer, as each
table says. Exit code 1 where a claim fails; what is shown without a claim is a limit of the method, and said to be.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import scipy

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests")]

import gate_errors as gate  # noqa: E402
import interval_coverage as intervals  # noqa: E402
import ladder_bench  # noqa: E402
from equal_ladders import fooled  # noqa: E402
from simulated_conversations import HEAVY, ORDINARY, UNEQUAL, Design  # noqa: E402

LOW, HIGH, MOST = 0.935, 0.965, 0.065
SIZES = (20, 50, 100, 300)
GATES = (30, 100, 400)
SKEWED = ("cost", "Δ cost", "harm", "tokens a turn")  # what a few conversations make up
RATIO = "log cost ratio"


@dataclass
class Page:
    """Tables as they come, and the claims that failed."""

    failed: list[str] = field(default_factory=list)
    claims: int = 0
    started: float = field(default_factory=time.time)

    def head(self, title: str, text: str) -> None:
        print(f"\n## {title}\n\n{text}", flush=True)
        print(f"{time.time() - self.started:6.0f} s  {title}", file=sys.stderr)

    def table(self, head: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
        print("\n| " + " | ".join(head) + " |\n|---|" + "---:|" * (len(head) - 1))
        for name, cells in rows.items():
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)

    def claim(self, what: str, share: float, low: float = 0.0, high: float = 1.0) -> str:
        """A share in per cent, which has to be in its range."""
        self.claims += 1
        held = low <= share <= high
        if not held:
            self.failed.append(f"{what}: {percent(share)}, not in {percent(low)} to {percent(high)}")
        return percent(share) if held else f"**{percent(share)}**"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="every part has draws of its own")
    options = parser.parse_args()
    page = Page()
    print("# Are the statistics right?\n")
    print(f"`python scripts/bench/coverage.py --sets {options.sets} --seed {options.seed}`: ladder-bench", end=" ")
    print(f"{ladder_bench.__version__}, Python {platform.python_version()}, numpy {np.__version__}, scipy", end=" ")
    print(f"{scipy.__version__}.\nPer cent of simulated sets; truths are quadrature and closed forms", end=" ")
    print("(tests/simulated_conversations.py). A claim that fails is **bold**; (brackets) are no claim.")
    for name in options.only:
        PARTS[name](page, options.sets, options.seed)
    spent = f"{(time.time() - page.started) / 60:.1f} minutes, {time.process_time() / 60:.1f} of them computing"
    print(f"\n## Sum\n\n{page.claims} claims, {len(page.failed)} failed; {spent}.")
    for each in page.failed:
        print(f"- {each}")
    return 1 if page.failed else 0


def of_intervals(page: Page, sets: int, seed: int) -> None:
    sets = sets * 5 // 4
    page.head(
        "Intervals",
        f"t-intervals on influence values, nominally 95; {sets:,} sets a cell (two standard errors: 0.6). Claim: 93.5 "
        "to 96.5. Not claimed: means and differences that a few dear or long conversations make up, and 20 "
        "conversations, which reports call a small sample, beyond that the others cover 92 there. With 20 none is "
        "missing, since 19 have no interval.",
    )
    designs = {
        "equal arms, ICC 0.15": ORDINARY,
        "unequal arms, ICC 0.05": replace(UNEQUAL, icc=0.05),
        "unequal arms, ICC 0.15": UNEQUAL,
        "unequal arms, ICC 0.3": replace(UNEQUAL, icc=0.3),
    }
    for name, design in designs.items():
        found = {size: intervals.coverage(sized(design, size), sets, seed) for size in SIZES}
        rows = {}
        for metric in found[SIZES[0]]:
            shares = {size: found[size][metric] for size in SIZES}
            what = f"{name}, {metric}"
            rows[metric] = [
                page.claim(f"{what}, {size}", share, LOW, HIGH)
                if size > SIZES[0] and metric not in SKEWED
                else f"({percent(share)})"
                for size, share in shares.items()
            ]
        page.table([name, *(f"C = {size}" for size in SIZES)], rows)
        least = min(share for metric, share in found[SIZES[0]].items() if metric not in SKEWED)
        page.claim(f"{name}, 20 conversations, the least", least, 0.92)
    turns = [page.claim("turns", intervals.of_turns(sized(ORDINARY, size), sets, seed), 0.0, 0.85) for size in SIZES]
    page.table(["proof that this can fail", *(f"C = {size}" for size in SIZES)], {"error of turns, below 85": turns})


def of_tails(page: Page, sets: int, seed: int) -> None:
    page.head(
        "Heavy tails",
        f"2 % of conversations cost 10 times a Pareto draw (shape 2.1) as much, by arm; {sets:,} sets. Claims: log "
        "cost ratios at least 91, QPD as above, and the tail warning fires in 40 or more of heavy sets and, from 50 "
        "conversations on, in at most 5 of ordinary ones. The mean cost of one arm is no claim: nothing covers the "
        "mean of what mostly is not seen.",
    )
    for name, costs in {"equal": (0.10, 0.10), "unequal": (0.10, 0.07)}.items():
        heavy = replace(HEAVY, cost_usd=costs)
        found = {size: intervals.coverage(sized(heavy, size), sets, seed) for size in SIZES}
        rows = {
            RATIO: [page.claim(f"heavy, {name}, {RATIO}, {size}", found[size][RATIO], 0.91) for size in SIZES],
            "Δ log QPD": [
                page.claim(f"heavy, {name}, Δ log QPD, {size}", found[size]["Δ log QPD"], LOW, HIGH) for size in SIZES
            ],
            "cost of an arm": [f"({percent(found[size]['cost'])})" for size in SIZES],
            "warned": [
                page.claim(f"heavy, {name}, warned, {size}", intervals.tails(sized(heavy, size), sets, seed), 0.40)
                for size in SIZES
            ],
        }
        page.table([f"heavy tails, {name} costs", *(f"C = {size}" for size in SIZES)], rows)
    seen = [intervals.tails(sized(ORDINARY, size), sets, seed) for size in SIZES]
    first, *others = seen
    cells = [page.claim("ordinary, warned", share, 0.0, 0.05) for share in others]
    page.table(["ordinary tails", *(f"C = {size}" for size in SIZES)], {"warned": [f"({percent(first)})", *cells]})


def of_bootstrap(page: Page, sets: int, seed: int) -> None:
    sets = sets // 2
    page.head(
        "Bootstrap",
        f"Percentile intervals from 1,000 multinomial draws that all arms share; {sets:,} sets (two standard errors: "
        "1.1). Claim: at least 92 from 50 conversations. `saving`, in dollars and as a share: against the line between "
        "three single tiers; spikes make it skewed, and with 50 conversations it falls short of 92, which is no claim.",
    )
    sizes = (50, 100, 300)
    found = {size: intervals.of_bootstrap(sized(ORDINARY, size), sets, seed=seed) for size in sizes}
    rows = {
        name: [
            f"({percent(found[size][name])})"
            if size == sizes[0] and name in ("saving", "share saved")
            else page.claim(f"bootstrap, {name}, {size}", found[size][name], 0.92)
            for size in sizes
        ]
        for name in found[sizes[0]]
    }
    page.table(["statistic", *(f"C = {size}" for size in sizes)], rows)


def of_gate(page: Page, sets: int, seed: int) -> None:
    page.head(
        "Gate",
        f"log QPD (margin ln(1/0.90)), quality (0.03) and harm (0.05) on at once; {sets:,} sets. Claims: at most 6.5 "
        "fail where nothing is worse, and at most 6.5 pass where one thing is worse by its margin and the others are "
        "so much better that they always pass. By chance alone 5 may.",
    )
    for name, design in {"ordinary": ORDINARY, "heavy tails": HEAVY, "ICC 0.3": replace(ORDINARY, icc=0.3)}.items():
        rows: dict[str, list[str]] = {}
        for size in GATES:
            here = replace(design, conversations=size)
            equal = gate.outcomes(here, sets, seed)
            rows.setdefault("nothing worse: fails", []).append(
                page.claim(f"gate, {name}, {size}, false alarm", equal.failed, high=MOST)
            )
            rows.setdefault("nothing worse: passes", []).append(f"({percent(equal.passed)})")
            for what, worse in gate.worse_by_margin(here).items():
                passed = gate.outcomes(worse, sets, seed).passed
                rows.setdefault(f"worse by {what}: passes", []).append(
                    page.claim(f"gate, {name}, {size}, worse by {what}", passed, high=MOST)
                )
            both = gate.outcomes(gate.all_worse_by_margin(here), sets, seed).passed
            rows.setdefault("all three worse: passes", []).append(
                page.claim(f"gate, {name}, {size}, all worse", both, high=MOST)
            )
        page.table([name, *(f"C = {size}" for size in GATES)], rows)
    fails = page.claim("six points", gate.six_points_lower(400, sets // 2, seed), 0.93)
    print(f"\nQuality 0.06 lower, paired sd 0.25, C = 400: {fails} % fail (claim: 93 or more; {sets // 2:,} sets).")


def of_power(page: Page, sets: int, seed: int) -> None:
    sets = sets // 2
    page.head(
        "Power at the printed number",
        f"N as printed from a pilot of 20,000 conversations, and the share of {sets:,} sets of N that pass where "
        "nothing differs. Claim: 77 to 83. In brackets, N from pilots of 100: the 10th to the 90th percentile of 300.",
    )
    designs = {
        "resolved 0.7, F = 10 x cost": ORDINARY,
        "resolved 0.9, F = cost": Design(resolved=(0.9, 0.9), dear=1.0, icc=0.05),
    }
    for name, design in designs.items():
        pilots = gate.printed(design, 100, 300, seed)
        rows = {
            test: [
                f"{each.needed:,}",
                page.claim(f"power, {name}, {test}", each.passed, 0.77, 0.83),
                "({:,.0f} to {:,.0f})".format(*pilots[test]),
            ]
            for test, each in gate.power(design, sets, seed=seed).items()
        }
        page.table([name, "N", "passes", "N from pilots of 100"], rows)


def of_many(page: Page, sets: int, seed: int) -> None:
    sets = sets // 4
    page.head(
        "Many strategies",
        f"{sets:,} sets in which all are equal. max-T bands from 1,000 draws: any that excludes 0, claim at most 6.5; "
        "plain intervals in brackets. `of them sparse`: differs from the base in one conversation of 20.",
    )
    rows = {}
    for count, sparse in ((5, 0), (20, 0), (20, 10)):
        found = {size: gate.family_wise_error(size, count, sets, sparse=sparse, seed=seed) for size in (30, 100, 300)}
        what = f"k = {count}" + (f", {sparse} of them sparse" if sparse else "")
        rows[what] = [
            f"{page.claim(f'max-T, {what}, {size}', banded, high=MOST)} ({percent(plain)})"
            for size, (banded, plain) in found.items()
        ]
    page.table(["effects", "C = 30", "C = 100", "C = 300"], rows)
    rows = {}
    for count in (2, 5, 10):
        cells = []
        for size in (30, 100, 300):
            equal, dearer = (gate.pareto_errors(count, size, sets // 2, cheaper, seed) for cheaper in (1.0, 0.2))
            claimed = page.claim(f"labels, {count} arms, {size}", equal, high=MOST)
            cells.append(claimed + " / " + page.claim(f"labels, {count} arms, {size}, cheaper", dearer, high=MOST))
        rows[f"{count} arms"] = cells
    text = (
        f"Pareto labels, {sets // 2:,} sets, at most 6.5: any label for equal arms / `dominated` by cheaper, not better"
    )
    page.table([text, "C = 30", "C = 100", "C = 300"], rows)
    search = fooled(sets * 4, 100, seed=seed)
    rows = {
        "chosen and reported on the same": [
            page.claim("naive winner covers", search["naive"].covers, 0.70, 0.82),
            page.claim("naive winner better", search["naive"].better, 0.28, 0.40),
            f"({search['naive'].bias:+.2f})",
        ],
        "chosen on one half, reported on the other": [
            page.claim("split winner covers", search["split"].covers, LOW, HIGH),
            page.claim("split winner better", search["split"].better, high=MOST),
            f"{search['split'].bias:+.2f}",
        ],
    }
    page.table([f"best of 20 equal ladders, C = 100, {sets * 4:,} sets", "covers", '"better"', "bias, SE"], rows)
    if abs(search["split"].bias) >= 0.2:
        page.failed.append(f"split search bias {search['split'].bias:+.2f} SE")


def of_designs(page: Page, sets: int, seed: int) -> None:
    page.head(
        "Other designs",
        f"{sets:,} sets. Unpaired: arms over different conversations, of unequal number and spread (Welch). Claims: "
        "93 to 97, gates at most 6.5; with 40 conversations in an arm no claim. Clusters: users with 1 to 10 "
        "conversations, or 1 to 40 of which a few users have most; claim 93.5 to 97.5. Strata: declared weights; "
        "claim 93 to 97. In brackets what plain intervals cover.",
    )
    rows: dict[str, list[str]] = {}
    pairs = ((40, 160), (160, 40), (100, 400), (400, 100))
    for base_size, size in pairs:
        base, candidate = sized(UNEQUAL, base_size), replace(sized(UNEQUAL, size), quality=(0.75, 0.90))
        for metric, share in intervals.unpaired(base, candidate, sets, seed).items():
            what = f"unpaired, {metric}, {base_size} and {size}"
            small = min(base_size, size) < 100
            cell = f"({percent(share)})" if small else page.claim(what, share, LOW - 0.005, HIGH + 0.005)
            rows.setdefault(metric, []).append(cell)
        gates = {"gate, nothing worse: fails": (ORDINARY, "failed")}
        gates |= {f"gate, worse by {by}: passes": (d, "passed") for by, d in gate.worse_by_margin(ORDINARY).items()}
        for what, (design, outcome) in gates.items():
            found = gate.outcomes_unpaired(
                replace(ORDINARY, conversations=base_size), replace(design, conversations=size), sets // 2, seed
            )
            share = getattr(found, outcome)
            cell = f"({percent(share)})" if small else page.claim(f"{what}, {base_size} and {size}", share, high=MOST)
            rows.setdefault(what, []).append(cell)
    page.table(["unpaired: base and candidate", *(f"{one}, {two}" for one, two in pairs)], rows)
    rows = {}
    for uneven in (False, True):
        what = "a few users have most" if uneven else "1 to 10 each"
        for groups in (20, 50, 200):
            found = intervals.by_cluster(groups, sets, uneven, seed)
            held = page.claim(f"clusters, {what}, {groups}", found["clustered"], LOW, 0.975)
            rows.setdefault(what, []).append(f"{held} ({percent(found['as if independent'])})")
    page.table(["users", "20", "50", "200"], rows)
    rows = {}
    for size in (100, 300):
        found = intervals.by_stratum(size, sets, seed)
        for name in ("Δ mean", "log ratio"):
            cell = page.claim(f"strata, {name}, {size}", found[name], LOW - 0.005, HIGH + 0.005)
            other = f" ({percent(found['unweighted Δ mean'])})" if name == "Δ mean" else ""
            rows.setdefault(name, []).append(cell + other)
    page.table(["declared weights", "C = 100", "C = 300"], rows)


def of_suite(page: Page, sets: int, seed: int) -> None:
    page.head(
        "Suite",
        f"These conversations and no others; {sets:,} sets. Claims: intervals for the suite's own effect cover 93 to "
        "97; for the effect on all such conversations they cover less than 90. They are two questions.",
    )
    cases = ((20, 2), (20, 5), (100, 2), (100, 5), (300, 3))
    rows: dict[str, list[str]] = {}
    for size, samples in cases:
        found = intervals.of_suite(size, samples, sets, seed)
        for name, share in found.items():
            what = f"{name}, {size} x {samples}"
            if name.startswith("suite, "):
                cell = page.claim(what, share, LOW - 0.005, HIGH + 0.005)
            elif name.startswith("suite's"):
                cell = page.claim(what, share, 0.0, 0.90)
            else:
                cell = f"({percent(share)})"
            rows.setdefault(name, []).append(cell)
    page.table(["conversations x samples", *(f"{size} x {samples}" for size, samples in cases)], rows)


def of_limits(page: Page, sets: int, seed: int) -> None:
    sets = sets // 2
    page.head(
        "Limits",
        f"What no interval from these conversations can see, shown and not claimed; {sets:,} sets. Spikes of the "
        "candidate alone, or heavier ones that arms share: coverage of the log cost ratio, and how often the warning "
        "fires. Harm worse by its margin, all of it in a few conversations: how often its test passes.",
    )
    spikes = {
        "the candidate's alone, 1 %": replace(HEAVY, spikes=(0.0, 0.01)),
        "shared, 15 times a Pareto draw": replace(HEAVY, least=15.0, shared_spikes=True, cost_usd=(0.10, 0.07)),
    }
    rows = {}
    for name, design in spikes.items():
        cells = []
        for size in SIZES:
            here = sized(design, size)
            covered, warned = intervals.coverage(here, sets, seed)[RATIO], intervals.tails(here, sets, seed)
            cells.append(f"({percent(covered)}; warned {percent(warned)})")
        rows[name] = cells
    page.table(["spikes: log cost ratio", *(f"C = {size}" for size in SIZES)], rows)
    rows = {}
    for name, bursts in (("in most conversations", 2.0), ("in about 1 of 5", 0.1), ("in about 1 of 30", 0.01)):
        design = replace(ORDINARY, harm=(0.0, 0.05), bursts=bursts)
        shares = [gate.outcomes(replace(design, conversations=size), sets, seed).alone["harm"] for size in GATES]
        rows[name] = [f"({percent(share)})" for share in shares]
    page.table(["harm, base 0, candidate 0.05 a turn", *(f"C = {size}" for size in GATES)], rows)


def sized(design: Design, conversations: int) -> Design:
    """With 20 conversations all are known: 19 have no interval."""
    few = conversations == SIZES[0]
    return replace(design, conversations=conversations, missing=0.0 if few else design.missing)


PARTS = {
    "intervals": of_intervals,
    "tails": of_tails,
    "bootstrap": of_bootstrap,
    "gate": of_gate,
    "power": of_power,
    "many": of_many,
    "designs": of_designs,
    "suite": of_suite,
    "limits": of_limits,
}

if __name__ == "__main__":
    sys.exit(main())
