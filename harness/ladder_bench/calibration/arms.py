"""Arms: the two strategies whose answers people label and whose difference is corrected, the base first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladder_bench.analyse import strategies
from ladder_bench.calibration.items import Item
from ladder_bench.content import did_you_mean, display
from ladder_bench.errors import InputError
from ladder_bench.folder import Run

Judged = Mapping[str, Sequence[Item]]  # a strategy's items


def chosen(run: Run, judged: Judged, names: Sequence[str]) -> tuple[str, ...]:
    """The named arms, base first as named, or those most worth comparing. Raises InputError."""
    for name in names:
        if name not in judged:
            valid = ", ".join(list(judged)[:10])
            raise InputError(f"--arms: no judge graded a strategy '{name}'{did_you_mean(name, judged)}; valid: {valid}")
    if len(set(names)) not in (0, 2) or len(names) > 2:
        raise InputError("--arms: name two strategies, the base first: --arms A --arms B")
    return tuple(names) or tuple(usual(run, judged)[:2])


def usual(run: Run, judged: Judged) -> list[str]:
    """The judged strategies, the base first, then the one of the verdict, then the others, controls last."""
    if not judged:
        raise InputError(
            f"{display(run.path)}: no judge graded it by criteria; grade it with "
            "`ladder-bench judge RUN --rubrics RUBRIC --tiers FILE`"
        )
    controls = {each["name"]: bool(each["control"]) for each in run.about["strategies"]}
    named = run.summary["verdict"].get("strategy")
    base = run.summary.get("base")
    if base not in judged:
        base = strategies.compared_with(run.about)
    if base not in judged:
        base = next(name for name in controls if name in judged)
    others = [name for name in controls if name in judged and name != base]
    return [base, *sorted(others, key=lambda name: (name != named, controls[name]))]


def labelled(run: Run, judged: Judged, ids: frozenset[str]) -> tuple[str, ...]:
    """The two arms that labels are of: those with most labelled items, the usual ones where several share them all."""
    order = usual(run, judged)
    count = {name: sum(each.id in ids for each in judged[name]) for name in order}
    known = sorted((name for name in order if count[name]), key=lambda name: -count[name])[:2]
    return tuple(sorted(known, key=order.index)) or tuple(order[:2])
