"""Feeds mutants of checkpoints to the exporters, or of their files to what reads these alone: each must be read, or
refused in one line.

`python -m export.tests.mutants checkpoints|files SEEDS COUNT FIRST`, in a process of its own, as it limits its memory.
SEEDS holds `lerobot/`, `latest.ckpt` and `policy-1.pt`, one of each kind, small. A mutant is its number: the same one
again.
"""

import json
import resource
import shutil
import signal
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch

from export import diffusion_policy, lerobot, reading, trained
from export.errors import LONGEST, ExportError
from export.pickles import load

# What reading may take beyond what the process has before: the largest seed has under a megabyte.
MEMORY, SECONDS = 512 << 20, 20
VALUES = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 1 << 20, 1 << 31, 1 << 62, 10**30, 0.0, -0.5, 1e-30, 1e300, float("nan")),
    *("", "linear", "sample", "MIN_MAX", "\x1b[31m", "../../etc/passwd"),
    *([], {}, [1], [1 << 20] * 3, [[[]]], {"type": "STATE"}),
)
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


def of_bytes(content: bytes, random: Random) -> bytes:
    """The bytes, some of them others, fewer or more."""
    mutant = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at = random.randrange(len(mutant) + 1)
        match random.randrange(6):
            case 0:
                mutant[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                mutant[at : at + 8] = struct.pack("<Q", random.choice(NUMBERS))
            case 2:
                mutant[at : at + 4] = struct.pack("<I", random.choice(NUMBERS) & 0xFFFFFFFF)
            case 3:
                del mutant[at : at + random.randrange(1, 64)]
            case 4:
                start = random.randrange(len(mutant) + 1)
                mutant[at:at] = mutant[start : start + random.randrange(1, 64)]
            case 5:
                mutant[at:] = b"" if random.random() < 0.2 else mutant[at:]
    return bytes(mutant)


def of_tree(value: object, random: Random) -> object:
    """The value, one of its parts another, missing, or under another name."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.15:
        return random.choice(VALUES)
    if isinstance(value, list):
        at = random.randrange(len(value))
        return [of_tree(part, random) if at == index else part for index, part in enumerate(value)]
    name = random.choice(list(value))
    match random.randrange(8):
        case 0:
            return {other: part for other, part in value.items() if other != name}
        case 1:
            return {(f"{other}\x1b]0;x\x07" if other == name else other): part for other, part in value.items()}
        case _:
            return value | {name: of_tree(value[name], random)}


def of_json(content: bytes, random: Random) -> bytes:
    if random.random() < 0.2:
        return of_bytes(content, random)
    return json.dumps(of_tree(json.loads(content), random)).encode()


def of_safetensors(content: bytes, random: Random) -> bytes:
    if random.random() < 0.3:
        return of_bytes(content, random)
    (length,) = struct.unpack("<Q", content[:8])
    header = of_json(content[8 : 8 + length], random)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def of_archive(path: Path, mutant: Path, random: Random) -> None:
    """A mutant of the bytes, of a member, which then has its right checksum, or of the configuration."""
    match random.randrange(4):
        case 0:
            mutant.write_bytes(of_bytes(path.read_bytes(), random))
        case 1:
            payload = load(path)
            names = [name for name in payload if name not in ("weights", "state_dicts")]
            name = random.choice(names)
            torch.save(payload | {name: of_tree(payload[name], random)}, mutant)
        case _:
            with zipfile.ZipFile(path) as archive, zipfile.ZipFile(mutant, "w") as other:
                for member in archive.infolist():
                    content = archive.read(member)
                    if member.filename.endswith("data.pkl"):
                        content = of_bytes(content, random)
                    other.writestr(member.filename, content)


def of_folder(path: Path, mutant: Path, random: Random) -> None:
    """A mutant of one of LeRobot's files."""
    shutil.copytree(path, mutant)
    file = random.choice(sorted(mutant.iterdir()))
    change = of_safetensors if file.suffix == ".safetensors" else of_json
    file.write_bytes(change(file.read_bytes(), random))


def of_file(change: Callable[[bytes, Random], bytes]) -> Callable[[Path, Path, Random], None]:
    """A mutant of a file by its content."""

    def write(path: Path, mutant: Path, random: Random) -> None:
        mutant.write_bytes(change(path.read_bytes(), random))

    return write


Kinds = dict[str, tuple[Callable, Callable]]
PARTS: dict[str, Kinds] = {
    "checkpoints": {
        "lerobot": (lerobot.load, of_folder),
        "latest.ckpt": (diffusion_policy.load, of_archive),
        "policy-1.pt": (trained.load, of_archive),
    },
    "files": {
        "latest.ckpt": (load, of_archive),
        "policy-1.pt": (load, of_archive),
        "lerobot/model.safetensors": (reading.read_tensors, of_file(of_safetensors)),
        "lerobot/config.json": (reading.read_json, of_file(of_json)),
    },
}


def tried(kinds: Kinds, seeds: Path, number: int) -> bool:
    """Whether a mutant could be read; one that is refused says so in one line."""
    random = Random(number)
    name = random.choice(sorted(kinds))
    read, mutate = kinds[name]
    with tempfile.TemporaryDirectory() as folder:
        mutant = Path(folder) / Path(name).name
        mutate(seeds / name, mutant, random)
        signal.alarm(SECONDS)
        try:
            read(mutant)
            return True
        except ExportError as error:
            said = str(error)
            assert said.isprintable() and len(said) < 2 * LONGEST, said
            return False
        finally:
            signal.alarm(0)


def late(*_: object) -> None:
    raise TimeoutError(f"took over {SECONDS} s")


def main() -> None:
    signal.signal(signal.SIGALRM, late)
    kinds, seeds, count, first = PARTS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(1)
    for name, (read, _) in kinds.items():
        read(seeds / name)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    whole = 0
    for number in range(first, first + count):
        try:
            whole += tried(kinds, seeds, number)
        except BaseException as error:
            raise SystemExit(f"mutant {number}: {type(error).__name__}: {error}") from error
    print(f"{count} mutants: {whole} read, {count - whole} refused")


if __name__ == "__main__":
    main()
