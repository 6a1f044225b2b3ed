"""Looking after the call store: counting, checking, copying, removing, forgetting."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zstandard

from builders import reply
from ladder_bench import cli
from ladder_bench.domain import Reply, Usage, canonical, digest_of
from ladder_bench.experiment import Options
from ladder_bench.store import Store, database, ledger, transfer, upkeep

STORE = ".ladder-bench/calls.sqlite"
WHOLE = Reply(
    "grüß \ud800 <b>", Usage(1, 2, 3, 4, 5, True), 0.25, "live", "served-model", "stop", ("dropped seed",), 0.05, 1.7e9,
    -0.75,
)  # fmt: skip


def key(number: int) -> str:
    """Keys are hashes: spread over their range."""
    return digest_of(str(number))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder to work in, whose store has what `fill` puts there."""
    with contextlib.chdir(tmp_path):
        yield tmp_path


def fill(*replies: Reply, path: str = STORE, first: int = 0, conversation: str = "c1", model: str = "m") -> None:
    with Store(Path(path)) as store:
        store.write(
            lambda db: [database.put(db, key(first + n), conversation, model, each) for n, each in enumerate(replies)]
        )


@contextlib.contextmanager
def opened(path: str = STORE) -> Iterator[sqlite3.Connection]:
    """The file as any program sees it, changes written when the block ends."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def stored(path: str = STORE) -> dict[str, Reply | None]:
    with contextlib.closing(database.connect(Path(path), create=False)) as connection:
        return {row[0]: database.unpack(row) for row in connection.execute(database.ROW)}


class Said(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def store(place: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """`ladder-bench store ...` in the folder."""

    def command(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as caught:
            cli.main(["store", *arguments])
        out, err = capsys.readouterr()
        return Said(int(caught.value.code or 0), out, err)

    return command


@pytest.mark.parametrize("command", ["stats", "verify", "export x.jsonl", "prune", "forget c1"])
def test_a_store_that_is_not_there_is_not_made(store: Any, place: Path, command: str) -> None:
    assert store(*command.split()) == (2, "", f"error: {STORE}: there is no call store; choose one with --store\n")
    assert list(place.iterdir()) == []


def test_it_is_the_store_that_a_run_uses() -> None:
    assert str(Options().store) == STORE


# --- stats ---------------------------------------------------------------------------------


def test_stats_count_calls_by_model_with_their_age(store: Any) -> None:
    fill(reply("one", at=1.7e9), reply("two", at=1.7e9 + 60), model="openai/gpt")
    fill(reply("one"), model="simulated/light", first=2, conversation="c2")

    found = store("stats", "--json").json

    assert (found["calls"], found["bodies"], found["conversations"]) == (3, 2, 2)
    models = [{name: value for name, value in each.items() if name != "bytes"} for each in found["models"]]
    assert models == [
        {"model": "openai/gpt", "calls": 2, "oldest": "2023-11-14T22:13:20Z", "newest": "2023-11-14T22:14:20Z"},
        {"model": "simulated/light", "calls": 1, "oldest": None, "newest": None},
    ]
    assert all(0 < each["bytes"] < 1000 for each in found["models"])
    assert found["bytes"] >= Path(STORE).stat().st_size


def test_stats_show_what_attempts_came_to_and_which_runs_are_not_complete(store: Any) -> None:
    def attempts(db: sqlite3.Connection) -> None:
        for experiment in ("done", "e1"):
            ledger.begin(db, experiment)
            ids = [ledger.reserve(db, experiment, key(n), "c1", "light", 0.01, None) for n in range(3)]
            assert ids[0]
            assert ids[1]
            ledger.settle(db, ids[0], "answered", 1.0, 0.004, certain=True)
            ledger.settle(db, ids[1], "timeout", 1.0, None, certain=False)
        ledger.complete(db, "done")

    with Store(Path(STORE)) as calls:
        calls.write(attempts)

    found = store("stats", "--json").json

    assert found["outcomes"] == [
        {"outcome": "answered", "attempts": 2, "paid_usd": 0.008, "at_most_usd": 0.008},
        {"outcome": "timeout", "attempts": 2, "paid_usd": 0.0, "at_most_usd": 0.02},
        {"outcome": None, "attempts": 2, "paid_usd": 0.0, "at_most_usd": 0.02},
    ]
    (run,) = found["open"]
    assert (run["experiment"], run["attempts"], run["paid_usd"], run["at_most_usd"]) == ("e1", 3, 0.004, 0.024)


def test_stats_are_a_table_in_which_nothing_is_hidden(store: Any) -> None:
    fill(reply("a", at=1.7e9), model="evil\x1b[2J\nmodel")

    said = store("stats")

    assert said.code == 0
    assert "\x1b" not in said.out
    heads, row = said.out.splitlines()[2:]
    assert heads.split() == ["model", "calls", "oldest", "newest", "size"]
    assert row.split()[-5:-2] == ["1", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"]


# --- verify --------------------------------------------------------------------------------


def test_a_whole_store_verifies(store: Any) -> None:
    fill(*(reply(str(n)) for n in range(20)))

    assert store("verify") == (0, f"{STORE}: 20 calls checked, no damage\n", "")


def damage(number: int) -> None:
    with opened() as connection:
        connection.execute("UPDATE calls SET model = 'other' WHERE key = ?", (key(number),))


def test_damaged_calls_are_named_one_a_line_and_stay_until_dropped(store: Any) -> None:
    fill(*(reply(str(n)) for n in range(4)))
    damage(1)
    damage(3)

    said = store("verify")

    assert said.code == 2
    assert {line for line in said.out.splitlines() if line.startswith("damaged: ")} == {
        f"damaged: {key(n)}" for n in (1, 3)
    }
    assert len(stored()) == 4
    assert store("verify", "--drop").code == 0
    assert set(stored()) == {key(0), key(2)}
    assert store("verify", "--json").json == {
        "calls": 2, "damaged": [], "dropped": 0, "orphaned_bodies": 2, "faults": [],
    }  # fmt: skip


def test_a_damaged_name_is_damage_and_no_error(store: Any) -> None:
    fill(reply("a"), reply("b"))
    with opened() as connection:
        connection.execute("UPDATE calls SET conversation = CAST(x'ff' AS TEXT) WHERE key = ?", (key(0),))

    assert f"damaged: {key(0)}\n" in store("verify").out
    assert store("stats").code == 0
    assert store("verify", "--drop").code == 0


def test_a_file_with_broken_pages_is_reported_and_what_can_be_read_is_saved(store: Any) -> None:
    """Whichever page is destroyed: no traceback, no wrong answer, and only what lay on it is lost."""
    texts = {key(n): reply(f"answer {n} " + random.Random(n).randbytes(150).hex()) for n in range(400)}
    fill(*texts.values())
    with contextlib.closing(database.connect(Path(STORE))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = Path(STORE).read_bytes()
    pages = len(whole) // 4096
    assert pages > 40
    most_saved = 0

    for page in range(1, pages, 2):  # the first page says what the file is
        Path(STORE).write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        checked = store("verify")
        exported = store("export", "saved.jsonl")
        assert checked.code in (0, 2)
        assert "Traceback" not in checked.err + exported.err
        if exported.code == 0:
            lines = [json.loads(line) for line in Path("saved.jsonl").read_text().splitlines()]
            assert lines[0]["calls"] == len(lines) - 1
            assert all(texts[line["key"]].text == line["reply"]["text"] for line in lines[1:])
            most_saved = max(most_saved, len(lines) - 1)
            if len(lines) <= 400:
                assert checked.code == 2
        shutil.rmtree(".ladder-bench")
        Path(".ladder-bench").mkdir()
    assert most_saved > 300


@pytest.mark.parametrize("left", [100, 4096, 40_000])
def test_a_store_that_was_cut_off_is_one_line(store: Any, left: int) -> None:
    fill(*(reply(random.Random(n).randbytes(300).hex()) for n in range(200)))
    Path(STORE).write_bytes(Path(STORE).read_bytes()[:left])

    said = store("verify")

    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(f"error: {STORE}: the call store cannot be opened: ")


# --- export and import ---------------------------------------------------------------------

NAMES = ("calls.jsonl", "calls.jsonl.gz", "calls.jsonl.zst")


@pytest.mark.parametrize("name", NAMES)
def test_an_exported_store_comes_back_whole(store: Any, name: str) -> None:
    fill(WHOLE, reply(usage=None, latency_s=None), reply(""), conversation="c\t1")

    assert store("export", name) == (0, "3 calls exported\n", "")
    assert store("import", name, "--store", "other.sqlite") == (0, "3 calls taken; 0 already there\n", "")
    assert stored("other.sqlite") == stored()
    with opened() as one, opened("other.sqlite") as two:
        for table in ("calls", "bodies"):
            assert one.execute(f"SELECT * FROM {table}").fetchall() == two.execute(f"SELECT * FROM {table}").fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_calls_give_the_same_bytes_in_whatever_order_they_came(store: Any, name: str) -> None:
    said = [reply(str(n)) for n in range(30)]
    fill(*said)
    store("export", name)
    before = Path(name).read_bytes()
    fill(*said[:10], path="other.sqlite")
    fill(*said[20:], path="other.sqlite", first=20)
    fill(*said[10:20], path="other.sqlite", first=10)
    store("export", name, "--store", "other.sqlite")

    assert Path(name).read_bytes() == before


def exported(*replies: Reply) -> list[Any]:
    """The lines of an export as values."""
    fill(*replies, path="source.sqlite")
    with upkeep.opened(Path("source.sqlite")) as connection:
        transfer.export(connection, "source.jsonl")
    return [json.loads(line) for line in Path("source.jsonl").read_text().splitlines()]


def test_the_lines_say_everything_in_the_order_of_the_keys(store: Any) -> None:
    header, *calls = exported(WHOLE, *(reply(str(n)) for n in range(9)))

    assert header == {"ladder-bench-store": 2, "calls": 10}
    assert [call["key"] for call in calls] == sorted(key(n) for n in range(10))
    (whole,) = (call for call in calls if call["key"] == key(0))
    assert {name: value for name, value in whole.items() if name != "seal"} == {
        "key": key(0), "conversation": "c1", "model": "m", "at": 1.7e9,
        "reply": {
            "text": "grüß \ud800 <b>", "latency_s": 0.25, "origin": "live", "model": "served-model", "finish": "stop",
            "notes": ["dropped seed"], "first_token_s": 0.05, "logprob": -0.75,
            "usage": {"input": 1, "output": 2, "cached": 3, "cache_write": 4, "reasoning": 5, "estimated": True},
        },
    }  # fmt: skip


def test_a_reply_without_logprob_is_stored_as_before_there_were_any_and_exported_as_unknown(store: Any) -> None:
    (line,) = exported(reply("a", at=1.0))[1:]
    fill(reply("a", at=1.0), WHOLE)
    with opened() as connection:
        rows = dict(connection.execute("SELECT key, reply FROM calls"))

    kept = [json.loads(zstandard.ZstdDecompressor().decompress(rows[key(n)])) for n in range(2)]
    assert ["logprob" in each for each in kept] == [False, True]
    assert line["reply"]["logprob"] is None
    assert stored()[key(0)] == reply("a", at=1.0)
    assert stored()[key(1)] == WHOLE
    assert store("verify").code == 0


def test_a_file_from_before_there_were_logprobs_is_taken(store: Any) -> None:
    header, *calls = exported(*(reply(str(n)) for n in range(3)))
    for call in calls:
        del call["reply"]["logprob"], call["seal"]
        call["seal"] = digest_of(canonical(call))[:32]
    Path("old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *calls]))

    assert store("import", "old.jsonl") == (0, "3 calls taken; 0 already there\n", "")
    assert stored() == stored("source.sqlite")


@pytest.mark.parametrize(
    ("key_", "value"), [("logprob", 0.5), ("logprob", "-1"), ("logprob", 10**400), ("latency_s", 10**400)]
)
def test_a_number_that_cannot_be_is_refused_with_its_place(store: Any, key_: str, value: Any) -> None:
    header, call = exported(reply())
    call["reply"][key_] = value
    Path("odd.jsonl").write_text(json.dumps(header) + "\n" + json.dumps(call) + "\n")

    said = store("import", "odd.jsonl")

    assert (said.code, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("error: odd.jsonl:2:")
    assert ", or null" in said.err


def test_a_damaged_call_is_not_exported_and_is_named(store: Any) -> None:
    fill(*(reply(str(n)) for n in range(3)))
    damage(1)

    assert store("export", "calls.jsonl") == (0, "2 calls exported\n", f"left out, damaged: {key(1)}\n")
    assert "\n".join(Path("calls.jsonl").read_text().splitlines()).count(key(1)) == 0


def test_an_export_goes_through_a_pipe(place: Path) -> None:
    fill(*(reply(str(n)) for n in range(3)))
    code = "from ladder_bench.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run([sys.executable, "-c", code, "store", "export", "-"], env=environment, capture_output=True)
    back = subprocess.run(
        [sys.executable, "-c", code, "store", "import", "-", "--store", "other.sqlite"],
        env=environment, input=out.stdout, capture_output=True,
    )  # fmt: skip

    assert (out.returncode, out.stderr, out.stdout.count(b"\n")) == (0, b"3 calls exported\n", 4)
    assert (back.returncode, back.stdout) == (0, b"3 calls taken; 0 already there\n")
    assert stored("other.sqlite") == stored()


def test_an_export_that_cannot_be_written_leaves_the_old_one(store: Any, place: Path) -> None:
    fill(reply())
    Path("calls.jsonl").mkdir()

    assert store("export", "calls.jsonl").code == 2
    assert store("export", "nowhere/calls.jsonl").err.count("\n") == 1
    assert store("export", STORE).err == f"error: {STORE}: a file of calls ends in .jsonl, .jsonl.gz, .jsonl.zst\n"
    assert sorted(each.name for each in place.iterdir()) == [".ladder-bench", "calls.jsonl"]


def test_an_import_takes_what_is_not_there_and_never_overwrites(store: Any) -> None:
    exported(*(reply(f"theirs {n}", at=1.0) for n in range(4)))
    fill(reply("theirs 0", at=2.0), reply("ours", at=2.0))

    said = store("import", "source.jsonl")

    lines = [json.loads(line).get("key") for line in Path("source.jsonl").read_text().splitlines()]
    different = lines.index(key(1)) + 1
    assert said.out == (
        f"2 calls taken; 2 already there\nsource.jsonl:{different}: is stored with another answer, which stays\n"
    )
    found = stored()
    assert {n: (found[key(n)] or reply()).text for n in range(4)} == {
        0: "theirs 0", 1: "ours", 2: "theirs 2", 3: "theirs 3",
    }  # fmt: skip
    assert (found[key(0)] or reply()).at == 2.0
    assert store("import", "source.jsonl", "--json").json == {
        "file": "source.jsonl", "taken": 0, "already_there": 4, "repaired": 0, "different": [different],
    }  # fmt: skip


@pytest.mark.parametrize("what", ["UPDATE calls SET model = 'x'", "UPDATE bodies SET body = x''", "DELETE FROM bodies"])
def test_an_import_puts_damaged_calls_right(store: Any, what: str) -> None:
    exported(reply("a"), reply("b"))
    fill(reply("a"), reply("b"))
    with opened() as connection:
        connection.execute(what)

    assert store("import", "source.jsonl").out == "0 calls taken; 0 already there; 2 damaged ones put right\n"
    assert store("verify").code == 0


def change(lines: list[Any], place: int, **fields: Any) -> None:
    """Change a call of an export, and seal it again as somebody would who means to."""
    call = {**lines[place], **fields}
    del call["seal"]
    lines[place] = {**call, "seal": digest_of(canonical(call))[:32]}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "key": ({"key": "abc"}, "3:2: key: must be 64 hexadecimal digits"),
    "conversation": ({"conversation": 7}, "conversation: must be text"),
    "surrogate": ({"conversation": "\ud800"}, "conversation: must be text"),
    "age": ({"at": "today"}, "at: must be seconds, 0 or more, or null"),
    "unknown": ({"modle": "m"}, "modle: unknown key; did you mean 'model'?"),
    "reply": ({"reply": []}, "reply: must be a mapping"),
    "reply's text": ({"reply": {"text": None}}, "reply.text: must be text"),
}


@pytest.mark.parametrize(("fields", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_line_that_is_no_call_is_named_and_nothing_is_imported(
    store: Any, fields: dict[str, Any], message: str
) -> None:
    fill(reply("ours"))
    lines = exported(*(reply(str(n)) for n in range(3)))
    change(lines, 2, **fields)
    Path("wrong.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    said = store("import", "wrong.jsonl")

    assert (said.code, said.out) == (2, "")
    assert all(line.startswith("error: wrong.jsonl:3:") for line in said.err.splitlines())
    assert message in said.err
    assert len(stored()) == 1


def test_every_line_that_is_wrong_is_named(store: Any) -> None:
    lines = exported(*(reply(str(n)) for n in range(5)))
    text = [json.dumps(line) for line in lines]
    text[2] = text[2][:-5]
    lines[3]["reply"]["usage"]["input"] = -1
    text[3] = json.dumps(lines[3])
    text[4] = text[4].replace('"text": "', '"text": "changed ')
    text[5] = text[1]
    Path("wrong.jsonl").write_text("\n".join(text))

    errors = store("import", "wrong.jsonl").err.splitlines()

    assert [error.split(": ", 2)[2] for error in errors] == [
        "broken JSON: Unterminated string starting at",
        "reply.usage.input: must be a whole number, 0 or more",
        "the call does not match its seal: it was changed after it was exported",
        "key: is also on line 2; keep one",
    ]
    assert [error.split(":")[2] for error in errors] == ["3", "4", "5", "6"]
    assert stored() == {}


def without_line(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-1])


CUT: dict[str, tuple[str, Any]] = {
    "a line": ("x.jsonl", without_line),
    "half a line": ("x.jsonl", lambda data: data[:-30]),
    "gzip": ("x.jsonl.gz", lambda data: gzip.compress(data)[:-12]),
    "zstd": ("x.jsonl.zst", lambda data: zstandard.compress(data)[:-12]),
    "everything": ("x.jsonl", lambda data: b""),
    "a zstd file's bytes": ("x.jsonl.zst", lambda data: data),
    "a gzip file's bytes": ("x.jsonl.gz", lambda data: data),
    "UTF-8": ("x.jsonl", lambda data: data[:200] + b"\xff" + data[201:]),
    "a header": ("x.jsonl", lambda data: data[data.index(b"\n") + 1 :]),
    "depth": ("x.jsonl", lambda data: data[: data.index(b"\n") + 1] + b"[" * 100_000),
}


@pytest.mark.parametrize(("name", "cut"), CUT.values(), ids=CUT.keys())
def test_a_file_that_is_not_whole_is_refused_in_one_line(store: Any, name: str, cut: Any) -> None:
    exported(*(reply(random.Random(n).randbytes(100).hex()) for n in range(50)))
    Path(name).write_bytes(cut(Path("source.jsonl").read_bytes()))

    said = store("import", name)

    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith(f"error: {name}")
    assert stored() == {}


def test_an_export_of_a_newer_version_is_refused(store: Any) -> None:
    Path("new.jsonl").write_text('{"ladder-bench-store": 3, "calls": 1}\n{"what": "ever"}\n')

    assert store("import", "new.jsonl").err == (
        "error: new.jsonl:1:1: written by a newer ladder-bench (version 3, not 2); upgrade\n"
    )
    assert store("import", "none.jsonl").err == "error: none.jsonl: cannot be read: No such file or directory\n"


def test_lines_picked_by_hand_are_taken_when_the_first_line_makes_no_promise(store: Any) -> None:
    lines = exported(*(reply(str(n)) for n in range(5)))
    del lines[0]["calls"]
    Path("picked.jsonl").write_text("".join(json.dumps(line) + "\n\n" for line in [lines[0], lines[4], lines[2]]))

    assert store("import", "picked.jsonl").out == "2 calls taken; 0 already there\n"


# --- prune ---------------------------------------------------------------------------------

DAY = 86_400.0


def aged() -> None:
    """Live calls of 40 days, 10 days and a moment ago, computed ones, and another model's of 40 days ago."""
    now = time.time()
    fill(*(reply(f"{days} days", at=now - days * DAY) for days in (40, 10, 0)), model="live")
    fill(reply("computed"), reply("40 days"), model="simulated/light", first=3)
    fill(reply("other", at=now - 40 * DAY), model="other", first=5)


@pytest.mark.parametrize(
    ("criteria", "gone", "bodies"),
    [
        ("", set(), 0),
        ("--older-than 30d", {0, 5}, 1),  # the text of one is used by another
        ("--older-than 5d", {0, 1, 5}, 2),
        ("--older-than 36h --model live", {0, 1}, 1),
        ("--model other", {5}, 1),
        ("--model other --model simulated/light", {3, 4, 5}, 2),
        ("--older-than 30d --model simulated/light", {3, 4}, 1),
        ("--older-than 100d", set(), 0),
    ],
)
def test_calls_go_by_age_by_model_or_by_both(store: Any, criteria: str, gone: set[int], bodies: int) -> None:
    aged()

    would = store("prune", *criteria.split(), "--dry-run", "--json").json
    assert len(stored()) == 6
    did = store("prune", *criteria.split(), "--json").json

    assert set(stored()) == {key(n) for n in range(6) if n not in gone}
    assert (did["calls"], did["bodies"]) == (would["calls"], would["bodies"]) == (len(gone), bodies)
    with opened() as connection:
        assert connection.execute("SELECT count(*) FROM bodies").fetchone()[0] == 5 - bodies
    assert store("verify").code == 0


def test_bodies_that_no_call_uses_go_and_the_file_shrinks(store: Any) -> None:
    fill(*(reply(random.Random(n).randbytes(500).hex()) for n in range(500)))
    fill(*(reply("short") for _ in range(500)))
    before = Path(STORE).stat().st_size

    said = store("prune")

    assert said.out.startswith("removed 0 calls and 500 bodies (")
    assert Path(STORE).stat().st_size < before / 2
    assert len(stored()) == 500


def test_the_ledger_stays_when_calls_go(store: Any) -> None:
    aged()
    with Store(Path(STORE)) as calls:
        calls.write(lambda db: ledger.begin(db, "e"))
        calls.write(lambda db: ledger.reserve(db, "e", key(0), "c1", "live", 0.5, None))

    store("prune", "--model", "live")

    assert store("stats", "--json").json["open"][0]["at_most_usd"] == 0.5


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        (
            "--model lve",
            "--model: no stored call is of 'lve'; did you mean 'live'?; stored: live, other, simulated/light",
        ),
        ("--older-than soon", "--older-than: must be a number with s, m, h or d behind it"),
    ],
)
def test_criteria_that_mean_nothing_remove_nothing(store: Any, criteria: str, message: str) -> None:
    aged()

    said = store("prune", *criteria.split())

    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert len(stored()) == 6


FULL = """
import resource, signal, sys
from ladder_bench.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
main(["store", *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("prune --model rare", 0, "the file could not be made smaller: "),
        ("forget rare", 2, "; nothing was, free some space and try again"),
        ("prune --model m", 2, "; nothing was, free some space and try again"),
    ],
)
def test_without_room_on_the_disk_it_is_said_what_was_not_done(
    place: Path, command: str, code: int, message: str
) -> None:
    """A file that may not grow stands for a disk that is full."""
    fill(*(reply(random.Random(n).randbytes(1000).hex()) for n in range(500)))
    fill(reply("few"), model="rare", conversation="rare", first=1000)
    before = len(stored())

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", FULL, *command.split()], env=environment, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert message in done.stderr
    assert before - len(stored()) == (0 if message.startswith(";") else 1)


# --- beside a run --------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["prune --model live", "verify --drop", "import source.jsonl", "forget c1"])
def test_while_another_process_writes_a_change_is_refused_in_one_line(
    store: Any, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BUSY_S", 0.05)
    exported(reply("a"))
    aged()
    damage(1)
    with contextlib.closing(sqlite3.connect(STORE, isolation_level=None)) as run:
        run.execute("BEGIN IMMEDIATE")
        said = store(*command.split())

    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: {STORE}: another process is using the call store; wait until it has finished, or stop it\n"
    )


def test_a_store_can_be_looked_at_copied_and_pruned_while_a_run_has_it_open(store: Any) -> None:
    aged()
    exported(reply("a"))
    with Store(Path(STORE)) as run:
        assert run.get(key(0))
        for command in ("stats", "verify", "export x.jsonl", "import source.jsonl", "prune --model live"):
            assert store(*command.split()).code == 0, command
        assert run.get(key(0)) is None
        run.write(lambda db: database.put(db, key(0), "c1", "live", reply("again")))

    assert stored()[key(0)] == reply("again")


def test_nothing_is_forgotten_while_a_run_has_the_store_open(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be about to write the same conversation again."""
    monkeypatch.setattr(upkeep, "BUSY_S", 0.05)
    fill(reply())
    with Store(Path(STORE)) as run:
        assert run.get(key(0))
        assert "another process is using the call store" in store("forget", "c1").err
        run.write(lambda db: database.put(db, key(1), "c1", "m", reply("more")))

    assert len(stored()) == 2
    assert store("forget", "c1").code == 0


# --- forget --------------------------------------------------------------------------------

SECRET = "Zq7-unmistakable-Xv9"


def holding(text: str, folder: str = ".ladder-bench") -> list[str]:
    """Files of a folder that hold a text."""
    return [path.name for path in Path(folder).iterdir() if text.encode() in path.read_bytes()]


def remembered(conversation: str = "patient-7") -> None:
    """Three calls of a conversation, one of them asked for twice, an attempt, and calls of another with a text shared."""
    fill(*(reply(f"{SECRET} {n}") for n in range(2)), reply("shared"), conversation=conversation)
    fill(reply(f"{SECRET} again"), conversation=conversation)
    fill(reply("shared"), reply("of another"), first=10, conversation="other")
    with Store(Path(STORE)) as store:
        store.write(lambda db: ledger.begin(db, "e"))
        attempt = store.write(lambda db: ledger.reserve(db, "e", key(0), conversation, "light", 0.5, None))
        store.write(lambda db: ledger.settle(db, attempt, "answered", 1.0, 0.25, certain=True))


def test_a_forgotten_conversation_leaves_no_byte_and_its_cost_stays(store: Any) -> None:
    remembered()
    assert holding(SECRET)  # so short that compression leaves it as it is
    assert holding("patient-7")

    said = store("forget", "patient-7")

    assert said.code == 0, said.err
    assert holding(SECRET) == holding("patient-7") == []
    assert holding(key(0)) == []
    assert store("stats", "--json").json["open"][0]["paid_usd"] == 0.25


def test_where_free_pages_could_not_be_wiped_it_says_so(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "shrink", lambda connection: "database or disk is full")
    remembered()

    said = store("forget", "patient-7")

    assert (said.code, said.out.count("\n")) == (2, 1)
    assert "traces may be left in the file's free pages: database or disk is full" in said.err


def test_bodies_that_another_conversation_uses_stay(store: Any) -> None:
    remembered()

    found = store("forget", "patient-7", "--json").json

    assert (found["calls"], found["bodies"], found["attempts"]) == (3, 3, 1)
    assert stored() == {key(10): reply("shared"), key(11): reply("of another")}
    assert store("verify").code == 0
    with Store(Path(STORE)) as calls:  # and the store works on
        calls.write(lambda db: database.put(db, key(20), "c9", "m", reply()))


def test_a_conversation_that_is_not_there_is_refused_with_the_name_that_was_meant(store: Any) -> None:
    remembered()

    assert store("forget", "patient-8").err == (
        f"error: {STORE}: holds nothing of conversation 'patient-8'; did you mean 'patient-7'?\n"
    )
    assert store("forget", os.fsdecode(b"caf\xe9")).err.count("\n") == 1
    assert store("forget", "").code == 2
    assert len(stored()) == 5


def run_folder(path: str, *conversations: str) -> None:
    Path(path).mkdir(parents=True)
    (Path(path) / "run.json").write_text(json.dumps({"dataset": {"conversations": conversations}}))


def test_run_folders_that_hold_copies_are_listed_and_left_alone(store: Any) -> None:
    remembered()
    run_folder("reports/runs/a b", "patient-7", "x")
    run_folder("reports/runs/c", "x")
    run_folder("reports/runs/d/e", "patient-7")
    Path("reports/runs/c/run.json").write_text("{")

    said = store("forget", "patient-7")

    assert said.out.splitlines()[1:] == [
        "copies of it are still in 2 run folders; to remove:",
        "rm -r 'reports/runs/a b'",
        "rm -r reports/runs/d/e",
    ]
    assert said.err == "reports/runs/c: its run.json cannot be read; look whether it holds a copy\n"
    assert Path("reports/runs/a b/run.json").is_file()
    again = store("forget", "patient-7", "--json").json
    assert (again["calls"], again["copies"]) == (0, ["reports/runs/a b", "reports/runs/d/e"])


def test_run_folders_may_lie_elsewhere(store: Any) -> None:
    remembered()
    run_folder("elsewhere/one", "patient-7")

    assert "rm -r elsewhere/one\n" in store("forget", "patient-7", "--runs", "elsewhere").out
    assert store("forget", "patient-7", "--runs", "nowhere").err == "error: --runs nowhere: is no folder\n"


def test_calls_that_do_not_say_whose_they_are_are_pointed_out(store: Any) -> None:
    remembered()
    fill(reply("from version 1"), conversation="", model="", first=30)

    said = store("forget", "patient-7")

    assert "1 stored call from an earlier version" in said.err
    assert "1 stored call from an earlier version" in store("forget", "nobody").err
    assert store("prune", "--model", "").out.startswith("removed 1 call and 1 body")
    assert key(30) not in stored()
