"""The command line: `python -m export SOURCE FROM OUT`."""

import argparse
import sys
from pathlib import Path

from export import diffusion_policy, directory, kinds, lerobot, trained
from export.errors import ExportError, one_line
from export.policy import Policy
from export.progress import shown

SOURCES = {
    "training": (trained.load, "policy-EPOCH.pt, written by `python -m training.train`"),
    "lerobot": (
        lerobot.load,
        "folder of a LeRobot DiffusionPolicy or MultiTaskDiTPolicy: config.json, model.safetensors, statistics",
    ),
    "diffusion-policy": (diffusion_policy.load, ".ckpt, written by the Diffusion Policy project"),
}
# The exit status of what is refused; 1 is Python's own for what is not foreseen.
REFUSED = 2


def main() -> None:
    args = vars(arguments().parse_args())
    load, _ = SOURCES[args["source"]]
    named = {"unsafe_pickle": "trusted", "antialias": "antialias", "task": "tasks"}
    options = {named[name]: value for name, value in args.items() if name in named}
    try:
        policy = kinds.stated(load(args["trained"], **options), args["kind"])
        worst = directory.write(policy, args["out"], shown())
    except (ExportError, OSError) as error:
        refuse(str(error))
    except MemoryError:
        refuse(f"{args['trained']}: there is not enough memory for it")
    say(f"wrote {args['out']}; ONNX Runtime and PyTorch agree to {worst:.1e}")
    tell(policy)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m export", description="Export a trained policy for the runner.")
    sources = parser.add_subparsers(dest="source", required=True)
    for name, (_, what) in SOURCES.items():
        source = sources.add_parser(name, help=what)
        source.add_argument("trained", type=Path, help=what)
        source.add_argument("out", type=Path, help="folder for the graphs and policy.json")
        source.add_argument(
            "--kind",
            action="append",
            default=[],
            metavar="NAME=KIND[:FROM..TO]",
            help=f"what an entry of the actions is, or the numbers from FROM to before TO, which become an entry of "
            f"this name: {', '.join(kinds.KINDS)}; once for each",
        )
    sources.choices["lerobot"].add_argument(
        "--task",
        action="append",
        default=[],
        metavar="NAME=INSTRUCTION",
        help="a task for a policy that is told its task in words, and the name to choose it by; once for each",
    )
    projects = sources.choices["diffusion-policy"]
    projects.add_argument(
        "--unsafe-pickle", action="store_true", help="let the checkpoint execute whatever code it refers to"
    )
    projects.add_argument(
        "--antialias",
        action=argparse.BooleanOptionalAction,
        help="whether training filtered images against aliasing when it shrank them: torchvision does so since 0.17",
    )
    return parser


def tell(policy: Policy) -> None:
    """What the manifest does not say."""
    if policy.drawn:
        say(f"where it comes from it is drawn with --solver {policy.drawn.solver} --steps {policy.drawn.steps}")
    for note in policy.notes:
        say(f"note: {note}")


def say(text: str) -> None:
    print(one_line(text))


def refuse(text: str) -> None:
    """Ends with one line."""
    print(f"export: {one_line(text)}", file=sys.stderr)
    sys.exit(REFUSED)


if __name__ == "__main__":
    main()
