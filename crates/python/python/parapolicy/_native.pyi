"""What is written in Rust."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, Literal, TypedDict, final

import numpy as np
import numpy.typing as npt
from typing_extensions import Self, Unpack

__all__ = [
    "Command",
    "Controller",
    "Event",
    "Health",
    "InForce",
    "ModesFound",
    "Policy",
    "Sample",
    "World",
    "Worlds",
    "evaluate",
    "merge",
    "plan_features",
    "read_action",
    "sample_partitions",
    "search_modes",
    "write_dataset",
]

_Floats = npt.NDArray[np.float64]
_Pixels = npt.NDArray[np.uint8]

class _Sampling(TypedDict, total=False):
    """How plans are drawn; what is left out or ``None`` is the default of ``parapolicy sample``."""

    sampler: (
        Literal["sequential", "paradigms", "picard", "speculative", "anderson", "parareal", "blocks", "auto"] | None
    )
    """Default ``sequential`` up to ten steps, unless ``deadline`` or ``rounds`` may cut a plan short; else
    ``picard``. ``auto`` is the fastest on this machine: what is not known of it is measured at the first plan, for some
    seconds, and kept."""
    solver: str | None
    """``ddpm`` (default), ``ddim``, ``ddim:ETA``, ``dpmsolver++`` or ``sde-dpmsolver++``; of flow matching ``euler`` or
    ``midpoint``."""
    steps: int | None
    """Denoising steps; default 100."""
    window: int | None
    """Denoising steps in the air at once; default 12 for ``speculative``, 20 for the others, or a twentieth of the
    steps where that is more."""
    tolerance: float | None
    """What may be accepted; default 0.1. With ``picard`` how far a plan may end from ``sequential``'s, normalised."""
    within: str | None
    """The tolerance in the unit of the actions, ``0.5px`` say, or a number alone where the policy declares no units;
    ``tolerance`` is left out then."""
    deadline: float | str | None
    """Seconds that a plan may take: the best there is by then is the plan. Default: no limit. Of a ``Controller`` also
    ``"loop"``: the time until the running plan runs out."""
    rounds: int | None
    """Network calls, one after the other, that a plan may take, likewise."""
    keep_on_failure: bool
    """Whether the best there is, where the network fails in mid-plan, is the plan, in place of an error."""
    tuned: str | None
    """A time, ``20ms`` say: sampler, solver, steps, window and tolerance are those that ``parapolicy tune`` recommends
    for it on this machine, and none of them may be given. A ``Policy`` keeps its precision and threads; a
    ``Controller`` takes the tuned ones, where none are given. ValueError if nothing was measured, or no setting is fast
    enough."""

@final
class Sample:
    """A plan: actions in raw units, and what it took to draw them."""

    @property
    def actions(self) -> _Floats:
        """``[horizon, action_dim]``; the first action belongs to the oldest observation."""

    @property
    def executed(self) -> _Floats:
        """The rows of ``actions`` that are meant to be executed before the next plan, a view."""

    @property
    def latency(self) -> float:
        """Seconds from the observation given to the plan ready; of plans drawn together, to all of them ready."""

    @property
    def together(self) -> int:
        """Plans that were drawn together in that time."""

    @property
    def rounds(self) -> int:
        """Network calls that had to wait for each other."""

    @property
    def evaluations(self) -> int:
        """Rows that the network evaluated."""

    @property
    def residual(self) -> float | None:
        """How far the plan moved in the last round (root mean square, normalised units) if it was cut short."""

@final
class Policy:
    """A diffusion policy: a directory with ``policy.json`` and its graph, loaded.

    It may be used from several threads; plans are drawn one after the other, without the interpreter's lock. Ctrl-C
    ends a plan after the round that it is in, and the policy can be used again. A child that was forked has none of
    its threads: there it is a RuntimeError.
    """

    def __new__(
        cls,
        directory: str | PathLike[str],
        *,
        provider: Literal["cpu", "cuda", "native", "openvino", "tensorrt"] | None = None,
        precision: Literal["f32", "bf16"] = "f32",
        threads: int = 0,
        pin: bool = False,
        devices: Sequence[int] | None = None,
        ort_lib: str | PathLike[str] | None = None,
        task: str | None = None,
    ) -> Self:
        """Loads a policy. This project's engine runs it (``native``), or ONNX Runtime (``cpu``, or with
        ``openvino``, ``cuda`` or ``tensorrt``), whose library ``ort_lib`` is; without a ``provider`` it is the
        first, or the second where ``ort_lib`` is given. All but ``cpu`` and ``cuda`` can compute products in bf16 where
        the machine has it.
        ``threads`` work on each batch, 0 is one a core; ``pin`` keeps each of them but the calling one on a core of
        its own (``native``). ``devices`` share the rows of every batch: GPUs of ``cuda`` and ``tensorrt``.
        ``task`` is the name of what the policy shall do, for policies that are told it in words; without it the only
        one that they know.

        Raises OSError if a file cannot be read, ValueError for one that is not what it should be, and RuntimeError if
        there is no ONNX Runtime.
        """

    def sample(
        self,
        observation: npt.ArrayLike | Mapping[str, npt.ArrayLike],
        *,
        seed: int = 0,
        committed: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
        initial_noise: npt.ArrayLike | None = None,
        step_noise: npt.ArrayLike | None = None,
        **sampling: Unpack[_Sampling],
    ) -> Sample:
        """Draws a plan for ``observation``, ``[n_obs_steps, observation_dim]`` in raw units, oldest first; or for a
        dictionary of arrays by the names of the policy's entries, each ``[n_obs_steps, ...]``. It is held to
        the actions ``committed``, ``[n, action_dim]``, the first for the time of the newest observation (real-time
        chunking), each as firmly as ``weights``, ``[n]``, says: 1 for those that are carried out before the plan is
        there, which it goes through, and down to 0 for those after them. Without ``weights`` all are 1.

        The noise is drawn from ``seed``, but for ``initial_noise``, ``[horizon, plan_dim]``, and ``step_noise``,
        ``[steps, horizon, plan_dim]``, in normalised units; ``plan_dim`` is ``action_dim``, and more where observations
        are a part of the plan.

        Raises ValueError for what does not fit the policy, and RuntimeError if the network fails.
        """

    def sample_many(
        self,
        observations: npt.ArrayLike | Mapping[str, npt.ArrayLike],
        *,
        seeds: list[int],
        **sampling: Unpack[_Sampling],
    ) -> list[Sample]:
        """Draws a plan for each of ``observations``, ``[plans, n_obs_steps, observation_dim]`` or by name, in shared
        batches of the network; ``seeds`` has one seed for each. A budget is that of all together."""

    @property
    def manifest(self) -> dict[str, Any]:
        """What ``policy.json`` says."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    @property
    def n_obs_steps(self) -> int:
        """Observations that the network sees."""

    @property
    def observation_dim(self) -> int:
        """Numbers in one observation."""

    @property
    def horizon(self) -> int:
        """Actions that the network plans."""

    @property
    def n_action_steps(self) -> int:
        """Actions of a plan that are executed before the next is made."""

    @property
    def action_dim(self) -> int:
        """Numbers in one action."""

@final
class Command:
    """What to send now."""

    @property
    def action(self) -> _Floats:
        """``[action_dim]``, in raw units."""

    @property
    def source(self) -> Literal["plan", "late", "safe"]:
        """A plan; the rule for when plans are used up; or, with nothing to go by, the safe action."""

    @property
    def withheld(self) -> Literal["no_plan", "stale", "not_finite", "beyond_limits"] | None:
        """Why something else would have been sent."""

@final
class InForce:
    """The plan that commands come from."""

    @property
    def actions(self) -> _Floats:
        """``[n, action_dim]`` in raw units, the first for the time of the observation."""

    @property
    def intended(self) -> int:
        """Of these, how many are meant to be executed."""

    @property
    def observed(self) -> float:
        """When the observation was taken that it answers, in seconds of the caller's clock."""

    @property
    def latency(self) -> float:
        """Seconds from the observation bound to the plan ready."""

    @property
    def rounds(self) -> int:
        """Network calls that had to wait for each other."""

    @property
    def evaluations(self) -> int:
        """Rows that the network evaluated."""

    @property
    def residual(self) -> float | None:
        """How far the plan moved in the last round (root mean square, normalised units) if it was cut short."""

@final
class Event:
    """Something went wrong in the worker, with an observation, or with the clock."""

    @property
    def kind(
        self,
    ) -> Literal[
        "not_made",
        "failed",
        "panicked",
        "withheld",
        "hung",
        "refused",
        "cut",
        "refined",
        "not_refined",
        "not_observed",
        "far_outside",
        "clock_went_back",
    ]: ...
    @property
    def message(self) -> str: ...

@final
class Health:
    """How a controller is."""

    @property
    def planning(self) -> bool:
        """A plan is being worked on."""

    @property
    def plans(self) -> int:
        """Plans delivered."""

    @property
    def failures(self) -> int:
        """Plans that failed, panicked, were not finite, or never came."""

    @property
    def hangs(self) -> int:
        """Of those, plans that never came: the policy hung."""

    @property
    def clock_steps(self) -> int:
        """How often the clock went back, and all plans were dropped."""

    @property
    def events_dropped(self) -> int:
        """Events that nobody fetched in time."""

    @property
    def latency_p50_ms(self) -> float:
        """Median latency of a plan; 0 before the first."""

    @property
    def latency_p99_ms(self) -> float: ...
    @property
    def latency_max_ms(self) -> float: ...

class _Check(TypedDict, total=False):
    """What plans have to keep. Lists have a number for each of an action's."""

    min: npt.ArrayLike
    max: npt.ArrayLike
    step: npt.ArrayLike
    """Largest distance of the first action from the robot's present state."""
    velocity: npt.ArrayLike
    """Largest change per second; of that per second is ``acceleration``, and of that per second ``jerk``."""
    acceleration: npt.ArrayLike
    jerk: npt.ArrayLike
    state: int | None
    """Where the robot's present state begins in an observation; None: the last command is taken for it."""
    regions: list[tuple[int, list[float], float]]
    """(first, centre, radius): balls that the ways from action to action stay out of."""
    predicate: Callable[[npt.NDArray[np.float64]], tuple[int, str] | None]
    """Called with a plan, ``[n, action_dim]``, in the worker's thread; returns the first action that may not be sent,
    and why, or None."""
    refine: float | None
    """Seconds for which a plan that fails may be refined, in the worker's thread, until it keeps bounds and regions; it
    is checked again. None: plans are not refined."""
    failing: Literal["refuse", "cut"]
    """Whether a plan that fails is not used at all (the default), or ends before the action that fails."""

@final
class Controller:
    """A policy that plans in a thread of its own, for a loop that never waits for it.

    Time is whatever the caller's clock says, in seconds from an origin of its own, 0 or more. As a context manager it
    is closed at the end. A child that was forked has no worker: there all but ``close`` is a RuntimeError.
    """

    def __new__(
        cls,
        directory: str | PathLike[str],
        *,
        initial: npt.ArrayLike,
        period: float = 0.1,
        seed: int = 0,
        replan_every: int | None = None,
        replan_below: int | None = None,
        ensemble: float | None = None,
        late: Literal["finish", "hold", "decelerate"] = "finish",
        decelerate_within: float | None = None,
        max_age: float | None = None,
        min: npt.ArrayLike | None = None,
        max: npt.ArrayLike | None = None,
        max_change: npt.ArrayLike | None = None,
        safe: npt.ArrayLike | None = None,
        watchdog: float | None = None,
        continuity: str = "independent",
        check: _Check | None = None,
        stale: float | None = None,
        interpolation: Literal["hold", "linear", "cubic"] = "hold",
        cycle: float | None = None,
        velocity: npt.ArrayLike | None = None,
        acceleration: npt.ArrayLike | None = None,
        jerk: npt.ArrayLike | None = None,
        log: str | PathLike[str] | None = None,
        log_rounds: bool = False,
        provider: Literal["cpu", "cuda", "native", "openvino", "tensorrt"] | None = None,
        precision: Literal["f32", "bf16"] | None = None,
        threads: int = 0,
        pin: bool = False,
        devices: Sequence[int] | None = None,
        ort_lib: str | PathLike[str] | None = None,
        task: str | None = None,
        **sampling: Unpack[_Sampling],
    ) -> Self:
        """Loads a policy and starts its worker.

        ``initial`` is the command before the first plan, ``period`` the time from one action to the next. A plan is
        asked for ``replan_every`` observations after the last, or when fewer than ``replan_below`` actions are left, or
        as soon as the last is done. A new plan replaces the old one, or all are averaged with weights falling by
        ``ensemble`` from one to the next. When plans run out, ``late`` decides: the rest of the horizon, the ``safe``
        action (the last one again, if there is none), or coming to rest within ``decelerate_within`` seconds (3
        periods). A plan whose observation is older than ``max_age`` (a horizon) is not followed. No command is below
        ``min``, above ``max``, or further than ``max_change`` from the one before. A policy that has not returned with
        a plan after ``watchdog`` seconds (ten plans, at least 30) is abandoned with its thread, and loaded again.
        ``log`` is an MCAP file to write, of all that is observed, planned and sent, with ``log_rounds`` every plan as
        it stood after each round, too; if it exists, a number is put after its name.

        With ``continuity`` ``"hard"``, ``"linear"`` or ``"exponential"`` a plan is held to the actions that will have
        been sent when it is there (real-time chunking); agreement with those after them fades at once, evenly, or as
        published. ``"hard:0.5"`` expects that a plan takes what half of those so far took at most (95 %, if nothing is
        said).

        A plan that does not keep ``check`` is refined, refused or cut before any of it is sent, and an event names the
        action, the number of it, the value and the limit.

        An entry of an observation that is far outside of what the policy was trained on, by more than its whole range
        or by more than ten standard deviations, is told as an event, once until it is back.

        Entries that are handed in one by one make no observation where they are older than ``stale`` seconds (5
        periods).

        With ``deadline`` ``"loop"`` each plan is cut short so that it is there when the running one runs out; what 95 %
        of the plans took beyond their time is kept in reserve, or another share: ``"loop:0.5"``.

        For robots that take more commands than a policy plans actions: ``interpolation`` lies between two actions, and
        ``velocity``, ``acceleration`` and ``jerk``, all three and without ``max_change``, are limits per number that a
        trajectory generator keeps whatever is planned, commands being ``cycle`` seconds (a period) apart.

        Raises what ``Policy`` raises, and ValueError for settings that make no sense.
        """

    def reset(self, seed: int) -> None:
        """Begins an episode: observations, plans and commands so far are forgotten. Until the first plan ``initial`` is
        sent again, or what ``rest_at`` was told last. Everything random follows from ``seed``."""

    def rest_at(self, action: npt.ArrayLike) -> None:
        """Sends ``action`` until the first plan, in place of ``initial``: where the robot stands. Before an episode:
        all plans are forgotten. ValueError if it has another length than actions have, or is beyond the limits."""

    def plan(self) -> InForce | None:
        """The plan that commands come from; None before the first."""

    def observe(self, observation: npt.ArrayLike | Mapping[str, npt.ArrayLike], time: float) -> None:
        """Takes the observation of ``time``, ``[observation_dim]`` or by the names of the policy's entries, and
        asks for a plan if one is due."""

    def observe_entry(self, name: str, value: npt.ArrayLike, time: float, scale: float = 1.0) -> None:
        """Takes an entry as it was at ``time``, for the control steps from then on: an array of the entry's shape or
        flat, of which every number is multiplied by ``scale``. Entries may come at any rate, each at its own; the
        newest 64 of each are remembered, and fewer, 4 at least, of those of more than 128 numbers. An array of bytes is
        read where it lies, and an image may be ``[height, width, channels]`` where the policy has the channels first.
        ValueError for another name or shape, for values that are not finite, and for a ``time`` before that of the same
        entry's last."""

    def observe_entries(self, time: float) -> bool:
        """Takes the observation of the control step at ``time``, of each entry the newest at or before it, and asks
        for a plan if one is due; in place of ``observe``. False, and no observation, if an entry has not come yet or is
        older than ``stale``: an event names it, once until it is back."""

    def command(self, time: float) -> Command:
        """What to send at ``time``. Once a period; it waits for nothing."""

    def events(self) -> list[Event]:
        """What went wrong in the worker since this was asked last."""

    def health(self) -> Health:
        """How it is, from any thread, without stopping it."""

    def close(self) -> None:
        """Ends the worker and closes the log; what is called after this, but ``health``, is a RuntimeError."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

@final
class World:
    """PushT's table: what ``parapolicy/PushT-v0`` is made of. Arrays are float64, px and rad, unless said otherwise."""

    def __new__(cls) -> Self: ...
    def reset(self, state: npt.ArrayLike) -> None:
        """Puts everything where ``[agent x, agent y, block x, block y, block angle]`` says in gym-pusht's legacy order,
        which moves the block; the agent rests."""

    def put(self, state: npt.ArrayLike) -> None:
        """Puts everything where ``[agent x, agent y, block x, block y, block angle]`` says; the agent rests."""

    def step(self, action: npt.ArrayLike) -> tuple[float, float, bool]:
        """Moves the world by 0.1 s with the agent drawn to ``action``: reward, coverage, success."""

    def snapshot(self) -> _Floats:
        """All that the world remembers between control steps, eight numbers: the agent's x and y, its velocity (px/s),
        x and y of the block's centre of gravity, the block's angle (not wrapped), and whether the block touched
        something in the last step."""

    def restore(self, snapshot: npt.ArrayLike) -> None:
        """Puts the world back, bit for bit, to where ``snapshot`` was taken."""

    def __getstate__(self) -> _Floats: ...
    def __setstate__(self, snapshot: npt.ArrayLike) -> None: ...
    @property
    def state(self) -> _Floats:
        """``[agent x, agent y, block x, block y, block angle]``, the angle in [0, 2π)."""

    @property
    def vertices(self) -> _Floats:
        """x and y of the eight corners of the block's two rectangles."""

    @property
    def keypoints(self) -> _Floats:
        """x and y of nine points of the block, then of the agent."""

    @property
    def agent_position(self) -> _Floats: ...
    @property
    def agent_velocity(self) -> _Floats:
        """px/s."""

    @property
    def block_pose(self) -> _Floats:
        """x, y and angle, the angle not wrapped."""

    @property
    def contacts(self) -> int:
        """1 if the block touched anything in the last control step, else 0: what gym-pusht's average of contact points
        comes to."""

    def pixels(self, width: int, height: int) -> _Pixels:
        """The table drawn, ``[height, width, 3]``."""

@final
class Worlds:
    """Many of PushT's tables, stepped together on every core: ``World`` with a first axis of ``count``."""

    def __new__(cls, count: int) -> Self: ...
    def table(self, index: int) -> World:
        """One of the tables: what becomes of it here becomes of it there."""

    def step(self, actions: npt.ArrayLike) -> tuple[_Floats, _Floats, npt.NDArray[np.bool_]]:
        """Rewards, coverages and which blocks have arrived. Nothing moves if an action is refused, or on Ctrl-C."""

    def snapshot(self) -> _Floats: ...
    def restore(self, snapshots: npt.ArrayLike) -> None:
        """All tables stay as they are if one of the snapshots is refused."""

    def __getnewargs__(self) -> tuple[int]: ...
    def __getstate__(self) -> _Floats: ...
    def __setstate__(self, snapshots: npt.ArrayLike) -> None: ...
    @property
    def state(self) -> _Floats: ...
    @property
    def vertices(self) -> _Floats: ...
    @property
    def keypoints(self) -> _Floats: ...
    @property
    def agent_position(self) -> _Floats: ...
    @property
    def agent_velocity(self) -> _Floats: ...
    @property
    def block_pose(self) -> _Floats: ...
    @property
    def contacts(self) -> npt.NDArray[np.int64]: ...
    def pixels(self, width: int, height: int) -> _Pixels: ...

def read_action(action: npt.ArrayLike) -> tuple[float, float]:
    """Reads an action as ``World.step`` does."""

@final
class ModesFound:
    """What ``parapolicy.modes.find`` makes a ``Modes`` of."""

    @property
    def numbers(self) -> _Floats: ...
    @property
    def components(self) -> _Floats: ...
    @property
    def labels(self) -> npt.NDArray[np.uint64]: ...
    @property
    def weights(self) -> list[list[list[float]]]: ...
    @property
    def apart(self) -> _Floats: ...
    @property
    def rare(self) -> npt.NDArray[np.bool_]: ...
    @property
    def medoids(self) -> npt.NDArray[np.uint64]: ...

def search_modes(
    points: npt.ArrayLike,
    scale: float,
    *,
    groups: list[int] | None,
    burn_in: int,
    draws: int,
    thin: int,
    rare: float,
    seed: int,
) -> ModesFound:
    """As ``parapolicy.modes.find``."""

def plan_features(plans: npt.ArrayLike, groups: list[int]) -> tuple[_Floats, float]:
    """As ``parapolicy.modes.features``."""

def sample_partitions(
    points: npt.ArrayLike,
    scale: float,
    *,
    kappa: float,
    mean: list[float],
    alpha: float | None,
    strategy: str,
    climb: int,
    burn_in: int,
    draws: int,
    seed: int,
) -> tuple[npt.NDArray[np.uint32], int, _Floats]:
    """Labels of every draw ``[draws, n]``, which draw agrees with most, the concentration of each draw ``[draws]``."""

def evaluate(
    directory: str | PathLike[str],
    members: list[Any],
    *,
    environment: str,
    scenario: str,
    period: float,
    seed: int,
    episodes: int,
    samplers: list[str],
    out: str | PathLike[str],
    only: list[str],
    command: list[str],
    shard: str | None = None,
    clock: str = "lockstep",
    latency: float | None = None,
    replan_every: int | None = None,
    replan_below: int | None = None,
    ensemble: float | None = None,
    late: str | None = None,
    decelerate_within: float | None = None,
    continuity: str | None = None,
    velocity: npt.ArrayLike | None = None,
    acceleration: npt.ArrayLike | None = None,
    jerk: npt.ArrayLike | None = None,
    film: bool = False,
    provider: str | None = None,
    precision: str | None = None,
    threads: int = 0,
    ort_lib: str | PathLike[str] | None = None,
    **sampling: Unpack[_Sampling],
) -> tuple[str, str, list[str]]:
    """What `parapolicy.evaluate` calls: the report as JSON, its table, and the names of the files."""

def merge(reports: list[Any], *, out: str | PathLike[str], only: list[str]) -> tuple[str, str, list[str]]:
    """What `parapolicy.merge` calls."""

def write_dataset(
    folder: str | PathLike[str],
    episodes: list[tuple[int | None, list[tuple[str, Any]]]],
    *,
    robot: str,
    task: str,
    fps: int,
) -> int:
    """What `parapolicy.Recorder` calls: each episode has its seed, and an array ``[frames, ...]`` a feature."""
