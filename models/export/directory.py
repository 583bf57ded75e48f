"""Writes a policy's directory completely, or leaves it unchanged."""

import json
from pathlib import Path

from export import graph_file
from export.graph_file import Network
from export.policy import MANIFEST, ExportError, Policy
from export.progress import Progress, silent

TOLERANCE = 1e-4


def write(policy: Policy, out: Path, progress: Progress = silent) -> float:
    """Writes graphs and manifest into `out`, once ONNX Runtime and PyTorch agree on random inputs; returns the largest
    disagreement that was measured, `TOLERANCE` at most. The policy's networks have no weights afterwards."""
    out.mkdir(parents=True, exist_ok=True)
    networks = policy.networks()
    graphs = {name: out / f"{name}.part" for name in networks}
    manifest = out / f"{MANIFEST}.part"
    try:
        worst = max(written(network, graphs[name], progress) for name, network in networks.items())
        manifest.write_text(json.dumps(policy.manifest(graphs), indent=2) + "\n")
        for part in (*graphs.values(), manifest):
            part.replace(part.with_suffix(""))
        return worst
    finally:
        for part in (*graphs.values(), manifest):
            part.unlink(missing_ok=True)


def written(network: Network, path: Path, progress: Progress = silent) -> float:
    """Writes a graph; how far ONNX Runtime and PyTorch differ."""
    graph_file.write(network, path, progress)
    worst = graph_file.disagreement(network, path, progress)
    if not worst <= TOLERANCE:
        raise ExportError(f"ONNX Runtime and PyTorch differ by {worst:.1e}, over {TOLERANCE:.0e}: nothing written")
    return worst
