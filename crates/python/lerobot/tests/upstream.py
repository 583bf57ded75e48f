"""LeRobot's own policy server beside this one: actions a second of its robot client, on the same simulated robot.

Usage: python upstream.py [--steps 500]

Upstream's server runs ACT of LeRobot's default size with random weights: its diffusion policies end with an error there
(lerobot#3861). Ours runs `models/pusht-image`. Rewards say nothing here.
"""

import argparse
import os
import tempfile
import time
from concurrent import futures
from pathlib import Path

import grpc
import torch
from lerobot.async_inference.configs import PolicyServerConfig, RobotClientConfig
from lerobot.async_inference.policy_server import PolicyServer
from lerobot.async_inference.robot_client import RobotClient
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors
from lerobot.transport import services_pb2_grpc

from driving import drive
from lerobot_policy_parapolicy import ParapolicyConfig
from lerobot_policy_parapolicy.policy_server import ParapolicyServer, ParapolicyServerConfig
from simulated import SimulatedConfig

FPS = 10
OURS = Path(__file__).parents[4] / "models" / "pusht-image"


def act(folder: Path) -> Path:
    """An ACT policy for the simulated robot, as LeRobot saves one."""
    torch.manual_seed(0)
    config = ACTConfig(
        device="cpu",
        pretrained_backbone_weights=None,
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
            "observation.images.image": PolicyFeature(FeatureType.VISUAL, (3, 96, 96)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
    )
    flat = {"mean": torch.zeros(2), "std": torch.ones(2)}
    statistics = {"observation.state": flat, "action": flat}
    statistics["observation.images.image"] = {"mean": torch.zeros(3, 1, 1), "std": torch.ones(3, 1, 1)}
    ACTPolicy(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config, dataset_stats=statistics):
        processor.save_pretrained(folder)
    return folder


def measured(server: PolicyServer, kind: str, folder: Path, steps: int) -> float:
    """Actions a second."""
    listening = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    services_pb2_grpc.add_AsyncInferenceServicer_to_server(server, listening)
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    client = RobotClient(
        RobotClientConfig(
            policy_type=kind,
            pretrained_name_or_path=str(folder),
            robot=SimulatedConfig(steps=steps),
            actions_per_chunk=15,
            chunk_size_threshold=0.9,
            server_address=f"127.0.0.1:{port}",
            fps=FPS,
        )
    )
    robot, taken = drive(client, 60 + 4 * steps / FPS)
    listening.stop(None).wait()
    return robot.sent / taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="control steps of each")
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # LeRobot writes its logs where it is run
        how = ParapolicyConfig(device="cpu", image_maximum=255.0, solver="ddim", steps=10)
        ours = ParapolicyServer(ParapolicyServerConfig(fps=FPS, policy=how, inference_latency=0.0))
        theirs = PolicyServer(PolicyServerConfig(fps=FPS, inference_latency=0.0))
        begun = time.monotonic()
        for name, server, kind, policy in [
            ("upstream, ACT", theirs, "act", act(Path(folder) / "act")),
            ("ours, diffusion", ours, "parapolicy", OURS),
        ]:
            print(f"{name}: {measured(server, kind, policy, steps):.2f} actions a second of {FPS}", flush=True)
        print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
