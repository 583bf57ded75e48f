"""Reads the log of a lockstep run with the reader of the format's authors, and holds it against the run's report.

    python read_log.py FOLDER

needs mcap and jsonschema. Every message must keep its schema, every episode have as many commands and plans as the
report says, and every command be the action of its plan, to the bit. `rounds.svg` must show the second plan's rounds.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from jsonschema import validate
from mcap.reader import make_reader

SVG = "{http://www.w3.org/2000/svg}"


def read(path: Path) -> dict:
    """Messages by run, episode and topic, in the order of their times."""
    episodes, numbers = defaultdict(lambda: defaultdict(list)), {}
    with path.open("rb") as file:
        for schema, channel, record in make_reader(file).iter_messages():
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json")
            message, schema = json.loads(record.data), json.loads(schema.data)
            validate(message, schema)
            assert message.keys() <= schema["properties"].keys(), channel.topic
            key = message["run"], message["episode"]
            # No two episodes of a run's log have one seed, and no two of any log have one number.
            assert numbers.setdefault(message["id"], key) == key
            episodes[key][channel.topic].append(message)
    return episodes


def check(topics: dict, episode: dict) -> None:
    commands, plans = topics["/command"], topics["/plan"]
    assert len(topics["/observation"]) == len(commands) == episode["control_steps"]
    assert len(plans) == episode["plans"]
    sampled = [message for message in topics["/latency"] if "sampling_ms" in message]
    assert len(sampled) == len(plans)
    following = (action["values"] for plan in plans for action in plan["actions"][: plan["intended"]])
    for command, action in zip(commands, following, strict=False):
        assert command["action"] == action
    for plan in plans:
        rounds = [message for message in topics["/plan/rounds"] if message["plan"] == plan["number"]]
        assert not rounds or len(rounds) == plan["rounds"]
        assert not rounds or rounds[-1]["actions"] == plan["actions"]
    assert [event["kind"] for event in topics["/event"]] == ["begin", "end"]


def check_picture(picture: Path, rounds: list) -> None:
    """The lines of the picture are the plan as it stood after each round, to a tenth of a pixel."""
    lines = [line for line in ElementTree.parse(picture).iter(f"{SVG}polyline") if line.get("class") == "round"]
    assert len(lines) == len(rounds)
    for line, message in zip(lines, rounds, strict=True):
        points = [float(number) for point in line.get("points").split() for number in point.split(",")]
        actions = [number for action in message["actions"] for number in action["values"]]
        assert all(abs(point - action) < 0.051 for point, action in zip(points, actions, strict=True))


def main(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    episodes = read(folder / "episodes.mcap")
    last = report["samplers"][-1]
    rounds = episodes[last["name"], last["episodes"][0]["seed"]]["/plan/rounds"]
    if rounds and not report["in_time"]:
        check_picture(folder / "rounds.svg", [message for message in rounds if message["plan"] == 1])
    for sampler in report["samplers"]:
        for episode in sampler["episodes"]:
            check(episodes.pop((sampler["name"], episode["seed"])), episode)
    assert not episodes, f"in the log, but not in the report: {list(episodes)}"
    print(f"{folder / 'episodes.mcap'}: as the report says")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
