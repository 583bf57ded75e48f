"""The command line: `python -m export SOURCE FROM OUT`."""

import argparse
import sys
from pathlib import Path

from export import diffusion_policy, directory, lerobot, trained
from export.policy import ExportError

SOURCES = {
    "training": (trained.load, "policy-EPOCH.pt, written by `python -m training.train`"),
    "lerobot": (lerobot.load, "folder of a LeRobot DiffusionPolicy: config.json, model.safetensors, statistics"),
    "diffusion-policy": (diffusion_policy.load, ".ckpt, written by the Diffusion Policy project"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export", description="Export a trained policy for the runner.")
    sources = parser.add_subparsers(dest="source", required=True)
    for name, (_, what) in SOURCES.items():
        source = sources.add_parser(name, help=what)
        source.add_argument("trained", type=Path, help=what)
        source.add_argument("out", type=Path, help="folder for the graphs and policy.json")
    sources.choices["diffusion-policy"].add_argument(
        "--unsafe-pickle", action="store_true", help="let the checkpoint execute whatever code it refers to"
    )
    args = vars(parser.parse_args())
    load, _ = SOURCES[args["source"]]
    options = {"trusted": True} if args.get("unsafe_pickle") else {}
    try:
        policy = load(args["trained"], **options)
        worst = directory.write(policy, args["out"])
    except (ExportError, OSError) as error:
        sys.exit(f"export: {error}")
    print(f"wrote {args['out']}; ONNX Runtime and PyTorch agree to {worst:.1e}")
    if policy.drawn:
        print(f"where it comes from it is drawn with --solver {policy.drawn.solver} --steps {policy.drawn.steps}")


if __name__ == "__main__":
    main()
