"""Policies played in gymnasium environments, and reported as ``parapolicy run`` reports them."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import gymnasium as gym

from parapolicy import _native
from parapolicy.adapter import Member, Rest, Success

Make = str | Callable[[], gym.Env[Any, Any]]


@dataclass(frozen=True)
class Evaluation:
    """What was measured."""

    report: dict[str, Any]
    """As in ``report.json``."""
    table: str
    """The samplers at a glance."""
    files: list[Path]
    """What was written."""

    def __str__(self) -> str:
        return self.table


def evaluate(
    policy: str | PathLike[str],
    env: Make,
    *,
    samplers: Sequence[str] = ("sequential", "picard"),
    episodes: int = 10,
    seed: int = 100_000,
    observations: Mapping[str, str] | None = None,
    actions: Mapping[str, str] | None = None,
    success: Success = "is_success",
    lowest_reward: float = 0.0,
    highest_reward: float = 1.0,
    max_steps: int | None = None,
    environments: int = 1,
    period: float | None = None,
    rest: Rest | None = None,
    clock: str = "lockstep",
    latency: float | None = None,
    film: bool = False,
    out: str | PathLike[str] = "report",
    only: Sequence[str] = (),
    shard: str | None = None,
    name: str | None = None,
    **options: Any,
) -> Evaluation:
    """Plays a policy in an environment, samplers side by side on the same seeds, and writes the report.

    ``env`` is the id of a registered environment, or what makes one. ``observations`` and ``actions`` say what the
    policy's entries are called in the environment, where that is not their own name: ``{"state": "agent_pos"}``,
    ``{"image": "pixels.front"}``. ``success`` is what ``info`` calls it, or a function of reward and ``info``. Rewards
    are reported from 0, ``lowest_reward``, to 1, ``highest_reward``, and those beyond cut off, with a warning; an
    episode's is its largest.

    ``clock`` is ``lockstep``, where the environment waits; ``virtual``, where it does not, on simulated time, and a
    plan takes ``latency`` seconds, or what it took; or ``real``. Until the first plan ``rest`` is sent there: an
    action, the key of an observation that is one, or a function of the observation. ``environments`` are played at
    once, in lockstep, and their plans drawn in shared batches. ``period`` is the time of a control step, seconds;
    without it the environment's ``render_fps`` says.

    ``film`` asks for ``episode.gif``, of the samplers' first episode side by side, as the environment renders it
    (``rgb_array``). ``shard``, ``3/16`` say, plays a part of the episodes, and `merge` puts the parts together.
    ``only`` names the files to write. ``name`` is the scenario's, in the report; without it the environment's.

    The other keywords say how plans are drawn, as those of `Policy.sample`; where the network is run, as those of
    `Policy`; and how plans become commands, as those of `Controller`: ``replan_every``, ``replan_below``,
    ``ensemble``, ``late``, ``decelerate_within``, ``continuity``, and the limits ``velocity``, ``acceleration`` and
    ``jerk``. They are of a loop that does not wait; in lockstep ``n_action_steps`` are executed of each plan.

    Raises `ValueError` where the environment does not fit the policy; what the environment raises is passed on.
    """
    manifest = _manifest(policy)
    if not highest_reward > lowest_reward:
        raise ValueError(f"highest_reward is {highest_reward}, but must be above lowest_reward, {lowest_reward}")
    if environments < 1:
        raise ValueError(f"environments is {environments}, but must be at least 1")
    if clock in ("real", "virtual") and rest is None:
        raise ValueError("rest: a clock that does not wait needs an action to send until there is a plan")
    made: list[gym.Env[Any, Any]] = []
    try:
        made.extend(_make(env, film) for _ in range(environments))
        limit = _limit(made[0], max_steps)
        members = [
            Member(
                one,
                manifest,
                observations=observations,
                actions=actions,
                success=success,
                lowest_reward=lowest_reward,
                highest_reward=highest_reward,
                max_steps=limit,
                rest=rest,
            )
            for one in made
        ]
        # What does not fit is told before a network is loaded.
        members[0].reset(seed)
        if rest is not None:
            members[0].resting()
        known = made[0].spec.id if made[0].spec else type(made[0].unwrapped).__name__
        report, table, files = _native.evaluate(
            Path(policy),
            members,
            environment=known,
            scenario=name or known,
            period=_period(made[0], period),
            seed=seed,
            episodes=episodes,
            samplers=list(samplers),
            out=Path(out),
            only=list(only),
            command=list(sys.argv),
            shard=shard,
            clock=clock,
            latency=latency,
            film=film,
            **options,
        )
    finally:
        for one in made:
            one.close()
    return Evaluation(json.loads(report), table, [Path(out) / file for file in files])


def merge(
    reports: Sequence[str | PathLike[str]], *, out: str | PathLike[str] = "merged", only: Sequence[str] = ()
) -> Evaluation:
    """Puts the reports of a run's parts together, and writes what a run of all their episodes would have: the same
    figures, to the bit, but for the wall clock's. Raises `ValueError` where they are of different runs, or have an
    episode in common."""
    report, table, files = _native.merge([Path(path) for path in reports], out=Path(out), only=list(only))
    return Evaluation(json.loads(report), table, [Path(out) / file for file in files])


def _manifest(policy: str | PathLike[str]) -> dict[str, Any]:
    path = Path(policy) / "policy.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        [(entry["name"], entry["shape"]) for entry in (*manifest["observations"], *manifest["actions"])]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: is not a policy's manifest ({error!r})") from error
    return manifest


def _make(env: Make, film: bool) -> gym.Env[Any, Any]:
    if callable(env):
        return env()
    return gym.make(env, render_mode="rgb_array") if film else gym.make(env)


def _limit(env: gym.Env[Any, Any], max_steps: int | None) -> int | None:
    if max_steps is not None and max_steps < 1:
        raise ValueError(f"max_steps is {max_steps}, but must be at least 1")
    if max_steps is None and not (env.spec and env.spec.max_episode_steps):
        raise ValueError("max_steps: the environment does not say when time is up, so say after how many steps it is")
    return max_steps


def _period(env: gym.Env[Any, Any], period: float | None) -> float:
    if period is not None:
        return period
    rate = env.metadata.get("render_fps")
    if not rate:
        raise ValueError("period: the environment has no render_fps, so say how long a control step is, in seconds")
    return 1.0 / float(rate)
