"""Stopping: one place that says whether a run may still send, and why not."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from ladder_bench.errors import StoppedError


class Stop:
    """Asked before every request. The first reason stays; `error` is set where the run must end with it."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.error: Exception | None = None
        self._event = asyncio.Event()

    def request(self, reason: str, error: Exception | None = None) -> None:
        """Send nothing more; what is in flight finishes."""
        if self.reason is None:
            self.reason, self.error = reason, error
            self._event.set()

    def check(self) -> None:
        """Raises StoppedError once the run was told to stop."""
        if self.reason is not None:
            raise StoppedError(self.reason)

    async def pause(self, seconds: float) -> None:
        """Wait, at most until the run is told to stop. Raises StoppedError."""
        if seconds > 0 and self.reason is None:
            try:
                async with asyncio.timeout(seconds):
                    await self._event.wait()
            except TimeoutError:
                pass
        self.check()


@contextlib.contextmanager
def interruptible(stop: Stop, warn: Callable[[str], None]) -> Iterator[None]:
    """Inside, in a task: Ctrl-C once finishes what is in flight, twice stops at once. Raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        if stop.reason is None:
            stop.request("interrupted")
            warn("finishing the calls in flight; Ctrl-C again stops at once")
        else:
            loop.remove_signal_handler(signal.SIGINT)
            task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)
