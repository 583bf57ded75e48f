"""A server under many clients for half an hour, good ones and bad ones: its memory must stay flat.

Usage: python soak.py PROGRAM [--minutes 30] [-- OPTIONS OF serve]

Clients that ask all the time (openpi's and ours), that come and go, that read nothing, that send a byte at a time, that
say nothing after the handshake, and that send what nobody can read. Prints the server's memory, threads and open files
after 2, 10, 20 and 30 minutes, what was refused, and what the good clients got. Fails if the memory of the last quarter
is more than 5 % above that of the first one, if files or connections are left over, or if a good client was refused or
got another plan than alone. Needs ``requirements.txt`` and ``parapolicy-client``.
"""

import argparse
import contextlib
import random
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

import msgpack
import numpy as np
from openpi_client import msgpack_numpy, websocket_client_policy
from parapolicy_client import Client
from server import started

MARKS = (2, 10, 20, 30)
MIB = 1024
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: robot\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# The server's limit on a client that gives no sign of life, in seconds.
SILENCE = 5
# How much more the last quarter may take than the first one.
SLACK = 1.05


class Soak:
    """What all clients share."""

    def __init__(self, url):
        self.url = url
        self.address = tuple(url.removeprefix("ws://").split("/")[0].split(":"))
        self.ends = threading.Event()
        self.plans = self.attempts = 0
        self.failures = []
        self.lock = threading.Lock()

    def count(self, plans=0, attempts=0):
        with self.lock:
            self.plans += plans
            self.attempts += attempts

    def connect(self):
        return socket.create_connection(self.address, timeout=2 * SILENCE)


def observation(number):
    rows = 150 + 7 * ((np.arange(20) * 5 + number * 3) % 29).astype(float)
    return {"keypoints": rows[:18].reshape(9, 2), "agent": rows[18:]}


def alone(url):
    """The plans of an episode that nobody else takes part in."""
    with Client(url, seed=7) as client:
        return [client.infer(observation(number)).actions for number in range(4)]


def ours(soak, expected, pause):
    """Episodes of ours, each of the same plans."""
    while not soak.ends.is_set():
        with Client(soak.url, seed=7, timeout=60) as client:
            for number, plan in enumerate(expected):
                if not np.array_equal(client.infer(observation(number)).actions, plan):
                    raise AssertionError("a plan is not what it is alone")
                soak.count(plans=1)
                soak.ends.wait(pause)


def openpi(soak, _expected, pause):
    """One long episode of openpi's client."""
    host, port = soak.address
    client = websocket_client_policy.WebsocketClientPolicy(host, int(port))
    number = 0
    while not soak.ends.is_set():
        assert client.infer(observation(number))["actions"].shape == (15, 2)
        number += 1
        soak.count(plans=1)
        soak.ends.wait(pause)
    client._ws.close()


def frame(message):
    """A binary message in one frame, masked by zeros."""
    return b"\x82\xfe" + len(message).to_bytes(2, "big") + b"\0\0\0\0" + message


def unread(soak, *_):
    """Hands in observations again and again, and reads no answer."""
    request = {**observation(0), "parapolicy": {"observe": True}}
    request = frame(msgpack.packb(request, default=msgpack_numpy.pack_array))
    with soak.connect() as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.sendall(UPGRADE)
        until = time.monotonic() + 2 * SILENCE
        while time.monotonic() < until and not soak.ends.wait(0.05):
            stream.sendall(10 * request)


def loris(soak, *_):
    """A byte of a request now and then."""
    with soak.connect() as stream:
        for byte in UPGRADE[:-2]:
            stream.sendall(bytes([byte]))
            if soak.ends.wait(0.2):
                return


def half_open(soak, *_):
    """A client that has gone without a word."""
    with soak.connect() as stream:
        stream.sendall(UPGRADE)
        soak.ends.wait(2 * SILENCE)


def torn(soak, *_):
    """A client whose connection breaks while its plan is drawn."""
    client = Client(soak.url)
    request = threading.Thread(target=lambda: quiet(lambda: client.infer(observation(1))), daemon=True)
    request.start()
    time.sleep(0.001)
    client._socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client._socket.socket.close()
    request.join(SILENCE)


def malformed(soak, chance):
    """Bytes that are no request, no frame, or no message."""
    with soak.connect() as stream:
        garbage = chance.randbytes(chance.choice((1, 30, 2000)))
        kind = chance.randrange(3)
        if kind == 0:
            stream.sendall(garbage)
        elif kind == 1:
            stream.sendall(UPGRADE + garbage)
        else:
            stream.sendall(UPGRADE + frame(garbage))
        stream.settimeout(0.5)
        while stream.recv(4096):
            pass


def quiet(act):
    """Does what may fail: the server closes on it."""
    with contextlib.suppress(Exception):
        act()


def good(soak, act, *arguments):
    try:
        act(soak, *arguments)
    except Exception as error:
        soak.failures.append(f"{act.__name__}: {error!r}")
        soak.ends.set()


def bad(soak, act, pause, seed):
    chance = random.Random(seed)
    while not soak.ends.is_set():
        quiet(lambda: act(soak, chance))
        soak.count(attempts=1)
        soak.ends.wait(pause)


def state(pid):
    """Memory in KiB, threads and open files of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]), int(status["Threads"]), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def metrics(soak):
    host, port = soak.address
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def watch(soak, pid, minutes):
    """Memory, once in ten seconds until the end."""
    begun, memory, marks = time.monotonic(), [], [mark for mark in MARKS if mark <= minutes] or [minutes]
    while not soak.ends.is_set() and (elapsed := (time.monotonic() - begun) / 60) < minutes + 0.05:
        resident, threads, files = state(pid)
        memory.append(resident)
        if marks and elapsed >= marks[0]:
            print(
                f"{marks.pop(0):4} min  {resident / MIB:7.1f} MiB  {threads} threads  {files} files"
                f"  {soak.plans} plans  {soak.attempts} bad clients",
                flush=True,
            )
        soak.ends.wait(10)
    return memory


def soak_for(minutes, server, url):
    soak = Soak(url)
    expected = alone(url)
    files = state(server.pid)[2]
    workers = [(good, ours, expected, 0.5) for _ in range(6)]
    workers += [(good, openpi, expected, 0.3) for _ in range(2)]
    # Fewer than the server has room for: none of the good ones may meet a closed door.
    workers += [(bad, act, pause, seed) for seed, (act, pause) in enumerate(
        ((unread, 1), (loris, 1), (half_open, 0.5), (half_open, 0.5), (torn, 0.3), (malformed, 0.1), (malformed, 0.2))
    )]  # fmt: skip
    threads = [threading.Thread(target=act, args=(soak, *arguments), daemon=True) for act, *arguments in workers]
    for thread in threads:
        thread.start()
    memory = watch(soak, server.pid, minutes)
    soak.ends.set()
    for thread in threads:
        thread.join(4 * SILENCE)
    time.sleep(2 * SILENCE)

    found = metrics(soak)
    for name, value in found.items():
        if "_bucket" not in name:
            print(f"{name} {value:g}")
    assert not soak.failures, soak.failures
    assert soak.plans > 0 and soak.attempts > 0
    left = {
        name: value
        for name, value in found.items()
        if name.startswith(("parapolicy_connections{", "parapolicy_planning{"))
    }
    assert left and not any(left.values()), left
    # The one that asks for the metrics is open, too.
    assert state(server.pid)[2] <= files + 1, "files are left open"
    assert all(np.array_equal(plan, again) for plan, again in zip(expected, alone(url), strict=True))
    quarter = max(1, len(memory) // 4)
    first, last = max(memory[:quarter]), max(memory[-quarter:])
    print(f"largest in the first quarter {first / MIB:.1f} MiB, in the last {last / MIB:.1f} MiB")
    assert last <= SLACK * first, "the memory grows"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=30)
    own, _, options = " ".join(sys.argv[1:]).partition(" -- ")
    arguments = parser.parse_args(own.split())
    with started(arguments.program, [*options.split(), "--silence", f"{SILENCE}s"]) as (server, url):
        soak_for(arguments.minutes, server, url)
    print("the server has ended with 0")


if __name__ == "__main__":
    main()
