"""A robot on CycloneDDS, simulated, in a loop with `parapolicy ros2`: PushT at 50 control steps a second.

Usage: python pusht.py PROGRAM [--frames] [--model FOLDER] [--seconds 10] [--rate 50] [--domain 77] [-- OPTIONS OF ros2]

Publishes where the block and the agent are, or with ``--frames`` a camera's frames and where the agent is, steps the
world by the newest command at absolute deadlines, and counts. Bad messages come between the good ones. Then the
services are called, and the diagnostics read. Prints how many steps had a command of their own, what the way from a
message to its command took, and the reward. Fails if commands stay away, if one is not finite, or if no bad message is
refused. Each type of command is tried. Needs ``requirements.txt`` and the package ``parapolicy`` (the simulator).
"""

import argparse
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import parapolicy  # noqa: F401 (registers the environment)
from dds import (
    DiagnosticArray,
    Float64MultiArray,
    Header,
    Image,
    JointState,
    JointTrajectory,
    Peer,
    Time,
    TriggerRequest,
    TriggerResponse,
)

MAP = """\
rate = {rate}
domain = {domain}
networks = ["127.0.0.1"]
rmw = "cyclonedds"

[observations]
{seen} = {{ topic = "/seen", type = "{seen_type}" }}
{agent} = {{ topic = "/joint_states", type = "sensor_msgs/msg/JointState", joints = ["x", "y"] }}

[commands]
topic = "/command"
type = "{kind}"
{joints}

[control]
initial = "{agent}"
min = [0.0, 0.0]
max = [512.0, 512.0]
"""


@dataclass
class Seen:
    """What a policy observes: an entry of its own, and the agent's joints."""

    entry: str
    agent: str
    model: str
    obs_type: str
    kind: type
    type_name: str
    message: Callable[..., object]
    joints: Callable[..., np.ndarray]
    bad: Callable[[int], object]


def frame(pixels, header):
    """A frame `[96, 96, 3]` as a camera publishes it."""
    height, width, channels = pixels.shape
    return Image(header, height, width, "rgb8", 0, width * channels, pixels.tobytes())


KEYPOINTS = Seen(
    entry="keypoints",
    agent="agent",
    model="models/pusht",
    obs_type="keypoints",
    kind=Float64MultiArray,
    type_name="std_msgs/msg/Float64MultiArray",
    message=lambda observation, _: Float64MultiArray(data=observation[:18].tolist()),
    joints=lambda observation: observation[18:],
    bad=lambda number: Float64MultiArray(data=[1.0] * (number % 18)),
)
FRAMES = Seen(
    entry="image",
    agent="agent_pos",
    model="models/pusht-image",
    obs_type="pixels_agent_pos",
    kind=Image,
    type_name="sensor_msgs/msg/Image",
    message=lambda observation, header: frame(observation["pixels"], header),
    joints=lambda observation: observation["agent_pos"],
    bad=lambda number: [
        Image(Header(), 48, 96, "rgb8", 0, 288, bytes(48 * 288)),
        Image(Header(), 96, 96, "32FC1", 0, 384, bytes(96 * 384)),
        Image(Header(), 96, 96, "rgb8", 0, 288, bytes(100)),
        Image(Header(), 96, 96, "rgb8", 0, 1, bytes(96 * 288)),
    ][number % 4],
)
KINDS = {
    "sensor_msgs/msg/JointState": (JointState, lambda command: command.position),
    "trajectory_msgs/msg/JointTrajectory": (JointTrajectory, lambda command: command.points[0].positions),
    "std_msgs/msg/Float64MultiArray": (Float64MultiArray, lambda command: command.data),
}
SEED = 100_000
# A bad message comes once in so many steps.
BAD = 10
# Of all steps, those that must have had a command.
SHARE = 0.9
# Levels of diagnostics.
OK, WARN = 0, 1
# How long a node may take to be found.
PATIENCE = 30


@contextmanager
def running(program, model, map_file, options):
    """The node, until the end of the block."""
    command = [program, "ros2", "--model", model, "--map", map_file, *options]
    node = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = node.stderr.readline()
        if not line.startswith("runs "):
            raise SystemExit(f"the node has not started: {line}{node.stderr.read()}")
        threading.Thread(target=node.stderr.read, daemon=True).start()
        yield
    finally:
        node.terminate()
        assert node.wait(timeout=20) == 0, "the node ends with 0"


class Robot:
    """The simulated robot, and what is counted."""

    def __init__(self, peer, seen, kind, rate):
        self.seen = seen
        command, self.action_of = KINDS[kind]
        self.entry = peer.writer("rt/seen", seen.kind)
        self.joints = peer.writer("rt/joint_states", JointState)
        self.commands = peer.reader("rt/command", command)
        self.period = 1 / rate
        self.world = gym.make("parapolicy/PushT-v0", obs_type=seen.obs_type)
        self.observation, _ = self.world.reset(seed=SEED)
        self.sent, self.latencies, self.rewards = {}, [], []
        self.answered = self.steps = self.bad = 0

    def publish(self):
        """Where everything is, the joints last: control steps follow them."""
        stamp = time.time_ns()
        header, (x, y) = Header(Time.of(stamp)), self.seen.joints(self.observation).tolist()
        self.entry.write(self.seen.message(self.observation, header))
        if self.steps % BAD == BAD - 1:
            bad = [
                JointState(header, ["x", "y"], [math.nan, y]),
                JointState(header, ["x", "z"], [x, y]),
                JointState(header, ["x", "y"], [x]),
                JointState(Header(Time(-5, 0)), ["x", "y"], [x, y]),
            ]
            self.joints.write(bad[self.bad % len(bad)])
            self.entry.write(self.seen.bad(self.bad))
            self.bad += 1
        self.sent[stamp] = time.perf_counter()
        self.joints.write(JointState(header, ["y", "x"], [y, x]))

    def newest(self):
        """The newest command, or none."""
        action = None
        for command in self.commands.take(N=100):
            action = np.array(self.action_of(command))
            assert action.shape == (2,) and np.isfinite(action).all() and (action >= 0).all() and (action <= 512).all()
            stamp = getattr(command, "header", Header()).stamp.nanoseconds
            # When it came is known to a poll of half a millisecond.
            if stamp in self.sent:
                self.latencies.append(time.perf_counter() - self.sent.pop(stamp))
        return action

    def step(self, deadline):
        """One control step, which ends at ``deadline``: observe, wait for the command, act on it."""
        self.publish()
        action = None
        while time.perf_counter() < deadline:
            found = self.newest()
            action = action if found is None else found
            time.sleep(0.0005)
        self.steps += 1
        if action is None:
            return
        self.answered += 1
        self.observation, reward, terminated, truncated, _ = self.world.step(action)
        self.rewards.append(float(reward))
        if terminated or truncated:
            self.observation, _ = self.world.reset(seed=SEED + self.steps)

    def run(self, seconds):
        """Control steps at absolute deadlines."""
        begun, count = time.perf_counter(), round(seconds / self.period)
        for number in range(count):
            self.step(begun + (number + 1) * self.period)
        return time.perf_counter() - begun

    def until_answered(self):
        """Publishes until the node has found the topics, and has commanded once."""
        patience = time.perf_counter() + PATIENCE
        while not self.answered:
            assert time.perf_counter() < patience, "the node does not command"
            self.step(time.perf_counter() + self.period)
        self.steps = self.answered = 0
        self.latencies.clear()


def call(peer, robot, service):
    """Calls a service of the node, while the robot goes on."""
    requests = peer.writer(f"rq/parapolicy/{service}Request", TriggerRequest)
    responses = peer.reader(f"rr/parapolicy/{service}Reply", TriggerResponse)
    me, patience, number = list(b"peer-one"), time.perf_counter() + PATIENCE, 0
    while time.perf_counter() < patience:
        # A request before the node has found the client is lost.
        number += 1
        requests.write(TriggerRequest(me, 0, number))
        for _ in range(25):
            robot.step(time.perf_counter() + robot.period)
            for response in responses.take(N=10):
                assert response.success and list(response.client) == me
                return response.message
    raise AssertionError(f"{service} is not answered")


def diagnosed(robot, reader):
    """The newest diagnostics, by name: level, message, values. The robot goes on meanwhile."""
    list(reader.take(N=100))
    patience = time.perf_counter() + PATIENCE
    while time.perf_counter() < patience:
        robot.step(time.perf_counter() + robot.period)
        for array in reader.take(N=100):
            return {
                status.name: (status.level, status.message, {pair.key: pair.value for pair in status.values})
                for status in array.status
            }
    raise AssertionError("no diagnostics")


def drive(peer, arguments, seen, kind):
    joints = "" if kind.endswith("Array") else 'joints = ["x", "y"]'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.toml"
        entries = {"seen": seen.entry, "seen_type": seen.type_name, "agent": seen.agent}
        rate, domain = arguments.rate, arguments.domain
        path.write_text(MAP.format(rate=rate, domain=domain, kind=kind, joints=joints, **entries))
        with running(arguments.program, arguments.model or seen.model, str(path), arguments.options):
            robot, diagnostics = Robot(peer, seen, kind, rate), peer.reader("rt/diagnostics", DiagnosticArray)
            robot.until_answered()
            taken = robot.run(arguments.seconds)
            steps, answered = robot.steps, robot.answered
            way = "no stamps"
            if robot.latencies:
                middle, late = np.percentile(1e3 * np.array(robot.latencies), [50, 99])
                way = f"from message to command p50 {middle:.1f} ms, p99 {late:.1f} ms"
            print(
                f"{kind}: {answered} of {steps} steps had a command, {answered / taken:.1f} a second; {way};"
                f" reward {max(robot.rewards):.3f}; {robot.bad} bad messages of each topic",
                flush=True,
            )
            found = diagnosed(robot, diagnostics)
            level, _, values = found["/parapolicy: controller"]
            # A machine that has much else to do plans late.
            assert level in (OK, WARN), found
            assert int(values["plans"]) > 0 and int(values["failures"]) == 0, found
            for topic in ("/joint_states", "/seen"):
                # What is lost on the way was not refused.
                assert 0 < int(found[f"/parapolicy: {topic}"][2]["refused"]) <= robot.bad, found
            assert answered >= SHARE * steps, "commands stay away"

            assert "stopped" in call(peer, robot, "stop")
            robot.newest()
            answered = robot.answered
            robot.run(0.5)
            assert robot.answered == answered, "it is stopped"
            assert "begins" in call(peer, robot, "reset")
            robot.run(1)
            assert robot.answered > answered, "it goes on"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--frames", action="store_true", help="a camera's frames instead of where the block is")
    parser.add_argument("--model", help="another policy that observes the same")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--domain", type=int, default=77)
    own, _, options = " ".join(sys.argv[1:]).partition(" -- ")
    arguments = parser.parse_args(own.split())
    arguments.options = options.split()
    peer = Peer(arguments.domain)
    for kind in KINDS:
        drive(peer, arguments, FRAMES if arguments.frames else KEYPOINTS, kind)


if __name__ == "__main__":
    main()
