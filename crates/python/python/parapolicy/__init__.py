"""Diffusion policies sampled in parallel over time, and PushT as fast gymnasium environments.

Importing the package registers ``parapolicy/PushT-v0`` with gymnasium.
"""

from importlib.metadata import version

from gymnasium.envs.registration import register

from parapolicy import modes, pusht
from parapolicy._native import Command, Controller, Event, Health, InForce, Policy, Sample
from parapolicy.evaluation import Evaluation, evaluate, merge
from parapolicy.recorder import Recorder

__all__ = [
    "Command",
    "Controller",
    "Evaluation",
    "Event",
    "Health",
    "InForce",
    "Policy",
    "Recorder",
    "Sample",
    "__version__",
    "evaluate",
    "merge",
    "modes",
]

__version__ = version("parapolicy")

register(
    id="parapolicy/PushT-v0",
    entry_point="parapolicy.env:PushTEnv",
    vector_entry_point="parapolicy.vector_env:PushTVectorEnv",
    max_episode_steps=pusht.MAX_EPISODE_STEPS,
    kwargs={"obs_type": "state"},
)
