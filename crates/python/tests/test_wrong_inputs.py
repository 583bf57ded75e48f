"""A thousand wrong inputs: each is told in a line or two that name the field."""

import random

import numpy as np
import pytest

import parapolicy
from conftest import MODEL

NOT_NUMBERS = ["text", [], {}, object(), b"1", 1j]
NOT_COUNTS = [*NOT_NUMBERS, -1, 1.5, 2**70]
NOT_AMOUNTS = [*NOT_NUMBERS, -1.0, float("nan"), float("inf"), -float("inf")]
NOT_TEXTS = [3, 1.5, [], {}, b"ddim", object()]
NOT_PATHS = [3, 1.5, [], object()]


def not_shaped(*shape):
    """Arrays of other shapes, of no numbers, or with what is not finite."""
    spoiled = np.zeros(shape)
    spoiled[(0,) * len(shape)] = np.nan
    wrong = [np.zeros((*shape[:-1], shape[-1] + 1)), np.zeros(shape)[..., None], np.zeros(shape)[:-1], spoiled]
    return [*wrong, np.zeros(()), "text", [["a"]], object()]


SAMPLING = {
    "sampler": [*NOT_TEXTS, "magic", "", "Picard"],
    "solver": [*NOT_TEXTS, "magic", "ddim:x", "ddim:-1", "euler:2"],
    "steps": [*NOT_COUNTS, 0, 10**6],
    "window": [*NOT_COUNTS],
    "tolerance": NOT_AMOUNTS,
    "within": [*NOT_TEXTS, "far", "1 furlong", "-1px", "nan"],
    "deadline": [*NOT_AMOUNTS, 0.0],
    "rounds": [*NOT_COUNTS, 0],
    "keep_on_failure": ["text", [], 3],
    "tuned": [*NOT_TEXTS, "soon", "-1ms"],
}
SAMPLE = SAMPLING | {
    "observation": not_shaped(2, 20),
    "seed": NOT_COUNTS,
    "initial_noise": not_shaped(16, 2),
    "step_noise": not_shaped(4, 16, 2),
    "magic": [1],
}
CONTROLLER = SAMPLING | {
    "initial": [[0.0], [0.0] * 3, [0.0, float("nan")], [0.0, float("inf")], "text", 3, object(), []],
    "period": [*NOT_AMOUNTS, 0.0],
    "seed": NOT_COUNTS,
    "replan_every": [*NOT_COUNTS, 0],
    "replan_below": [*NOT_COUNTS, 0],
    "ensemble": NOT_AMOUNTS,
    "late": [*NOT_TEXTS, "magic"],
    "max_age": [*NOT_AMOUNTS, 0.0],
    "min": [[0.0], [0.0] * 3, [float("nan")] * 2, "text", 3, [600.0] * 2],
    "max": [[0.0], [0.0] * 3, [float("nan")] * 2, "text", 3, [-1.0] * 2],
    "max_change": [[0.0], [0.0] * 3, [float("nan")] * 2, [-1.0] * 2, "text", 3],
    "safe": [[0.0], [0.0] * 3, [0.0, float("nan")], "text", 3],
    "watchdog": [*NOT_AMOUNTS, 0.0],
    "log": NOT_PATHS,
    "threads": NOT_COUNTS,
    "precision": [*NOT_TEXTS, "f8"],
    "provider": [*NOT_TEXTS, "magic"],
    "devices": ["text", 3, [-1], [7], [1.5]],
    "ort_lib": NOT_PATHS,
    "magic": [1],
}
# What a message calls a field that is not called so in Python.
ALSO = {
    "sampler": ("strategy",),
    "solver": ("eta",),
    "min": ("limits",),
    "max": ("limits",),
    "ensemble": ("decay",),
    "ort_lib": ("library",),
}


def cases(fields, count, seed):
    """So many fields with one of their wrong values each, every field among them."""
    generator = random.Random(seed)
    names = list(fields)
    for index in range(count):
        name = names[index % len(names)]
        yield name, generator.choice(fields[name])


def refused(call, name, value):
    with pytest.raises((ValueError, TypeError, OverflowError, OSError)) as told:
        call()
    # What the call itself cannot read is named in a note, which Python prints below the message.
    message = " ".join([str(told.value), *getattr(told.value, "__notes__", [])])
    words = (name, name.replace("_", " "), *ALSO.get(name, ()))
    assert message.count("\n") <= 1 and any(word in message for word in words), f"{name}={value!r}: {message}"


def test_wrong_inputs_of_plans_are_named(policy):
    right = {"observation": np.full((2, 20), 256.0), "solver": "ddpm", "steps": 4, "sampler": "picard"}
    for name, value in cases(SAMPLE, 500, seed=1):
        given = dict(right)
        for other in {"within": ["tolerance"], "tuned": ["solver", "steps", "sampler"]}.get(name, []):
            given.pop(other, None)
        given[name] = value
        observation = given.pop("observation")
        refused(lambda observation=observation, given=given: policy.sample(observation, **given), name, value)


def test_wrong_inputs_of_controllers_are_named():
    right = {"initial": [256.0, 256.0], "solver": "ddim", "steps": 2, "sampler": "picard", "threads": 1}
    for name, value in cases(CONTROLLER, 500, seed=2):
        given = dict(right)
        if name == "tuned":
            given = {"initial": right["initial"]}
        given[name] = value
        refused(lambda given=given: parapolicy.Controller(MODEL, **given), name, value)
