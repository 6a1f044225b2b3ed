"""Check that a second run sent nothing and found the same: same_summary.py FIRST SECOND (run folders)."""

import json
import sys
from pathlib import Path

VARIES = ("calls", "spent_usd")


def main() -> None:
    first, second = (json.loads((Path(name) / "summary.json").read_text("utf-8")) for name in sys.argv[1:3])
    if second["calls"]["sent"] != 0:
        sys.exit(f"the second run sent {second['calls']['sent']} calls; 0 were expected")
    if any(first[key] != second[key] for key in first if key not in VARIES):
        sys.exit("the second run's summary differs from the first's")
    print(f"wheel: {len(first['strategies'])} strategies; the second run sent 0 calls and found the same")


if __name__ == "__main__":
    main()
