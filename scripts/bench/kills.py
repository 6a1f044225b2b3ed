"""Is anything lost or paid twice when a run is killed? `kill -9` at random moments, then the same command.

python scripts/bench/kills.py [--kills 20] [--failures 0.0] [--seed 0]

The summary must equal that of a run that nobody disturbed (calls, money and measured waits aside); the provider must
have been asked for at most the calls in flight more than the distinct calls. Exit code 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "harness")]

import live  # noqa: E402
import loopback  # noqa: E402
from loopback import Behaviour  # noqa: E402

KINDS = ("429", "429_after", "500", "502", "html", "cut")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--failures", type=float, default=0.0, help="share of requests that fail")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    failures = {kind: options.failures / len(KINDS) for kind in KINDS}
    behaviour = Behaviour(delay_s=0.15, failures=failures, seed=options.seed, retry_after_s=0.05)
    with tempfile.TemporaryDirectory() as name, loopback.process(behaviour) as provider:
        quiet, killed = Path(name) / "quiet", Path(name) / "killed"
        for place in (quiet, killed):
            place.mkdir()
            live.write(place, provider.url, 40, 6)
        finished(quiet)
        before = provider.ledger()
        kills = 0
        while kills < options.kills:
            process = live.start(killed, "--out", "run")
            time.sleep(chance.uniform(0.8, 1.6))
            process.kill()
            process.communicate()
            kills += process.returncode == -9
        finished(killed)
        after = provider.ledger()
        first, second = (json.loads((place / "run" / "summary.json").read_text("utf-8")) for place in (quiet, killed))
    answered = after.outcomes["answered"] - before.outcomes["answered"]
    extra, allowed = answered - second["calls"]["distinct"], 2 * 8 * kills  # two tiers, eight in flight each
    same = live.comparable(first) == live.comparable(second)
    distinct = second["calls"]["distinct"]
    print(f"{kills} kills; {distinct} distinct calls, {answered} answered by the provider: {extra} lost")
    print(f"in flight at the kills: at most {allowed}; summary the same: {same}")
    sys.exit(not (same and 0 <= extra <= allowed))


def finished(place: Path) -> None:
    code, _, err = live.finish(live.start(place, "--out", "run"), timeout_s=300)
    if code:
        sys.exit(err)


if __name__ == "__main__":
    main()
