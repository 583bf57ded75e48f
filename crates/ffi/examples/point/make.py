"""Writes the policy of the examples: a point in the plane that is led to a target.

    python make.py

needs onnx and numpy. It sees where the point and its target are and plans velocities. Left alone, a point whose velocity
is GAIN times its distance to the target comes closer by the factor 1 - GAIN PERIOD in every period, so the plan is

    velocity_i = GAIN (1 - GAIN PERIOD)^i (target - position),

and the denoiser all but knows it: x0 = (1 - DOUBT) velocity + DOUBT sample, whose only fixed point it is. Positions and
velocities of up to 1 are in the network's units already.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

HERE = Path(__file__).parent
HORIZON, N_ACTION_STEPS, OBSERVATION_DIM, ACTION_DIM = 8, 4, 4, 2
GAIN, PERIOD, DOUBT = 2.0, 0.05, 0.1


def weights() -> np.ndarray:
    """[observation, horizon x action]"""
    plan = np.zeros((OBSERVATION_DIM, HORIZON, ACTION_DIM), dtype=np.float32)
    for step in range(HORIZON):
        velocity = GAIN * (1 - GAIN * PERIOD) ** step
        for axis in range(ACTION_DIM):
            plan[axis, step, axis] = -velocity
            plan[ACTION_DIM + axis, step, axis] = velocity
    return plan.reshape(OBSERVATION_DIM, HORIZON * ACTION_DIM)


def graph():
    value = helper.make_tensor_value_info
    inputs = [
        value("sample", TensorProto.FLOAT, ["batch", HORIZON, ACTION_DIM]),
        value("timestep", TensorProto.INT64, ["batch"]),
        value("observation", TensorProto.FLOAT, ["batch", 1, OBSERVATION_DIM]),
    ]
    outputs = [value("prediction", TensorProto.FLOAT, ["batch", HORIZON, ACTION_DIM])]
    nodes = [
        helper.make_node("Reshape", ["observation", "flat"], ["seen"]),
        helper.make_node("MatMul", ["seen", "weights"], ["planned"]),
        helper.make_node("Reshape", ["planned", "plan"], ["known"]),
        helper.make_node("Mul", ["sample", "doubt"], ["doubted"]),
        helper.make_node("Add", ["known", "doubted"], ["prediction"]),
    ]
    constants = [
        numpy_helper.from_array((1 - DOUBT) * weights(), "weights"),
        numpy_helper.from_array(np.array([-1, OBSERVATION_DIM]), "flat"),
        numpy_helper.from_array(np.array([-1, HORIZON, ACTION_DIM]), "plan"),
        numpy_helper.from_array(np.float32(DOUBT), "doubt"),
    ]
    return helper.make_graph(nodes, "point", inputs, outputs, constants)


def entry(name: str) -> dict:
    return {"name": name, "shape": [2], "normalization": {"mode": "min_max", "min": [-1.0] * 2, "max": [1.0] * 2}}


if __name__ == "__main__":
    model = helper.make_model(graph(), opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    file = HERE / "denoiser.onnx"
    save(model, file)
    manifest = {
        "schema_version": 1,
        "name": "point",
        "n_obs_steps": 1,
        "horizon": HORIZON,
        "n_action_steps": N_ACTION_STEPS,
        "observations": [entry("position"), entry("target")],
        "actions": [entry("velocity")],
        "scheduler": {
            "num_train_timesteps": 100,
            "beta_schedule": "squaredcos_cap_v2",
            "prediction_type": "sample",
            "clip_sample": True,
        },
        "denoiser": {
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "sample": "sample",
            "timestep": "timestep",
            "observation": "observation",
            "prediction": "prediction",
        },
    }
    (HERE / "policy.json").write_text(json.dumps(manifest, indent=2) + "\n")
