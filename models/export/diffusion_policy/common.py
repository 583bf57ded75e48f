"""Shape, schedule and normalisation, which all of the policies have."""

from torch import Tensor

from export import scheduler as schedulers
from export.diffusion_policy import payload
from export.fields import Fields
from export.kinds import Part, parted
from export.policy import Drawn, Entry, ExportError, Shape, finite, min_max
from export.weights import under

# Fields of the policies, and their defaults where they are absent.
DEFAULTS = {"num_inference_steps": None, "pred_action_steps_only": False}
# What an arm of robomimic does with absolute actions, as the project turns them for training (`_convert_actions`).
ARM = (("position", "position", 3), ("rotation", "rotation_6d", 6), ("gripper", "gripper", 1))
ARM_NUMBERS = sum(length for _, _, length in ARM)
SHARED = {"_target_", "noise_scheduler", "horizon", "n_action_steps", "n_obs_steps", *DEFAULTS}


def shape(fields: Fields) -> Shape:
    if fields.flag("pred_action_steps_only"):
        raise fields.refuse("pred_action_steps_only", "is True: a plan must begin at the oldest observation")
    return Shape(*(fields.count(name) for name in ("n_obs_steps", "horizon", "n_action_steps")))


def scheduler(fields: Fields) -> dict:
    """That of the policy's configuration."""
    arguments = fields.under("noise_scheduler")
    kind = payload.target(arguments, *schedulers.SOLVERS)
    values = {name: value for name, value in arguments.values.items() if name != "_target_"}
    return schedulers.described(Fields(arguments.where, values), kind)


def drawn(fields: Fields) -> Drawn:
    """How the project samples from it."""
    kind, most = payload.target(fields.under("noise_scheduler"), *schedulers.SOLVERS), trained_steps(fields)
    steps = most if fields.get("num_inference_steps") is None else fields.count("num_inference_steps", most)
    return Drawn(schedulers.SOLVERS[kind], steps)


def trained_steps(fields: Fields) -> int:
    return scheduler(fields)["num_train_timesteps"]


def notes(cfg: Fields, fields: Fields) -> tuple[str, ...]:
    """What a user must know of actions and steps, which a manifest has no field for."""
    found = []
    if of_task(cfg, "abs_action") is True:
        found.append(
            "task.abs_action is True: actions are as the policy was trained on them, rotations in six numbers; turn "
            "them into the robot's own before they are executed"
        )
    steps = drawn(fields)
    if steps.solver == "ddpm" and steps.steps != trained_steps(fields):
        found.append(
            f"diffusers 0.11, which Diffusion Policy pins, takes each of these {steps.steps} steps as if there were "
            f"{trained_steps(fields)}; here, as in diffusers of today, they span all of the noise"
        )
    return tuple(found)


def of_task(cfg: Fields, name: str) -> object:
    """A field of the task or of its dataset; none where neither has it."""
    task = cfg.values.get("task")
    parts = [task, task.get("dataset")] if isinstance(task, dict) else []
    return next((part[name] for part in parts if isinstance(part, dict) and name in part), None)


def actions(cfg: Fields, action: Entry) -> list[Entry]:
    """An action, or where robomimic's are absolute what each of one or two arms does: its position, its rotation in six
    numbers, and its gripper."""
    arms = {ARM_NUMBERS: [""], 2 * ARM_NUMBERS: ["robot0_", "robot1_"]}.get(action.length)
    turned = of_task(cfg, "rotation_rep") in (None, "rotation_6d")
    if of_task(cfg, "abs_action") is not True or not turned or arms is None:
        return [action]
    parts, first = [], 0
    for name, kind, length in ((f"{arm}{name}", kind, length) for arm in arms for name, kind, length in ARM):
        parts.append(Part(name, kind, first, first + length))
        first += length
    return parted([action], parts)


def affine(where: str, name: str, length: int, weights: dict[str, Tensor]) -> tuple[list[float], list[float]]:
    """Scale and offset of `scale * x + offset`, a number of each per component. A single number is for all of them."""
    found = under(f"normalizer.params_dict.{name}.", weights)
    missing = [statistic for statistic in ("scale", "offset") if statistic not in found]
    if missing:
        raise ExportError(f"{where}: normalizer.params_dict.{name}.{missing[0]} is missing: no statistics of {name}")
    scale, offset = (found[statistic].double().flatten().tolist() for statistic in ("scale", "offset"))
    if len(scale) == 1:
        scale, offset = scale * length, offset * length
    if not len(scale) == len(offset) == length:
        raise ExportError(f"{where}: normalizer.params_dict.{name} has {len(scale)} numbers, not {length}")
    if not all(s > 0 for s in finite(f"{where}: scale of {name}", scale)):
        raise ExportError(f"{where}: scale of {name} must be positive")
    return scale, finite(f"{where}: offset of {name}", offset)


def normalization(where: str, name: str, length: int, weights: dict[str, Tensor]) -> dict:
    """The same, as the range that becomes -1..1."""
    scale, offset = affine(where, name, length, weights)
    low, high = ([(bound - o) / s for s, o in zip(scale, offset, strict=True)] for bound in (-1, 1))
    return min_max(finite(f"{where}: range of {name}", low), finite(f"{where}: range of {name}", high))


def lowdim(cfg: Fields, fields: Fields, weights: dict[str, Tensor]) -> tuple[list[Entry], list[Entry]]:
    """Observations and actions of a policy that sees numbers; PushT's by the names that its simulator has for them."""
    seen, done = fields.count("obs_dim"), fields.count("action_dim")
    where = str(fields.where)
    ranges = normalization(where, "obs", seen, weights)
    done_ranges = normalization(where, "action", done, weights)
    task = cfg.values.get("task")
    named = task.get("name") if isinstance(task, dict) else None
    if named == "pusht_lowdim" and (seen, done) == (20, 2):
        keypoints, agent = (min_max(ranges["min"][part], ranges["max"][part]) for part in (slice(18), slice(18, 20)))
        return [Entry("keypoints", (9, 2), keypoints), Entry("agent", (2,), agent)], [
            Entry("target", (2,), done_ranges, "px")
        ]
    return [Entry("obs", (seen,), ranges)], actions(cfg, Entry("action", (done,), done_ranges))


def name(cfg: Fields) -> str:
    """The name that the run had."""
    return str(cfg.values.get("name") or "diffusion-policy")
