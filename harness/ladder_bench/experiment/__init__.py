"""The experiment: names become instances, and the stages run in order. The only package that sees the whole line."""

from ladder_bench.experiment.planning import check_conversation, plan
from ladder_bench.experiment.prepare import Options, Prepared, load_rules, prepare
from ladder_bench.experiment.running import Listener, Progress, run

__all__ = [
    "Listener", "Options", "Prepared", "Progress", "check_conversation", "load_rules", "plan", "prepare", "run",
]  # fmt: skip
