"""A policy's directory: whole, or as it was."""

import json
from pathlib import Path

from export import graph_file
from export.policy import GRAPH, MANIFEST, ExportError, Policy

TOLERANCE = 1e-4


def write(policy: Policy, out: Path) -> float:
    """Writes graph and manifest into `out`, once ONNX Runtime and PyTorch agree on random inputs; returns the largest
    disagreement that was measured, `TOLERANCE` at most."""
    shape = policy.shape
    network = graph_file.denoiser(
        policy.denoiser,
        sample=(shape.horizon, policy.action_dim),
        observation=(shape.n_obs_steps, policy.observation_dim),
        timesteps=policy.scheduler["num_train_timesteps"],
    )
    out.mkdir(parents=True, exist_ok=True)
    graph, manifest = parts = [out / f"{name}.part" for name in (GRAPH, MANIFEST)]
    try:
        graph_file.write(network, graph)
        worst = graph_file.disagreement(network, graph)
        if not worst <= TOLERANCE:
            raise ExportError(f"ONNX Runtime and PyTorch differ by {worst:.1e}, over {TOLERANCE:.0e}: nothing written")
        manifest.write_text(json.dumps(policy.manifest(graph), indent=2) + "\n")
        for part in parts:
            part.replace(part.with_suffix(""))
        return worst
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
