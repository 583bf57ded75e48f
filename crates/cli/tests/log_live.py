"""Watches a run by Foxglove's WebSocket protocol, and holds what comes against the file that it writes.

    python log_live.py PROGRAM FOLDER

needs log_requirements.txt. Every topic of the file must be advertised with its schema, and every message that comes be
in the file; none may be missing between the first and the last that came.
"""

import base64
import json
import re
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from mcap.reader import make_reader
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PROTOCOL = "foxglove.sdk.v1"
BINARY = {"protobuf", "flatbuffer"}
RUN = "run --solver ddim --steps 4 --sampler picard --episodes 2 --log-rounds --clock real --rate 100 --live 127.0.0.1:0"


def watch(address: str) -> tuple[dict, dict]:
    """Topics with their schemas, and the messages that come, each with its log time, by topic."""
    channels, topics, messages = {}, {}, defaultdict(list)
    with connect(address, subprotocols=[PROTOCOL], max_size=None) as socket:
        try:
            for data in socket:
                if isinstance(data, bytes):
                    kind, subscription, time = struct.unpack_from("<BIQ", data)
                    if kind == 1:
                        messages[channels[subscription]].append((time, data[13:]))
                    continue
                message = json.loads(data)
                if message["op"] != "advertise":
                    continue
                for channel in message["channels"]:
                    channels[channel["id"]] = channel["topic"]
                    encoding, schema = channel["schemaEncoding"], channel["schema"]
                    schema = base64.b64decode(schema) if encoding in BINARY else schema.encode()
                    topics[channel["topic"]] = (channel["schemaName"], encoding, channel["encoding"], schema)
                subscriptions = [{"id": c["id"], "channelId": c["id"]} for c in message["channels"]]
                socket.send(json.dumps({"op": "subscribe", "subscriptions": subscriptions}))
        except ConnectionClosed:
            pass
    return topics, messages


def main(program: str, folder: Path) -> None:
    command = [program, *RUN.split(), "--out", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as run:
        address = next(found[0] for line in run.stderr if (found := re.search(r"ws://127\.0\.0\.1:\d+", line)))
        topics, messages = watch(address)
        run.stderr.read()
    assert run.returncode == 0

    written, schemas = defaultdict(list), {}
    with (folder / "episodes.mcap").open("rb") as file:
        for schema, channel, record in make_reader(file).iter_messages():
            written[channel.topic].append((record.log_time, record.data))
            schemas[channel.topic] = (schema.name, schema.encoding, channel.message_encoding, schema.data)
    assert schemas.items() <= topics.items()
    assert {"/observation", "/action", "/reward", "/plan", "/plan/rounds", "/scene"} <= messages.keys()
    for topic, came in messages.items():
        first = written[topic].index(came[0])
        assert came == written[topic][first : first + len(came)], f"{topic}: not what is in the file"
    counts = [sum(map(len, found.values())) for found in (messages, written)]
    print(f"{address}: {counts[0]} of {counts[1]} messages of the file came, in its order")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
