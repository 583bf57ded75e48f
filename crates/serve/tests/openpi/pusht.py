"""Drives PushT through a served policy by the real ``openpi-client``; rewards are held against ``parapolicy run``.

Usage: python pusht.py PROGRAM [--episodes N] [--client broker|plain|own] [-- OPTIONS OF run AND serve]

Starts ``PROGRAM serve`` on a free port, plays the episodes of ``PROGRAM run`` (the same seeds), and prints both rewards
with the paired difference and its 95 % interval. Fails if the interval of ten episodes or more does not contain 0, or
if no episode was played well: one in ten fails by whatever noise it meets, which says nothing of the server.
Needs ``requirements.txt`` and the package ``parapolicy`` (the simulator).
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import parapolicy  # noqa: F401 (registers the environment)
from openpi_client import action_chunk_broker, websocket_client_policy
from server import started

FIRST_SEED = 100_000
EXECUTED = 8
# Episodes from which an interval is one.
ENOUGH = 10


def split(observations):
    """Keys of the policy, from observations ``[n_obs_steps, 20]``."""
    rows = np.stack(observations)
    return {"keypoints": rows[:, :18].reshape(-1, 9, 2), "agent": rows[:, 18:], "prompt": "push the T"}


def client_of(kind, url, seed):
    """A function from the last two observations to the next action."""
    if kind == "own":
        from parapolicy_client import Client

        client, left = Client(url, seed=seed), []

        def act(observations):
            if not left:
                request = {key: value for key, value in split(observations).items() if key != "prompt"}
                left.extend(client.infer(request).actions[:EXECUTED])
            return left.pop(0)

        return act, client.close
    client = websocket_client_policy.WebsocketClientPolicy(f"{url}?seed={seed}", port=None)
    assert client.get_server_metadata()["n_action_steps"] == EXECUTED
    if kind == "broker":
        broker = action_chunk_broker.ActionChunkBroker(client, action_horizon=EXECUTED)
        return (lambda observations: broker.infer(split(observations))["actions"]), client._ws.close
    left = []

    def act(observations):
        if not left:
            left.extend(client.infer(split(observations))["actions"][:EXECUTED])
        return left.pop(0)

    return act, client._ws.close


def play(kind, url, seed):
    """The reward of an episode: the largest of any step."""
    env = gym.make("parapolicy/PushT-v0", obs_type="keypoints")
    observation, _ = env.reset(seed=seed)
    act, close = client_of(kind, url, seed)
    observations, largest, done = [observation, observation], 0.0, False
    while not done:
        observation, reward, terminated, truncated, _ = env.step(act(observations))
        observations = [observations[1], observation]
        largest, done = max(largest, reward), terminated or truncated
    close()
    return min(largest, 1.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--episodes", type=int, default=4)
    parser.add_argument("--client", choices=["broker", "plain", "own"], default="broker")
    own, _, options = " ".join(sys.argv[1:]).partition(" -- ")
    arguments, options = parser.parse_args(own.split()), options.split()

    with tempfile.TemporaryDirectory() as folder:
        command = [arguments.program, "run", "--episodes", str(arguments.episodes), "--seed", str(FIRST_SEED)]
        # `serve` and `run` have the same options; `run` compares samplers.
        subprocess.run([*command, "--out", f"{folder}/report", *options], check=True, stdout=subprocess.DEVNULL)
        with (Path(folder) / "report" / "episodes.csv").open() as file:
            expected = {int(row["seed"]): float(row["reward"]) for row in csv.DictReader(file)}

    with started(arguments.program, options) as (_, url):
        found = {seed: play(arguments.client, url, seed) for seed in expected}
    differences = np.array([found[seed] - expected[seed] for seed in expected])
    draws = np.random.default_rng(0).choice(differences, (10_000, len(differences)))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    same = int((np.abs(differences) < 1e-3).sum())
    print(
        f"{arguments.client}: {len(found)} episodes, reward {np.mean(list(found.values())):.4f} served,"
        f" {np.mean(list(expected.values())):.4f} by run; difference {differences.mean():+.4f}"
        f" [{low:+.4f}, {high:+.4f}], {same} the same to 0.001"
    )
    assert max(found.values()) > 0.5, "no episode was played well"
    assert len(found) < ENOUGH or (low <= 1e-3 and high >= -1e-3), "the rewards differ"


if __name__ == "__main__":
    main()
