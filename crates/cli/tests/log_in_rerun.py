"""Loads the log of a run on PushT with rerun's own reader of MCAP, and holds what rerun shows against the record.

    python log_in_rerun.py FOLDER

needs log_requirements.txt. Plots must be rerun's scalars, equal to the record to the bit; the scene points and
transforms, equal to the record as 32-bit numbers, which is what rerun keeps of points. No topic may be left undecoded.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from read_log import read
from rerun.chunk import McapReader


def rows(path: Path) -> dict:
    """What rerun makes of the log: by entity and component, pairs of a log time in ns and a value."""
    found = defaultdict(list)
    for chunk in McapReader(path).stream():
        batch = chunk.to_record_batch()
        if "message_log_time" not in batch.schema.names:
            continue
        times = batch["message_log_time"].cast("int64").to_pylist()
        for name in batch.schema.names:
            if ":" in name and not name.startswith("rerun."):
                found[chunk.entity_path, name] += zip(times, batch[name].to_pylist(), strict=True)
    return {key: sorted(values, key=lambda row: row[0]) for key, values in found.items()}


def check_plots(shown: dict, topics: dict) -> None:
    """Every number that was observed, sent, rewarded or measured is a scalar."""
    sampling = [message for message in topics["latency"] if message.HasField("sampling_ms")]
    ages = [message for message in topics["latency"] if message.HasField("observation_age_ms")]
    for entity, expected in {
        "/observation": [list(message.values) for message in topics["observation"]],
        "/action": [list(message.action) for message in topics["command"]],
        "/reward": [[message.reward] for message in topics["step"]],
        "/latency/sampling_ms": [[message.sampling_ms] for message in sampling],
        "/latency/observation_age_ms": [[message.observation_age_ms] for message in ages],
    }.items():
        scalars = [values for _, values in shown[entity, "Scalars:scalars"]]
        assert scalars == expected, entity
        assert expected, entity


def check_scene(shown: dict, topics: dict) -> None:
    """Block, agent, plan and rounds are where the record has them."""
    frames = ["scene", "goal", "block", "agent"]
    children = [child for _, [child] in shown["/scene", "Transform3D:child_frame"]]
    assert children == frames * len(topics["step"]), children[:8]
    translations = np.array([value for _, [value] in shown["/scene", "Transform3D:translation"]], np.float32)
    translations = translations.reshape(-1, 4, 3)
    scenes = np.array([list(step.scene) for step in topics["step"]])
    assert np.array_equal(translations[:, 3, :2], scenes[:, 0:2].astype(np.float32)), "agent"
    assert np.array_equal(translations[:, 2, :2], scenes[:, 2:4].astype(np.float32)), "block"
    quaternions = np.array([value for _, [value] in shown["/scene", "Transform3D:quaternion"]]).reshape(-1, 4, 4)
    angles = 2 * np.arctan2(quaternions[:, 2, 2], quaternions[:, 2, 3])
    assert np.allclose(np.exp(1j * angles), np.exp(1j * scenes[:, 4]), atol=1e-6), "angle of the block"

    outline = np.array(shown["/scene/block", "Points3D:positions"][0][1])
    assert np.ptp(outline, axis=0).tolist() == [120, 120, 0], "the T"
    assert shown["/scene/block", "CoordinateFrame:frame"][0][1] == ["block"]
    plans = [[[*action.values, 0] for action in plan.actions] for plan in topics["plan"]]
    points = [value for _, value in shown["/plan", "Points3D:positions"]]
    assert np.array_equal(np.array(points, np.float32), np.array(plans, np.float32)), "plan"
    for (_, points), plan in zip(shown["/plan/rounds", "Points3D:positions"], topics["plan"], strict=True):
        rounds = [message for message in topics["round"] if (message.run, message.plan) == (plan.run, plan.number)]
        expected = [[*action.values, 0] for message in rounds for action in message.actions]
        assert np.array_equal(np.array(points, np.float32), np.array(expected, np.float32)), "rounds"
    assert shown["/plan/rounds", "CoordinateFrame:frame"][0][1] == ["scene"]


def main(folder: Path) -> None:
    path = folder / "episodes.mcap"
    shown = rows(path)
    episodes = read(path)
    together = defaultdict(list)
    for topics in episodes.values():
        for topic, messages in topics.items():
            together[topic] += messages
    check_plots(shown, together)
    check_scene(shown, together)
    texts = [text for _, [text] in shown["/event", "TextLog:text"]]
    assert len(texts) == 2 * len(episodes) and all("seed" in text for text in texts)
    raw = [entity for entity, component in shown if component == "McapMessage:data"]
    assert not raw, f"not decoded: {raw}"
    records = {component for entity, component in shown if entity.startswith("/record/")}
    assert {f"parapolicy.{name}:message" for name in ("Observation", "Plan", "Command", "Step")} <= records
    print(f"{path}: rerun shows what is in the record")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
