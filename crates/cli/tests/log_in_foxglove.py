"""Reads the log of a run on PushT as Foxglove does, and holds it against Foxglove's SDK and the record.

    python log_in_foxglove.py FOLDER

needs log_requirements.txt. Schemas of Foxglove's names must be those of its SDK, to the byte; plots must decode as ROS
2 has them, and be equal to the record to the bit; so must plans and scenes.
"""

import struct
import sys
from collections import defaultdict
from pathlib import Path

import foxglove.messages
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory as Protobuf
from mcap_ros2.decoder import DecoderFactory as Ros2
from read_log import read

PLOTS = ["/observation", "/action", "/reward", "/latency/sampling_ms", "/latency/observation_age_ms"]


def messages(path: Path) -> dict:
    """Decoded messages by topic."""
    found, factories = defaultdict(list), [Protobuf(), Ros2()]
    with path.open("rb") as file:
        for schema, channel, record, message in make_reader(file, decoder_factories=factories).iter_decoded_messages():
            found[channel.topic].append(message)
            family, name = schema.name.split(".") if "." in schema.name else ("ros", schema.name)
            if family == "foxglove":
                known = getattr(foxglove.messages, name).get_schema()
                assert (schema.encoding, schema.data) == (known.encoding, known.data), channel.topic
                stamp = message.transforms[0].timestamp if name == "FrameTransforms" else message.timestamp
                assert stamp.ToNanoseconds() == record.log_time, channel.topic
            elif family == "ros":
                assert name == "std_msgs/msg/Float64MultiArray" and channel.topic in PLOTS
    return found


def points(cloud: object) -> list:
    assert [(field.name, field.offset) for field in cloud.fields[:3]] == [("x", 0), ("y", 8), ("z", 16)]
    return [list(point[:3]) for point in struct.iter_unpack("<3d4B", cloud.data)]


def main(folder: Path) -> None:
    path = folder / "episodes.mcap"
    shown, record = messages(path), defaultdict(list)
    for topics in read(path).values():
        for topic, found in topics.items():
            record[topic] += found
    assert [list(m.data) for m in shown["/observation"]] == [list(m.values) for m in record["observation"]]
    assert [list(m.data) for m in shown["/action"]] == [list(m.action) for m in record["command"]]
    assert [list(m.data) for m in shown["/reward"]] == [[m.reward] for m in record["step"]]
    sampling = [m.sampling_ms for m in record["latency"] if m.HasField("sampling_ms")]
    assert [m.data[0] for m in shown["/latency/sampling_ms"]] == sampling
    assert all(m.layout.dim[0].size == len(m.data) for topic in PLOTS for m in shown[topic])

    plans = [[[*action.values, 0] for action in plan.actions] for plan in record["plan"]]
    assert [points(cloud) for cloud in shown["/plan"]] == plans
    for cloud, plan in zip(shown["/plan/rounds"], record["plan"], strict=True):
        rounds = [m for m in record["round"] if (m.run, m.plan) == (plan.run, plan.number)]
        assert points(cloud) == [[*action.values, 0] for m in rounds for action in m.actions]
    for scene, step in zip(shown["/scene"], record["step"], strict=True):
        frames = {transform.child_frame_id: transform for transform in scene.transforms}
        agent, block = frames["agent"].translation, frames["block"].translation
        assert [agent.x, agent.y, block.x, block.y] == list(step.scene[:4])
        # Every frame hangs on another, up to the world.
        assert all(t.parent_frame_id == ("world" if t.child_frame_id == "scene" else "scene") for t in scene.transforms)
    for body in ("goal", "block", "agent"):
        assert all(cloud.frame_id == body for cloud in shown[f"/scene/{body}"]) and shown[f"/scene/{body}"]
    print(f"{path}: Foxglove shows what is in the record")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
