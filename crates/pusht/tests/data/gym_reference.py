"""Writes gym_reference.npz beside this file: what gym-pusht 0.1.8 observes and rewards in given states.

pip install gym-pusht==0.1.8 "pymunk<7"
python crates/pusht/tests/data/gym_reference.py
"""

from pathlib import Path

import gym_pusht  # noqa: F401  (registers the environment)
import gymnasium as gym
import numpy as np

STATES = 200
FRAMES = 4
FIRST_SEED = 7


def put(env, state):
    """Sets a state as it is, not in the legacy order."""
    env.agent.position = tuple(state[:2])
    env.block.angle = state[4]
    env.block.position = tuple(state[2:4])
    # Frames are drawn from the shapes' cached corners.
    for body in (env.agent, env.block):
        env.space.reindex_shapes_for_body(body)


def main():
    random = np.random.default_rng(0)
    near = np.array([256.0, 256.0, 256.0, 256.0, np.pi / 4])
    spread = np.array([200.0, 200.0, 60.0, 60.0, 1.5])
    states = near + spread * random.uniform(-1.0, 1.0, size=(STATES, 5))
    env = gym.make("gym_pusht/PushT-v0", obs_type="environment_state_agent_pos").unwrapped
    env.reset(seed=0)
    coverage, vertices, frames = [], [], []
    for state in states:
        put(env, state)
        coverage.append(env._get_coverage())
        observation = env.get_obs()
        vertices.append(np.concatenate([observation["environment_state"], observation["agent_pos"]]))
        if len(frames) < FRAMES:
            frames.append(env._render())
    resets = np.array([reset(seed) for seed in range(FIRST_SEED, FIRST_SEED + 10)])
    np.savez_compressed(
        Path(__file__).with_suffix(".npz"),
        state=states,
        coverage=np.array(coverage),
        vertices=np.array(vertices),
        frames=np.array(frames),
        resets=resets,
    )


def reset(seed):
    env = gym.make("gym_pusht/PushT-v0", obs_type="state").unwrapped
    return env.reset(seed=seed)[0]


if __name__ == "__main__":
    main()
