# %% [markdown]
# # PushT with a diffusion policy, from Python
#
# An environment, a policy, one episode in which the world waits for every plan, and one in which it does not.
# Run as a script or cell by cell, from the repository's root:
#
#     python crates/python/examples/pusht.py

# %%
import statistics
import time
from collections import deque

import gymnasium as gym
import numpy as np

import parapolicy

SEED = 100_000
PERIOD = 0.1  # s, a control step of PushT

# %% [markdown]
# The environment is gym-pusht's in spaces, rewards and `info`; `keypoints` is what this policy observes.

# %%
env = gym.make("parapolicy/PushT-v0", obs_type="keypoints")
policy = parapolicy.Policy("models/pusht")
print(policy, policy.manifest["scheduler"]["num_train_timesteps"], "training timesteps")

# %% [markdown]
# ## One plan
#
# The network sees the last two observations and plans 16 actions, of which eight are executed.

# %%
observation, _ = env.reset(seed=SEED)
history = np.stack([observation, observation])
for sampler in ("sequential", "picard"):
    sample = policy.sample(history, seed=0, sampler=sampler)
    print(f"{sampler:10} {sample}")
print("first actions, px:\n", sample.executed[:3].round(1))

# %% [markdown]
# ## The world waits
#
# Plan, execute, plan again. As in the literature, the episode's reward is the largest of any control step.


# %%
def play_in_lockstep(sampler: str) -> tuple[float, list[float]]:
    """The episode's reward, and the latency of every plan in seconds."""
    observation, _ = env.reset(seed=SEED)
    history = deque([observation] * policy.n_obs_steps, maxlen=policy.n_obs_steps)
    best, latencies, over = 0.0, [], False
    while not over:
        sample = policy.sample(np.stack(history), seed=len(latencies), sampler=sampler)
        latencies.append(sample.latency)
        for action in sample.executed:
            observation, reward, terminated, truncated, _ = env.step(action)
            history.append(observation)
            best = max(best, reward)
            over = terminated or truncated
            if over:
                break
    return best, latencies


for sampler in ("sequential", "picard"):
    reward, latencies = play_in_lockstep(sampler)
    print(f"{sampler:10} reward {reward:.3f}, {len(latencies)} plans, {1e3 * statistics.median(latencies):.0f} ms each")

# %% [markdown]
# ## The world does not wait
#
# The controller plans in a thread of its own. The loop runs at 10 Hz on the wall clock, sends what is to be sent, and
# never waits. What a plan costs is now paid in reward.

# %%
observation, _ = env.reset(seed=SEED)
best, sources = 0.0, []
settings = {"period": PERIOD, "replan_every": 4, "late": "finish", "min": [0, 0], "max": [512, 512]}
with parapolicy.Controller("models/pusht", initial=observation[-2:], **settings) as controller:
    started = time.perf_counter()
    for tick in range(100):
        time.sleep(max(0.0, started + tick * PERIOD - time.perf_counter()))
        now = time.perf_counter() - started
        controller.observe(observation, now)
        command = controller.command(now)
        sources.append(command.source)
        observation, reward, terminated, *_ = env.step(command.action)
        best = max(best, reward)
        if terminated:
            break
    print(f"reward {best:.3f} after {tick + 1} control steps; {controller.health()}")
    print({source: sources.count(source) for source in ("plan", "late", "safe")}, controller.events())
env.close()
