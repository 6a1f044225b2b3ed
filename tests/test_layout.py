"""The layout: content folders hold no code, everything shipped is valid, and the command line starts light."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from ladder_bench import config, content
from ladder_bench.errors import InputError
from ladder_bench.validation import validate

ROOT = Path(__file__).parents[1]
HEAVY = {"litellm", "datasets", "scipy", "pandas", "matplotlib", "numpy", "pyarrow", "jsonschema", "tiktoken"}


def bundled(folder: str) -> list[Path]:
    return [
        path for path in sorted(content.shipped(*folder.split("/")).glob("*.yaml")) if path.name != "simulator.yaml"
    ]


@pytest.mark.parametrize("folder", ["ladders", "rubrics", "datasets", "reports"])
def test_a_content_folder_holds_no_code(folder: str) -> None:
    assert not [path for path in (ROOT / folder).rglob("*.py*") if path.suffix in (".py", ".pyi", ".pyc")]


def test_everything_that_ships_is_valid() -> None:
    checked = validate(None)

    assert checked.problems == ()
    assert checked.files >= 10


@pytest.mark.parametrize("tiers", bundled("ladders/tiers"), ids=lambda path: path.stem)
@pytest.mark.parametrize("ladder", bundled("ladders"), ids=lambda path: path.stem)
def test_a_bundled_ladder_loads_with_every_tiers_file_that_has_its_tiers(ladder: Path, tiers: Path) -> None:
    known = config.load_tiers(str(tiers))
    if not set(config.load_ladder(str(ladder), None).tiers) <= set(known.names):
        with pytest.raises(InputError, match="unknown tier"):
            config.load_ladder(str(ladder), known)
        return

    assert config.load_ladder(str(ladder), known).steps


def test_every_package_that_is_imported_is_declared() -> None:
    """A wheel that lacks one works wherever something else has brought it, and nowhere else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["local"]]
    declared = {re.split(r"[^\w.-]", each)[0].lower() for each in wanted}
    providers = packages_distributions()
    for path in sorted((ROOT / "harness" / "ladder_bench").rglob("*.py")):
        for name in imported(ast.parse(path.read_text("utf-8"))) - sys.stdlib_module_names - {"ladder_bench"}:
            found = {each.lower() for each in providers.get(name, [name])}
            assert declared & found, f"{path.relative_to(ROOT)} imports {name}, of {', '.join(found)}"


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages that a module imports anywhere."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import ladder_bench.cli",
        "from pathlib import Path; from ladder_bench import content, validation; "
        "validation.validate([content.shipped('ladders', 'two-step.yaml')])",
    ],
)
def test_nothing_heavy_is_imported_on_the_way(code: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"]

    loaded = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    assert HEAVY.isdisjoint(loaded)
