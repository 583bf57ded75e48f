"""LeRobot's own robot client drives a simulated robot by the server, for ``STEPS`` control steps."""

import os
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from lerobot.async_inference.configs import RobotClientConfig
from lerobot.async_inference.robot_client import RobotClient
from lerobot.transport import services_pb2_grpc

from driving import drive
from lerobot_policy_parapolicy import ParapolicyConfig
from lerobot_policy_parapolicy.policy_server import ParapolicyServer, ParapolicyServerConfig
from simulated import SimulatedConfig

FOLDER = Path(__file__).parents[4] / "models" / "pusht-image"
STEPS = int(os.environ.get("STEPS", "40"))
FPS = 10
PATIENCE = 60


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The server, and the port that it listens on."""
    monkeypatch.chdir(tmp_path)  # LeRobot writes its logs where it is run
    how = ParapolicyConfig(device="cpu", image_maximum=255.0, solver="ddim", steps=10)
    serving = ParapolicyServer(ParapolicyServerConfig(fps=FPS, policy=how, inference_latency=0.0))
    listening = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    services_pb2_grpc.add_AsyncInferenceServicer_to_server(serving, listening)
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    yield serving, port
    listening.stop(None).wait()


def test_a_robot_client_is_driven_to_the_end(server, caplog: pytest.LogCaptureFixture):
    serving, port = server
    client = RobotClient(
        RobotClientConfig(
            policy_type="parapolicy",
            pretrained_name_or_path=str(FOLDER),
            robot=SimulatedConfig(steps=STEPS),
            actions_per_chunk=15,
            chunk_size_threshold=0.9,
            server_address=f"127.0.0.1:{port}",
            fps=FPS,
        )
    )
    robot, taken = drive(client, PATIENCE + 2 * STEPS / FPS)
    assert not [record for record in caplog.records if "Error in StreamActions" in record.getMessage()]
    print(f"{robot.sent} actions in {taken:.1f} s, {robot.sent / taken:.1f} a second; rewards {robot.best}")
    assert serving.policy.next_seed > STEPS // 15, "plans were drawn"
