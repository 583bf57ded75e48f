"""Reads the log of a lockstep run with the readers of the formats' authors, and holds it against the run's report.

    python read_log.py FOLDER

needs mcap and mcap-protobuf-support. Every episode must have as many commands, plans and rewards as the report says,
and every command be the action of its plan, to the bit. `rounds.svg` must show the second plan's rounds.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

SVG = "{http://www.w3.org/2000/svg}"
RECORD = "/record/"


def read(path: Path) -> dict:
    """Messages of the record by run, episode and topic, in the order of their times."""
    episodes, numbers, decoders = defaultdict(lambda: defaultdict(list)), {}, DecoderFactory()
    with path.open("rb") as file:
        for schema, channel, record in make_reader(file).iter_messages():
            if not channel.topic.startswith(RECORD):
                continue
            assert schema.name.startswith("parapolicy.")
            message = decoders.decoder_for(channel.message_encoding, schema)(record.data)
            assert message.SerializeToString(deterministic=True) == record.data, f"{channel.topic}: not all is known"
            key = message.run, message.episode
            # No two episodes of a run's log have one seed, and no two of any log have one number.
            assert numbers.setdefault(message.id, key) == key
            episodes[key][channel.topic.removeprefix(RECORD)].append(message)
    return episodes


def numbers_of(plan: object) -> list:
    return [list(action.values) for action in plan.actions]


def check(topics: dict, episode: dict) -> None:
    commands, plans, steps = topics["command"], topics["plan"], topics["step"]
    assert len(topics["observation"]) == len(commands) == len(steps) == episode["control_steps"]
    assert len(plans) == episode["plans"]
    assert max(step.reward for step in steps) == episode["reward"]
    assert [step.over for step in steps] == [False] * (len(steps) - 1) + [True]
    sampled = [message for message in topics["latency"] if message.HasField("sampling_ms")]
    assert len(sampled) == len(plans)
    following = (action.values for plan in plans for action in plan.actions[: plan.intended])
    for command, action in zip(commands, following, strict=False):
        assert command.action == action
    for plan in plans:
        rounds = [message for message in topics["round"] if message.plan == plan.number]
        assert not rounds or len(rounds) == plan.rounds
        assert not rounds or numbers_of(rounds[-1]) == numbers_of(plan)
    assert [event.kind for event in topics["event"]] == ["begin", "end"]


def check_picture(picture: Path, rounds: list) -> None:
    """The lines of the picture are the plan as it stood after each round, to a tenth of a pixel."""
    lines = [line for line in ElementTree.parse(picture).iter(f"{SVG}polyline") if line.get("class") == "round"]
    assert len(lines) == len(rounds)
    for line, message in zip(lines, rounds, strict=True):
        points = [float(number) for point in line.get("points").split() for number in point.split(",")]
        actions = [number for action in message.actions for number in action.values]
        assert all(abs(point - action) < 0.051 for point, action in zip(points, actions, strict=True))


def main(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    episodes = read(folder / "episodes.mcap")
    last = report["samplers"][-1]
    rounds = episodes[last["name"], last["episodes"][0]["seed"]]["round"]
    if rounds and not report["in_time"]:
        check_picture(folder / "rounds.svg", [message for message in rounds if message.plan == 1])
    for sampler in report["samplers"]:
        for episode in sampler["episodes"]:
            check(episodes.pop((sampler["name"], episode["seed"])), episode)
    assert not episodes, f"in the log, but not in the report: {list(episodes)}"
    print(f"{folder / 'episodes.mcap'}: as the report says")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
