"""A generated experiment for benchmarks: conversations without criteria, tiers at a base URL, a matrix. Seeded."""

from __future__ import annotations

import json
import random
from pathlib import Path

OPENERS = ("I run", "We sell", "I look after", "My team builds", "Next week I open")
THINGS = ("a small bakery", "used bicycles", "a booking site", "the invoices of nine shops", "a reading group")
ASKS = (
    "Which step comes first, and what can wait until we know more about the dates?",
    "Please keep it under 200 words and name the one risk that matters most.",
    "How would you explain that to somebody who joined yesterday?",
    "Two of the numbers changed since then: it is 40 now, not 25. Does your answer still hold?",
    "Write it as a list that I can paste into a mail.",
)
CHANGES = "Actually, forget that. I want something else now: let's switch to plan {}."  # a goal change
CHANGES_EVERY = 9  # turns


def questions(conversations: int, turns: int, seed: int = 0) -> list[list[str]]:
    """What the user says in each turn of each conversation; hardly a message is like another."""
    draw = random.Random(seed)
    asked = []
    for number in range(conversations):
        first = f"{draw.choice(OPENERS)} {draw.choice(THINGS)}, order {number}. {draw.choice(ASKS)}"
        later = [
            CHANGES.format(number)
            if (number + turn) % CHANGES_EVERY == 0
            else f"{draw.choice(ASKS)} There are {draw.randrange(10_000)} of {draw.choice(THINGS)}. {draw.choice(ASKS)}"
            for turn in range(1, turns)
        ]
        asked.append([first, *later])
    return asked


def write(
    folder: Path, url: str, conversations: int, turns: int, concurrency: int, strategies: str, **tier: object
) -> Path:
    """Write the experiment; gives its matrix. `strategies`: YAML over advanced and light; `tier` adds keys to both."""
    lines = [
        {
            "id": f"c{number:05d}",
            "language": "en",
            "messages": [
                message
                for text in texts
                for message in ({"role": "user", "content": text}, {"role": "assistant", "content": "As recorded."})
            ],
        }
        for number, texts in enumerate(questions(conversations, turns))
    ]
    (folder / "conversations.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    tiers = [
        {
            "name": name,
            "model": f"openai/{name}",
            "params": {"api_base": url},
            "max_output_tokens": 256,
            "price": {"input": price, "output": 4 * price},
            "limits": {"concurrency": concurrency},
        }
        | tier
        for name, price in (("advanced", 4.0), ("light", 1.0))
    ]
    (folder / "tiers.yaml").write_text(json.dumps({"tiers": tiers}), "utf-8")  # JSON is YAML
    matrix = folder / "matrix.yaml"
    matrix.write_text(
        "dataset: conversations.jsonl\ntiers: tiers.yaml\nrubrics: [checks]\nreplay: rollout\n"
        f"controls: none\nstrategies: {strategies}\n",
        "utf-8",
    )
    return matrix
