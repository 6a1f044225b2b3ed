"""What users write beside tiers: ladders and matrices as YAML, turned into values with every problem located."""

from ladder_bench.config.ladders import LadderShape, RecentShape, load_ladder, read_ladder
from ladder_bench.config.matrices import (
    CONTROLS,
    Matrix,
    MatrixShape,
    Repeats,
    Use,
    UserSetting,
    load_matrix,
    read_matrix,
)
from ladder_bench.config.vary import Variation, variations
from ladder_bench.tiers import Tiers, load_tiers, read_tiers, simulator_profile

__all__ = [
    "CONTROLS", "LadderShape", "Matrix", "MatrixShape", "RecentShape", "Repeats", "Tiers", "Use", "UserSetting",
    "Variation", "load_ladder", "load_matrix", "load_tiers", "read_ladder", "read_matrix", "read_tiers",
    "simulator_profile", "variations",
]  # fmt: skip
