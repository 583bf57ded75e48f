"""Real-time chunking with limits and checked plans: `python chunking.py [MODEL]`.

The policy pushes a T in a simulated world that does not wait: it plans beside it, and the agent is given a target 100
times a second. A plan begins with what will have been sent when it is there, is there when the one before it runs out,
and is refined if it is faster than is allowed; a trajectory generator keeps every command within limits, whatever is
planned.
"""

import argparse
import time

import gymnasium as gym
import numpy as np

import parapolicy

PERIOD, CYCLE, CYCLES = 0.1, 0.01, 600
VELOCITY, ACCELERATION, JERK = 600.0, 6e3, 3e5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="models/pusht", help="folder with policy.json")
    arguments = parser.parse_args()

    env = gym.make("parapolicy/PushT-v0", obs_type="keypoints")
    observation, _ = env.reset(seed=100)
    start = observation[-2:]
    controller = parapolicy.Controller(
        arguments.model,
        initial=start,
        period=PERIOD,
        replan_every=4,
        # Plans that continue the one before, each in the time that the loop can spare.
        continuity="exponential",
        deadline="loop",
        # What a plan must keep, and how long one that does not may be refined.
        check={"min": [0.0] * 2, "max": [512.0] * 2, "velocity": [300.0] * 2, "refine": 0.1},
        # Ten commands an action, and what none of them exceeds.
        interpolation="cubic",
        cycle=CYCLE,
        min=[0.0] * 2,
        max=[512.0] * 2,
        velocity=[VELOCITY] * 2,
        acceleration=[ACCELERATION] * 2,
        jerk=[JERK] * 2,
    )
    sent, reward, kinds = [start] * 3, 0.0, []
    with controller:
        began = time.monotonic()
        for cycle in range(CYCLES):
            time.sleep(max(0.0, began + CYCLE * cycle - time.monotonic()))
            now = time.monotonic() - began
            if cycle % 10 == 0:
                controller.observe(observation, now)
            sent.append(controller.command(now).action)
            if cycle % 10 == 9:
                observation, now_rewarded, *_ = env.step(sent[-1])
                reward = max(reward, now_rewarded)
            for event in controller.events():
                kinds.append(event.kind)
                print(f"{now:5.2f} s  {event.message}")
        plans = controller.health().plans
    for order, limit in enumerate([VELOCITY, ACCELERATION, JERK], start=1):
        used = np.abs(np.diff(sent, order, axis=0)).max() / CYCLE**order / limit
        assert used <= 1 + 1e-6, f"the {order}. difference is {used} of its limit"
    print(f"{plans} plans, {kinds.count('refined')} refined; reward {reward:.3f} after {CYCLES * CYCLE:.0f} s")


if __name__ == "__main__":
    main()
