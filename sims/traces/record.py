"""Records the reference traces beside this file from gym-pusht.

    pip install gym-pusht==0.1.8 "pymunk<7"
    python sims/traces/record.py

Each trace holds episodes of one kind: what the agent aims at. Rows are `state` before the action, `action`,
`agent_velocity` before the action and `reward` for it; `episode_ends` as in the crate's `Trace`. `restart_error` is how
far (px) gym-pusht's own block is from the next row's when gym-pusht is put into this row's state and stepped once: where
it is large, the state does not say what happens next, because the impulses that Chipmunk carries over matter.
"""

from pathlib import Path

import gym_pusht  # noqa: F401  (registers the environment)
import gymnasium as gym
import numpy as np

HERE = Path(__file__).parent
EPISODES = 8
CONTROL_STEPS = 120
TABLE = np.array([[20.0, 20.0], [492.0, 492.0]])
CORNERS = np.array([[30.0, 30.0], [482.0, 30.0], [482.0, 482.0], [30.0, 482.0]])


def random_targets(random, step, agent, block):
    """Anywhere on the table, a new target every few steps."""
    return random.uniform(*TABLE) if step % 5 == 0 else None


def shoves(random, step, agent, block):
    """Through the block towards a wall or a corner, fast, then a new run-up."""
    if step % 12 == 0:
        return random.uniform(*TABLE)
    if step % 12 == 4:
        corner = CORNERS[random.integers(4)]
        return np.where(random.uniform(size=2) < 0.3, block[:2], corner)
    return None


def long_pushes(random, step, agent, block):
    """Slowly through the block's centre of gravity towards the middle of the table, as a person pushes."""
    centre = block[:2] + 45.0 * np.array([-np.sin(block[2]), np.cos(block[2])])
    if step % 40 == 0:
        outwards = np.arctan2(*(centre - 256.0)[::-1]) + random.uniform(-0.6, 0.6)
        return centre + 110.0 * unit(outwards)
    if step % 40 < 8:
        return None
    ahead = centre - agent
    return agent + 18.0 * ahead / max(np.linalg.norm(ahead), 1e-6)


def spins(random, step, agent, block):
    """Around the block, close enough to catch its arms."""
    return block[:2] + random.uniform(60.0, 100.0) * unit(0.25 * step)


def unit(angle):
    return np.array([np.cos(angle), np.sin(angle)])


def restart_error(env, state, velocity, action, following):
    """Distance of the block from `following` after `action` from a state that gym-pusht is put into."""
    env._setup()
    env.agent.velocity = tuple(velocity)
    # One substep of its own moves the agent here, finds the contacts and leaves the block where it is.
    env.agent.position = tuple(state[:2] - env.dt * velocity)
    env.block.angle = state[4]
    env.block.position = tuple(state[2:4])
    env.space.step(env.dt)
    env.agent.position = tuple(state[:2])
    env.step(action)
    return np.linalg.norm(np.array(env.block.position) - following[2:4])


def restart_errors(env, rows, ends):
    errors = np.zeros(len(rows["state"]))
    for i in range(len(errors) - 1):
        if i + 1 not in ends:
            row = (rows[key][i] for key in ("state", "agent_velocity", "action"))
            errors[i] = restart_error(env, *row, rows["state"][i + 1])
    return errors


def record(name, aim, seed):
    env = gym.make("gym_pusht/PushT-v0", obs_type="state").unwrapped
    random = np.random.default_rng(seed)
    rows = {"state": [], "action": [], "agent_velocity": [], "reward": []}
    ends = []
    for episode in range(EPISODES):
        env.reset(seed=seed + episode)
        target = np.array(env.agent.position)
        for step in range(CONTROL_STEPS):
            agent, block = np.array(env.agent.position), np.array([*env.block.position, env.block.angle])
            aimed = aim(random, step, agent, block)
            target = target if aimed is None else aimed
            rows["state"].append([*agent, *block])
            rows["agent_velocity"].append(env.agent.velocity)
            rows["action"].append(target)
            rows["reward"].append(env.step(target)[1])
        ends.append(len(rows["state"]))
    arrays = {key: np.array(values, dtype=np.float64) for key, values in rows.items()}
    arrays["episode_ends"] = np.array(ends)
    arrays["restart_error"] = restart_errors(env, arrays, ends)
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def main():
    for seed, aim in enumerate([random_targets, shoves, long_pushes, spins]):
        record(aim.__name__, aim, 1000 * (seed + 1))


if __name__ == "__main__":
    main()
