"""A control loop with a policy of your own, and a stand-in for a robot: `python loop.py MODEL [--task NAME]`.

Ten times a second it observes, and sends a command; the policy plans beside it, and the loop never waits.
"""

import argparse
import time

import numpy as np

import parapolicy

PERIOD, SECONDS = 0.1, 5.0


def observe(manifest: dict, random: np.random.Generator) -> np.ndarray:
    """What the robot sees, entry after entry as `policy.json` lists them, in raw units; pixels are from 0 to 255."""
    shapes = [entry["shape"] for entry in manifest["observations"]]
    return np.concatenate([random.uniform(0, 255 if len(shape) == 3 else 1, shape).ravel() for shape in shapes])


def send(command: parapolicy.Command) -> None:
    """Moves the robot."""
    print(np.round(command.action, 3), command.source)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="folder with policy.json")
    parser.add_argument("--task", help="for policies that are told one")
    parser.add_argument("--provider", help="`cpu` for networks that the engine does not know")
    arguments = parser.parse_args()

    options = {"task": arguments.task, "provider": arguments.provider}
    manifest = parapolicy.Policy(arguments.model, **options).manifest
    initial = np.zeros(sum(int(np.prod(entry["shape"])) for entry in manifest["actions"]))
    random = np.random.default_rng(0)
    with parapolicy.Controller(arguments.model, initial=initial, period=PERIOD, **options) as controller:
        controller.reset(seed=0)
        began = time.monotonic()
        while (now := time.monotonic() - began) < SECONDS:
            controller.observe(observe(manifest, random), now)
            send(controller.command(now))
            time.sleep(max(0.0, now + PERIOD - (time.monotonic() - began)))


if __name__ == "__main__":
    main()
