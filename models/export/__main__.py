"""The command line: `python -m export SOURCE FROM OUT`."""

import argparse
import sys
from pathlib import Path

from export import directory, lerobot, trained
from export.policy import ExportError

SOURCES = {
    "training": (trained.load, "policy-EPOCH.pt, written by `python -m training.train`"),
    "lerobot": (lerobot.load, "folder of a LeRobot DiffusionPolicy: config.json, model.safetensors, statistics"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export", description="Export a trained policy for the runner.")
    sources = parser.add_subparsers(dest="source", required=True)
    for name, (_, what) in SOURCES.items():
        source = sources.add_parser(name, help=what)
        source.add_argument("trained", type=Path, help=what)
        source.add_argument("out", type=Path, help="folder for the graphs and policy.json")
    args = parser.parse_args()
    load, _ = SOURCES[args.source]
    try:
        policy = load(args.trained)
        worst = directory.write(policy, args.out)
    except (ExportError, OSError) as error:
        sys.exit(f"export: {error}")
    print(f"wrote {args.out}; ONNX Runtime and PyTorch agree to {worst:.1e}")
    if policy.drawn:
        print(f"where it comes from it is drawn with --solver {policy.drawn.solver} --steps {policy.drawn.steps}")


if __name__ == "__main__":
    main()
