"""A policy for whatever was recorded: `python -m training.recorded --demos DATASET` trains it, from states.

The dataset is one of LeRobot, version 3, of any robot, as `parapolicy.Recorder` writes it. What is observed is every
feature `observation.*` that holds numbers, by the name that the environment has for it; what is done is `action`, or
every `action.*`. Features that differ in name alone from what the environment says are mapped by `evaluate`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from export.errors import ExportError
from export.policy import Shape
from training.demos import Demonstrations, Task
from training.sources.lerobot import Dataset
from training.train import CHECKPOINT, Recipe, Training, resumed, run

RECIPE = Recipe(epochs=30, batch=128, warmup_steps=200, validation_episodes=20, widths=(32, 64))
# LeRobot's names of the parts of its own environments' observations, which `Recorder` writes.
ENVIRONMENT = {"observation.state": "agent_pos", "observation.environment_state": "environment_state"}
NUMBERS = ("float32", "float64")


class Executing(Training):
    """A run whose policy executes `n_action_steps` of a plan; few correct the last millimetres the sooner."""

    def __init__(self, demos: Demonstrations, recipe: Recipe, n_action_steps: int):
        super().__init__(demos, recipe)
        self.executed = Shape(n_action_steps=n_action_steps)

    def weights(self) -> dict:
        return {**super().weights(), "shape": vars(self.executed)}


def widths(dataset: Dataset, head: str) -> dict[str, int]:
    """The features `head` and `head.*` that hold numbers, and how many a step."""
    found = {}
    for name, feature in dataset.features.items():
        shape = feature.get("shape")
        if (name == head or name.startswith(f"{head}.")) and feature.get("dtype") in NUMBERS:
            if not isinstance(shape, list) or len(shape) != 1 or type(shape[0]) is not int or shape[0] < 1:
                raise ValueError(f"{dataset.where}: features: {name} has shape {shape}, expected one number above 0")
            found[name] = shape[0]
    if not found:
        raise ValueError(f"{dataset.where}: features: none of {head} holds numbers, only {sorted(dataset.features)}")
    return found


def parts(named: str, width: int) -> dict[str, tuple[int, ...]]:
    """The parts of an action, as `move=3,gripper=1` names them."""
    try:
        pairs = [part.split("=") for part in named.split(",")]
        found = {name: (int(count),) for name, count in pairs}
    except ValueError as error:
        raise ValueError(f"--actions {named}: expected NAME=WIDTH,NAME=WIDTH") from error
    counts = [count for (count,) in found.values()]
    if len(found) != len(pairs) or min(counts) < 1 or sum(counts) != width:
        raise ValueError(f"--actions {named}: expected names that differ, of {width} numbers together")
    return found


def load(path: Path, named: str | None = None) -> Demonstrations:
    """Demonstrations from a dataset, their action in the parts of `named`."""
    dataset = Dataset(path)
    seen, done = widths(dataset, "observation"), widths(dataset, "action")
    observation, action = (
        np.concatenate([dataset.column(name, width).astype(np.float64) for name, width in columns.items()], axis=1)
        for columns in (seen, done)
    )
    observations = {ENVIRONMENT.get(name, name.removeprefix("observation.")): (width,) for name, width in seen.items()}
    actions = {name.removeprefix("action."): (width,) for name, width in done.items()}
    if named is not None:
        actions = parts(named, action.shape[1])
    return Demonstrations(Task(path.name, observations, actions), observation, action, dataset.ends)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.recorded", description="Train a policy from states.")
    parser.add_argument("--demos", type=Path, required=True, help="a dataset of LeRobot, version 3")
    parser.add_argument(
        "--out", type=Path, default=Path("run-recorded"), help="folder for checkpoint.pt and policy-EPOCH.pt"
    )
    parser.add_argument("--actions", metavar="NAME=WIDTH,…", help="names of an action's parts: move=3,gripper=1")
    parser.add_argument("--n-action-steps", type=int, default=8, help="actions of a plan that are executed")
    parser.add_argument("--epochs", type=int, default=RECIPE.epochs)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    try:
        recipe = Recipe(**{**vars(RECIPE), "epochs": args.epochs, "seed": args.seed})
        demos = load(args.demos.resolve(), args.actions)
        training = resumed(Executing(demos, recipe, args.n_action_steps), args.out / CHECKPOINT)
    except (OSError, ValueError, ExportError) as error:
        sys.exit(f"recorded: {error}")
    run(training, args.out, keep_every=10)


if __name__ == "__main__":
    main()
