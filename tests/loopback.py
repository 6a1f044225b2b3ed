"""An OpenAI-compatible server on loopback for tests: answers, fails and lies on request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[dict[str, Any], int], tuple[int, Any]]  # (request body, how many came before) -> status, body


def completion(text: str | None = "hello", usage: bool = True, **changes: Any) -> dict[str, Any]:
    """A chat completion as providers send it; `changes` replace or drop (None) its keys."""
    message = {"role": "assistant", "content": text}
    body: dict[str, Any] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    if usage:
        body["usage"] = {
            "prompt_tokens": 30,
            "completion_tokens": 7,
            "total_tokens": 37,
            "prompt_tokens_details": {"cached_tokens": 12},
        }
    return body | changes


@contextmanager
def server(behave: Behaviour) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve until the block ends: yields the base URL and the requests seen, each with its `authorization`."""
    seen: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            before = len(seen)
            seen.append({**body, "authorization": self.headers.get("authorization")})
            status, answer = behave(body, before)
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/v1", seen
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
