"""Local models: llama.cpp on loopback, started at the first use and gone with the process.

The server takes the requests of any OpenAI-compatible endpoint, so that the transports of hosted models serve it too.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from ladder_bench.domain import Tier
from ladder_bench.errors import InputError, Problem
from ladder_bench.models import weights

PREFIX = "local/"
SLOTS = 4  # requests answered at once; more wait in the server's queue
CONTEXT_TOKENS = 4096  # of one request, prompt and answer together; 23 KB of memory a token and slot
MOST_THREADS = 8  # a model of this size has little to share out; measured on 2 cores only
START_TIMEOUT_S = 60.0
# This server hangs up after a streamed reply without saying so: on a connection that is kept, every other call fails.
HEADERS = {"Connection": "close"}
SERVER = Path(__file__).with_name("llama_server.py")

_running: dict[str, LocalServer] = {}
_starting = threading.Lock()


class LocalServer:
    """A server process for one model. It ends with `stop`, and with this process, even if that is killed."""

    def __init__(self, file: Path, name: str, threads: int) -> None:
        # -P: beside the program lie modules with names that others may have
        command = [sys.executable, "-P", str(SERVER), str(file), name, str(threads), str(SLOTS), str(CONTEXT_TOKENS)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        timer = threading.Timer(START_TIMEOUT_S, self._process.kill)
        timer.start()
        try:
            said = self._process.stdout.readline().strip()
        finally:
            timer.cancel()
        if not said.startswith("http://127.0.0.1:"):
            self.stop()
            why = said.removeprefix("error: ") or f"it ended with status {self._process.returncode}"
            raise InputError(f"the server of local model '{name}' does not start: {why}")
        self.base_url = f"{said}/v1"

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process and free its memory; what it was answering is lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def check(model: str, where: str = "") -> None:
    """Say what is missing before a local model can answer, without starting it. Raises InputError, at `where`.

    `model` is a name in the catalogue of weights, without `local/`.
    """
    found = weights.known(model)
    if find_spec("xllamacpp") is None:
        raise InputError(Problem("local models need `pip install 'ladder-bench[local]'`", where=where))
    state = weights.state(found)
    if state != "installed":
        what = f"{found.path} is {state}: run `ladder-bench model install {model}`"
        raise InputError(Problem(what, where=where))


def serve(model: str, where: str = "") -> str:
    """The base URL of a local model's server, such as 'http://127.0.0.1:40123/v1'. Raises InputError, at `where`.

    The first use of a model in a process starts its server and blocks for about a second; one that died is started
    again. May be called from any thread.
    """
    with _starting:
        server = _running.get(model)
        if server is None or not server.alive:
            check(model, where)
            server = _running[model] = LocalServer(weights.known(model).path, model, threads(_cores()))
            atexit.register(server.stop)
        return server.base_url


def reached(tier: Tier) -> Tier:
    """A tier `local/NAME` as its server is reached: an OpenAI-compatible model with a base URL. As `serve` otherwise."""
    name = tier.model.removeprefix(PREFIX)
    base = serve(name, where=f"tier '{tier.name}'")
    headers = {**tier.params.get("extra_headers", {}), **HEADERS}
    return replace(tier, model=f"openai/{name}", params={**tier.params, "api_base": base, "extra_headers": headers})


def fingerprint(model: str) -> str:
    """What decides a local model's answers beyond the request; needs neither the model nor the extra. Raises InputError."""
    return f"sha256:{weights.known(model).sha256} context:{CONTEXT_TOKENS}"


def threads(cores: int) -> int:
    """One core is left to everything else: a thread too many costs most of the speed, not a share of it."""
    return max(1, min(cores - 1, MOST_THREADS))


def _cores() -> int:
    """Cores that this process may use; a container's quota counts, which the system's own count leaves out."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):  # no such limit ("max") or another system
        return cores
