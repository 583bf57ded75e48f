"""SO-101, an arm of six joints, in MuJoCo: `python -m training.so101 --demos DATASET` trains its policy, from states.

The environment is `lerobot-env-so101`'s: the arm takes a cube and puts it down where it is told. What is observed is
the arm (positions and velocities of its joints, its gripper, where its hand is), where the cube and its goal are, and
what is near; an action is a step of the grasped point, in units of the environment's scale, and how far the gripper is
to be open. `so101_demos.py` makes the dataset."""

import argparse
import sys
from pathlib import Path

import numpy as np

from training.demos import Demonstrations, Task
from training.sources import lerobot
from training.train import CHECKPOINT, Recipe, Training, resumed, run

OBSERVATIONS = {"agent_pos": (14,), "environment_state": (6,), "near": (6,)}
ACTIONS = {"move": (3,), "gripper": (1,)}
TASK = Task("so101-pick-place", OBSERVATIONS, ACTIONS)
RECIPE = Recipe(epochs=30, batch=128, warmup_steps=200, validation_episodes=20, widths=(32, 64))
EXECUTED = 3


class Short(Training):
    """A run whose policy executes few actions of a plan: the last millimetres are corrected the sooner."""

    def weights(self) -> dict:
        state = super().weights()
        return {**state, "shape": {**state["shape"], "n_action_steps": EXECUTED}}


def load(path: Path) -> Demonstrations:
    """Demonstrations from a LeRobot dataset with the environment's keys."""
    dataset = lerobot.Dataset(path)
    columns = {"observation.state": 14, "observation.environment_state": 6, "observation.near": 6, "action": 4}
    *seen, action = (dataset.column(name, width).astype(np.float64) for name, width in columns.items())
    return Demonstrations(TASK, np.concatenate(seen, axis=1), action, dataset.ends)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.so101", description="Train the SO-101's policy.")
    parser.add_argument("--demos", type=Path, required=True, help="a dataset of LeRobot, version 3")
    parser.add_argument(
        "--out", type=Path, default=Path("run-so101"), help="folder for checkpoint.pt and policy-EPOCH.pt"
    )
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    try:
        recipe = Recipe(**{**vars(RECIPE), "epochs": args.epochs, "seed": args.seed})
        training = resumed(Short(load(args.demos), recipe), args.out / CHECKPOINT)
    except (OSError, ValueError) as error:
        sys.exit(f"so101: {error}")
    run(training, args.out, keep_every=10)


if __name__ == "__main__":
    main()
