"""Checkpoints of LeRobot, exported when they are first used."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = ("*.json", "*.safetensors")


def exported(checkpoint: Path) -> Path:
    """The folder that a checkpoint was exported to; it is exported now if it was not.

    Raises FileNotFoundError where there is no checkpoint, and ValueError with what the exporter says of one that it
    refuses.
    """
    files = sorted(file for pattern in FILES for file in checkpoint.glob(pattern))
    if not files:
        raise FileNotFoundError(
            f"{checkpoint}: no config.json and model.safetensors of LeRobot, nor policy.json, is there"
        )
    folder = cache() / name_of(files)
    if (folder / "policy.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
        out = Path(aside) / checkpoint.resolve().name
        export(checkpoint, out)
        try:
            out.rename(folder)
        except OSError:
            # Another process was as quick.
            if not (folder / "policy.json").is_file():
                shutil.rmtree(folder, ignore_errors=True)
                out.rename(folder)
    return folder


def export(checkpoint: Path, out: Path) -> None:
    """Runs ``python -m export``, whose modules have names of their own."""
    environment = dict(os.environ, PYTHONPATH=str(exporter()))
    command = [sys.executable, "-m", "export", "lerobot", str(checkpoint.resolve()), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ValueError(said[-1] if said else f"{checkpoint}: cannot be exported")


def exporter() -> Path:
    """The folder that holds the exporter: in the package, or, where that is linked to its source, in the source."""
    here = Path(__file__).resolve()
    places = [here.parent / "exporter", *(parent / "models" for parent in here.parents)]
    for place in places:
        if (place / "export" / "__main__.py").is_file():
            return place
    raise FileNotFoundError("the exporter is not installed: give --policy.folder, made by `python -m export lerobot`")


def name_of(files: list[Path]) -> str:
    """A name that is the checkpoint's alone: the sum of its files."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.name.encode())
        with file.open("rb") as opened:
            total.update(hashlib.file_digest(opened, "sha256").digest())
    return total.hexdigest()[:24]


def cache() -> Path:
    """``PARAPOLICY_CACHE``, or where Parapolicy keeps what can be made again."""
    named = os.environ.get("PARAPOLICY_CACHE")
    root = os.environ.get("XDG_CACHE_HOME")
    folder = Path(named) if named else (Path(root) if root else Path.home() / ".cache") / "parapolicy"
    return folder / "lerobot"
