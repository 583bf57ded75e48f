"""LeRobot's robot client, driven to the end of a simulated robot's steps."""

import threading
import time

from lerobot.async_inference.robot_client import RobotClient

from simulated import Simulated


def drive(client: RobotClient, patience: float) -> tuple[Simulated, float]:
    """The robot after its last step, and the seconds that it took; fails where that is more than ``patience``."""
    robot = client.robot
    assert isinstance(robot, Simulated)
    assert client.start()
    begun = time.monotonic()
    for work, arguments in [(client.receive_actions, ()), (client.control_loop, ("push the T",))]:
        threading.Thread(target=work, args=arguments, daemon=True).start()
    ended = robot.over.wait(patience)
    taken = time.monotonic() - begun
    client.stop()
    assert ended, f"{robot.sent} of {robot.steps} actions were sent"
    return robot, taken
