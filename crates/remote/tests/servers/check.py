"""Compares plans from a real server with those of this machine, and times them over a slow link.

    python check.py PYTHON SERVER PROGRAM MODEL [--delay 10] [--hold]

PYTHON runs SERVER (`triton.py`, `kserve_model.py`), PROGRAM is the example `link`. The link is a proxy that hands on
every piece of what is sent so many milliseconds later, each way: what `tc netem delay` does on both ends of a link.
With `--hold` nothing is compared: the address of each link is printed, and the server is there until this program ends.
"""

import argparse
import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

# The most that plans may be apart, normalised.
CLOSE = 1e-6

# Seconds that a server may take to start.
PATIENCE = 180


@contextlib.contextmanager
def served(python: Path, server: Path, model: Path) -> Iterator[tuple[str, int]]:
    """The address of a server that ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What Triton was linked with.
    libraries = ":".join(map(str, (python.parent.parent / "lib").glob("python*/site-packages/nvidia_pytriton.libs")))
    environment = os.environ | ({"LD_LIBRARY_PATH": libraries} if libraries else {})
    process = subprocess.Popen(
        [python, server, model, str(port)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said: list[bytes] = []
    threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True).start()
    try:
        for _ in range(PATIENCE):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/pusht", timeout=5).close()
                break
            if process.poll() is not None:
                break
            time.sleep(1)
        else:
            process.kill()
        if process.poll() is not None:
            sys.exit(b"".join(said).decode(errors="replace")[-3000:] + "\nthe server has not started")
        yield "127.0.0.1", port
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


class Link:
    """A TCP proxy with a delay."""

    def __init__(self, host: str, port: int, delay: float) -> None:
        self.target, self.delay, self.port = (host, port), delay, 0
        self.started = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.started.wait()

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.started.set()
        async with server:
            await server.serve_forever()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(*self.target)
        await asyncio.gather(self.carry(reader, there[1]), self.carry(there[0], writer))

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pieces are on their way at once, as on a link: one does not wait for another."""
        loop = asyncio.get_running_loop()
        while data := await reader.read(1 << 16):
            loop.call_later(self.delay, writer.write, data)
        loop.call_later(self.delay, writer.close)


def check(program: Path, model: Path, host: str, port: int, observations: int) -> None:
    """Plans of the server, which must be those of this machine."""
    command = [program, model, f"http://{host}:{port}/v2/models/pusht", str(observations)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(said, end="", flush=True)
    farthest = max(map(float, re.findall(r"([0-9.e+-]+) apart", said)))
    if farthest >= CLOSE:
        sys.exit(f"plans are {farthest} apart, more than {CLOSE}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", type=Path)
    parser.add_argument("server", type=Path)
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--delay", type=float, nargs="*", default=[], help="milliseconds, each way")
    parser.add_argument("--observations", type=int, default=5)
    parser.add_argument("--hold", action="store_true", help="print the links' addresses and wait")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with served(arguments.python.absolute(), arguments.server, arguments.model) as (host, port):
        if arguments.hold:
            for delay in arguments.delay:
                print(f"http://{host}:{Link(host, port, delay / 1e3).port}/v2/models/pusht", flush=True)
            signal.pause()
        check(arguments.program, arguments.model, host, port, arguments.observations)
        for delay in arguments.delay:
            print(f"{delay} ms away, each way:", flush=True)
            check(arguments.program, arguments.model, host, Link(host, port, delay / 1e3).port, arguments.observations)
