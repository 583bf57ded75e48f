"""Compares plans from a real server with those of this machine, and times them over a slow link.

    python check.py PYTHON SERVER PROGRAM MODEL [--delay 10]

PYTHON runs SERVER (`triton.py`, `kserve_model.py`), PROGRAM is `target/release/parapolicy`. The link is a proxy that
hands on every piece of what is sent so many milliseconds later, each way: what `tc netem delay` does on both ends of a
link.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np

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


def plan(program: Path, model: Path, where: list[str], observation: np.ndarray, how: list[str]) -> np.ndarray:
    """A plan, normalised."""
    with tempfile.TemporaryDirectory() as folder:
        given, drawn = Path(folder) / "given.npz", Path(folder) / "drawn.npz"
        np.savez(given, observation=observation)
        command = [
            program,
            "sample",
            "--model",
            model,
            "--input",
            given,
            "--output",
            drawn,
            "--seed",
            "3",
            *how,
            *where,
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with np.load(drawn) as arrays:
            return arrays["sample"]


def compare(program: Path, model: Path, url: str) -> None:
    """Plans of both, for a few observations."""
    manifest = json.loads((model / "policy.json").read_text())
    low, high = (
        np.concatenate([np.ravel(entry["normalization"][end]) for entry in manifest["observations"]])
        for end in ("min", "max")
    )
    generator, farthest = np.random.default_rng(0), 0.0
    for how in (
        ["--sampler", "sequential"],
        ["--sampler", "picard"],
        ["--sampler", "picard", "--solver", "ddim", "--steps", "10"],
    ):
        for _ in range(3):
            observation = generator.uniform(low, high, (manifest["n_obs_steps"], len(low)))
            here, there = (
                plan(program, model, where, observation, how)
                for where in (["--provider", "cpu", "--threads", "1"], ["--endpoint", url])
            )
            apart = float(np.abs(here - there).max())
            farthest = max(farthest, apart)
            print(f"{' '.join(how)}: {apart:.1e} apart")
    if farthest >= CLOSE:
        sys.exit(f"plans are {farthest:.1e} apart, more than {CLOSE}")


def measure(program: Path, model: Path, target: tuple[str, int], delay: float, observations: int) -> None:
    """Latency of plans over the link, of both samplers."""
    there = f"http://127.0.0.1:{Link(*target, delay / 1e3).port}/v2/models/pusht"
    for solver, steps in (("ddpm", 100), ("ddim", 10)):
        options = [
            "--solver",
            solver,
            "--steps",
            str(steps),
            "--sampler",
            "picard",
            "--drawn",
            "--observations",
            str(observations),
            "--json",
        ]
        command = [program, "bench", "--model", model, "--endpoint", there, "--timeout", "10s", *options]
        report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        print(json.dumps({"delay_ms": delay, "solver": solver, "steps": steps, "report": report}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", type=Path)
    parser.add_argument("server", type=Path)
    parser.add_argument("program", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--delay", type=float, nargs="*", default=[], help="milliseconds, each way")
    parser.add_argument("--observations", type=int, default=10)
    arguments = parser.parse_args()
    with served(arguments.python.absolute(), arguments.server, arguments.model) as (host, port):
        compare(arguments.program, arguments.model, f"http://{host}:{port}/v2/models/pusht")
        for delay in arguments.delay:
            measure(arguments.program, arguments.model, (host, port), delay, arguments.observations)
