"""How far samplers end from `sequential`, network by network: `python -m training.deviations PROGRAM ZOO [NAME ...]`.

PROGRAM is `parapolicy`, ZOO the folder that `python -m training.zoo` wrote; the folder of another policy may be named
beside those listed, to be measured at 100 steps. Prints a table in Markdown, the rows of a
network as soon as they are measured; deviations are the largest of a sample, in normalised units.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

MODELS = Path(__file__).parent.parent
POLICIES = ("picard", "auto")
# `auto` chooses by a calibration, which denoisers that are no policies do not have.
DENOISERS = ("picard", "anderson")
HUNDRED = ["--solver", "ddpm,ddim", "--steps", "100"]
COLUMNS = "network | solver | sampler | rounds | rows | deviation p50 | p90 | max | outside | estimated p50 | max"


def networks(zoo: Path) -> dict[str, tuple[Path, tuple[str, ...], list[str]]]:
    """The folder of each, its samplers, and how samples are drawn."""
    hundred, thousand = HUNDRED, ["--solver", "ddpm", "--steps", "1000"]
    few = ["--solver", "ddim,dpmsolver++", "--steps", "10"]
    return {
        "pusht": (MODELS / "pusht", POLICIES, hundred),
        "pusht, few steps": (MODELS / "pusht", POLICIES, few),
        "pusht-image": (MODELS / "pusht-image", POLICIES, hundred),
        "arm": (MODELS / "arm", POLICIES, hundred),
        "digits": (MODELS / "digits", DENOISERS, thousand),
        "closed-form": (zoo / "closed-form", DENOISERS, thousand),
        "closed-form-flow": (zoo / "closed-form-flow", DENOISERS, ["--solver", "euler,midpoint", "--steps", "10"]),
        "wide-4": (zoo / "wide-4", POLICIES, hundred),
        "wide-8": (zoo / "wide-8", POLICIES, hundred),
        "random": (zoo / "random", POLICIES, hundred),
        "dit": (zoo / "dit", POLICIES, hundred),
    }


def rows(program: str, name: str, folder: Path, samplers: tuple[str, ...], how: list[str], count: int) -> list[str]:
    command = [program, "bench", "--model", str(folder), "--observations", str(count), "--json", *how]
    told = subprocess.run([*command, "--sampler", ",".join(samplers)], stdout=subprocess.PIPE, text=True)
    if told.returncode:
        return [f"| {name} | `bench` failed |"]
    measured = [row for row in json.loads(told.stdout)["rows"] if row.get("sampler") != "sequential"]
    return [f"| {name} | {described(row)} |" for row in measured]


def described(row: dict) -> str:
    sampler = row["sampler"] + (f", window {row['window']}" if row.get("window") else "")
    if "deviation" not in row:
        return f"{row['solver']}-{row['steps']} | {sampler} | refused"
    off, estimated = row["deviation"], row.get("estimated")
    figures = [f"{row['rounds_mean']:.1f}", f"{row['evaluations_mean']:.0f}"]
    figures += [f"{off[name]:.4f}" for name in ("p50", "p90", "max")] + [f"{100 * row['outside_tolerance']:.1f} %"]
    figures += [f"{estimated[name]:.3f}" if estimated else "" for name in ("p50", "max")]
    return " | ".join([f"{row['solver']}-{row['steps']}", sampler, *figures])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.deviations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("program")
    parser.add_argument("zoo", type=Path)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="networks, or folders of others; all listed without it"
    )
    parser.add_argument("--samples", type=int, default=100, help="samples of each (100)")
    args = parser.parse_args()
    others = {name: (Path(name), POLICIES, HUNDRED) for name in args.names if Path(name).is_dir()}
    known = others | networks(args.zoo)
    if unknown := set(args.names) - known.keys():
        sys.exit(f"deviations: {', '.join(sorted(unknown))}: not among {', '.join(known)}")
    print(f"| {COLUMNS} |\n|{'---|' * (COLUMNS.count('|') + 1)}", flush=True)
    for name, (folder, samplers, how) in known.items():
        if not args.names or name in args.names:
            print("\n".join(rows(args.program, Path(name).name, folder, samplers, how, args.samples)), flush=True)


if __name__ == "__main__":
    main()
