"""The process that serves a local model: llama.cpp's own server on loopback, until its standard input closes.

It is run as a file and imports nothing of ladder-bench. It is a process and not a thread because llama.cpp crashes or
hangs when a server is let go while it answers, and holds the interpreter's lock while it loads.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

# Prompts that no slot holds any more, about 10,000 tokens of them; without it a fifth conversation evicts the first.
CACHE_MIB = 256


def main(file: str, name: str, threads: int, slots: int, context: int) -> int:
    """Serve a .gguf under a name: writes the address, or what went wrong, as one line to stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it may finish what is in flight
    try:
        llama = importlib.import_module("xllamacpp")
        params = llama.CommonParams()
        params.model.path = file
        params.model_alias = {name}  # replies carry it: the default is the path, which names a user's folders
        params.n_parallel = slots
        params.n_ctx = slots * context  # each slot has its share
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = CACHE_MIB
        params.port = 0  # any that is free; the host is 127.0.0.1 unless told otherwise
        params.cors_origins = "http://127.0.0.1"  # the default lets every web page read the answers
        params.endpoint_slots = params.ui = False
        params.offline = True
        params.verbosity = -1
        server = llama.Server(params)  # returns when it is ready
    except Exception as error:
        sys.stdout.write(f"error: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()  # ends when the parent does, however it does
    os._exit(0)  # without llama.cpp's clean-up, which can hang


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])))
