"""Writes the bytes of each message that the node reads or writes, as rosbags serialises it (CDR; ROS 2 Jazzy).

Usage: python messages.py FOLDER

The test `messages_have_the_bytes_of_rosbags` of the crate has the same values, and reads and writes these bytes. Needs
``requirements.txt``.
"""

import sys
from pathlib import Path

import numpy as np
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.msg import get_types_from_msg

STORE = get_typestore(Stores.ROS2_JAZZY)
# Services' own messages are not in rosbags' store.
STORE.register(get_types_from_msg("uint8 structure_needs_at_least_one_member\n", "std_srvs/msg/TriggerRequest"))
STORE.register(get_types_from_msg("bool success\nstring message\n", "std_srvs/msg/TriggerResponse"))


def make(name, *fields):
    return STORE.types[name](*fields)


def header(frame):
    return make("std_msgs/msg/Header", make("builtin_interfaces/msg/Time", 1_700_000_000, 123_456_789), frame)


def numbers(*values):
    return np.array(values, np.float64)


def messages():
    """The messages by the names of their files."""
    point, quaternion = (
        ("geometry_msgs/msg/Point", 0.5, -1.0, 2.0),
        ("geometry_msgs/msg/Quaternion", 0.0, 0.6, 0.0, 0.8),
    )
    dimension = make("std_msgs/msg/MultiArrayDimension", "row", 2, 6)
    trajectory_point = make(
        "trajectory_msgs/msg/JointTrajectoryPoint",
        numbers(0.25, -0.5),
        numbers(),
        numbers(),
        numbers(),
        make("builtin_interfaces/msg/Duration", 0, 20_000_000),
    )
    status = make(
        "diagnostic_msgs/msg/DiagnosticStatus",
        1,
        "/parapolicy: controller",
        "running",
        "",
        [make("diagnostic_msgs/msg/KeyValue", "plans", "7"), make("diagnostic_msgs/msg/KeyValue", "problem", "")],
    )
    joints = ["a", "elbow", "wrist_3"]
    return {
        "joint_state": make(
            "sensor_msgs/msg/JointState",
            header("base"),
            joints,
            numbers(0.1, -2.5, 3.0),
            numbers(1.0, 2.0, 3.0),
            numbers(),
        ),
        "image": make("sensor_msgs/msg/Image", header("camera"), 2, 3, "rgb8", 0, 10, np.arange(20, dtype=np.uint8)),
        "pose_stamped": make(
            "geometry_msgs/msg/PoseStamped",
            header("map"),
            make("geometry_msgs/msg/Pose", make(*point), make(*quaternion)),
        ),
        "float64_multi_array": make(
            "std_msgs/msg/Float64MultiArray",
            make("std_msgs/msg/MultiArrayLayout", [dimension], 0),
            numbers(1.5, -2.0, 3e300),
        ),
        "plain_array": make(
            "std_msgs/msg/Float64MultiArray", make("std_msgs/msg/MultiArrayLayout", [], 0), numbers(256.0, 400.0)
        ),
        "joint_trajectory": make("trajectory_msgs/msg/JointTrajectory", header(""), ["x", "y"], [trajectory_point]),
        "diagnostic_array": make("diagnostic_msgs/msg/DiagnosticArray", header(""), [status]),
        "trigger_request": make("std_srvs/msg/TriggerRequest", 0),
        "trigger_response": make("std_srvs/msg/TriggerResponse", True, "stopped"),
    }


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, message in messages().items():
        (folder / f"{name}.cdr").write_bytes(bytes(STORE.serialize_cdr(message, message.__msgtype__)))


if __name__ == "__main__":
    main()
