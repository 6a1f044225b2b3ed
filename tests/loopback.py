"""An OpenAI-compatible provider on loopback for tests: it answers, waits, streams, fails, limits, lies and counts.

    with loopback.serve(Behaviour(delay_s=0.05, failures={"429_after": 0.05}, seed=3)) as provider:  # in a thread
    with loopback.process(Behaviour(...)) as provider:                                               # in a process
        provider.url, provider.ledger(), provider.behave(Behaviour(...))

As a program it prints its base URL: `python tests/loopback.py --port 0 --delay-s 0.05 --failures '{"500": 0.1}'`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from aiohttp import web

from loopback_answers import completion, to_json
from loopback_desk import Behaviour, Desk, leave
from loopback_ledger import Entry, Ledger

__all__ = ["Behaviour", "Entry", "Ledger", "Provider", "completion", "process", "serve", "server"]

HOST = "127.0.0.1"
Answering = Callable[[dict[str, Any], int], tuple[int, Any]]  # (request body, how many came before) -> status, body


class Provider:
    """A provider that is being served. `url` is the base URL; after the block its ledger stays readable."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}/v1"
        self._last: Ledger | None = None
        self._open = build_opener(ProxyHandler({})).open  # whatever proxy the environment names

    def ledger(self) -> Ledger:
        """What the provider has seen until now."""
        if self._last is not None:
            return self._last
        with self._open(f"http://{HOST}:{self.port}/ledger") as response:
            return Ledger.of(json.load(response))

    def behave(self, behaviour: Behaviour) -> None:
        """Change how it behaves from the next request on."""
        data = json.dumps(asdict(behaviour)).encode()
        with self._open(Request(f"http://{HOST}:{self.port}/behaviour", data)):
            pass

    def close(self) -> None:
        self._last = self.ledger()


@contextlib.contextmanager
def serve(behaviour: Behaviour | None = None, port: int = 0, desk: Desk | None = None) -> Iterator[Provider]:
    """Serve from a thread of this process until the block ends."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        try:
            async with _listening(desk or Desk(behaviour or Behaviour()), port) as taken:
                started.set_result((asyncio.get_running_loop(), stop, taken))
                await stop.wait()
        except OSError as problem:
            started.set_exception(problem)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    loop, stop, taken = started.result()
    provider = Provider(taken)
    try:
        yield provider
    finally:
        provider.close()
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@contextlib.contextmanager
def process(behaviour: Behaviour | None = None, port: int = 0) -> Iterator[Provider]:
    """Serve from a process of its own until the block ends, or this process does."""
    flags = [
        f"--{name.replace('_', '-')}={json.dumps(value)}" for name, value in asdict(behaviour or Behaviour()).items()
    ]
    command = [sys.executable, str(Path(__file__)), f"--port={port}", "--until-stdin-closes", *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            provider = Provider(int(child.stdout.readline().rpartition(":")[2].partition("/")[0]))
            try:
                yield provider
            finally:
                provider.close()
        finally:
            child.terminate()


# --- answers by a function -----------------------------------------------------------------


@contextlib.contextmanager
def server(behave: Answering) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Answer with a function: yields the base URL and the requests seen, each with its `authorization`."""
    desk = _Function(behave)
    with serve(desk=desk) as provider:
        yield provider.url, desk.seen


class _Function(Desk):
    """Answers with a function of (request body, how many came before)."""

    def __init__(self, behave: Answering) -> None:
        super().__init__(Behaviour())
        self.seen: list[dict[str, Any]] = []
        self._behave = behave

    async def answer(self, request: web.BaseRequest, asked: Mapping[str, Any], entry: Entry) -> web.StreamResponse:
        self.seen.append({**asked, "authorization": request.headers.get("authorization")})
        entry.status, answer = self._behave(dict(asked), len(self.seen) - 1)
        text = answer if isinstance(answer, str) else to_json(answer)
        leave(request, entry)
        return web.Response(text=text, status=entry.status, content_type="application/json")


@contextlib.asynccontextmanager
async def _listening(desk: Desk, port: int) -> AsyncIterator[int]:
    # handler_cancellation: a client that hangs up is seen at once, not when its answer would be ready
    runner = web.ServerRunner(web.Server(desk.handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


# --- as a program --------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started it")
    for each in fields(Behaviour):
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        flag = f"--{each.name.replace('_', '-')}"
        parser.add_argument(flag, type=_value, default=default, metavar="JSON", help=f"default {json.dumps(default)}")
    options = vars(parser.parse_args())
    port, with_stdin = options.pop("port"), options.pop("until_stdin_closes")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_told(Desk(Behaviour(**options)), port, with_stdin))


async def _serve_until_told(desk: Desk, port: int, with_stdin: bool) -> None:
    stop = asyncio.Event()
    if with_stdin:
        asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    async with _listening(desk, port) as taken:
        print(f"http://{HOST}:{taken}/v1", flush=True)  # noqa: T201
        await stop.wait()


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()
