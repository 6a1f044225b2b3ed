"""Leave out of a run folder when, how long and where it was run: timeless.py RUN PREFIX (of paths)."""

import json
import sys
from pathlib import Path


def main() -> None:
    path, prefix = Path(sys.argv[1]) / "run.json", sys.argv[2]
    about = json.loads(path.read_text("utf-8").replace(json.dumps(prefix)[1:-1], ""))
    about |= {"started": None, "seconds": None, "prices": {**about["prices"], "date": None}}
    path.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
