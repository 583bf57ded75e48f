"""Shards of a run over Ray: `python over_ray.py --shards 40 --out all -- parapolicy run …`.

The command is anything that takes `--shard K/N`, `--out FOLDER` and `--only report.json`. Each shard is a task of Ray;
its report comes back as text, so machines need share no folder. A worker that dies is Ray's to tell of, and its shard
is run again."""

import argparse
import ctypes
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import ray

# How often a shard is tried, and how much longer than the others one may take before it is started a second time.
TRIES, STRAGGLES = 3, 2.0


def dies_with_its_worker() -> None:
    """Asks Linux to end a command whose worker is killed (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def play(command: list[str], shard: int, shards: int) -> str:
    """The report of one shard, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--shard", f"{shard}/{shards}", "--out", folder, "--only", "report.json"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, preexec_fn=dies_with_its_worker)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise RuntimeError(f"shard {shard}/{shards}: exit code {done.returncode}: {said[-1] if said else ''}")
        return (Path(folder) / "report.json").read_text(encoding="utf-8")


@dataclass
class Run:
    """Shards at work: what is to be started, and what goes on."""

    command: list[str]
    shards: int
    folder: Path
    cpus: float
    waiting: list[int] = field(default_factory=list)
    tries: dict[int, int] = field(default_factory=dict)
    # Which shard a task is, and when it was started.
    tasks: dict["ray.ObjectRef", tuple[int, float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def report(self, shard: int) -> Path:
        return self.folder / f"{shard}.json"

    def start(self, shard: int) -> None:
        # Tries are counted here, so that they are the same whether a worker or a command fails.
        task = ray.remote(num_cpus=self.cpus, max_retries=0)(play).remote(self.command, shard, self.shards)
        self.tasks[task] = (shard, time.monotonic())

    def room(self) -> int:
        return max(int(ray.cluster_resources().get("CPU", 1) / self.cpus), 1) - len(self.tasks)

    def play(self) -> None:
        """Plays every shard that is not over yet."""
        self.waiting = [shard for shard in range(1, self.shards + 1) if not self.report(shard).exists()]
        while self.waiting or self.tasks:
            while self.waiting and self.room() > 0:
                self.start(self.waiting.pop(0))
            if not self.waiting:
                self.start_stragglers()
            done, _ = ray.wait(list(self.tasks), timeout=1.0)
            for task in done:
                self.take(task)

    def take(self, task: "ray.ObjectRef") -> None:
        shard, began = self.tasks.pop(task, (None, 0.0))
        if shard is None:
            return
        try:
            text = ray.get(task)
        except (ray.exceptions.RayError, RuntimeError) as error:
            self.failed(shard, error)
            return
        self.seconds.append(time.monotonic() - began)
        part = self.report(shard).with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.report(shard))
        print(f"shard {shard}/{self.shards}: {self.seconds[-1]:.1f} s", flush=True)
        # Its twin, if it has one.
        for other in [other for other, (twin, _) in self.tasks.items() if twin == shard]:
            del self.tasks[other]
            ray.cancel(other, force=True)

    def failed(self, shard: int, error: Exception) -> None:
        if any(twin == shard for twin, _ in self.tasks.values()):
            return
        self.tries[shard] = self.tries.get(shard, 1) + 1
        said = str(error).strip().splitlines()[-1]
        if self.tries[shard] > TRIES:
            sys.exit(f"over_ray: shard {shard}/{self.shards} failed {TRIES} times: {said}")
        print(f"shard {shard}/{self.shards} is run again: {type(error).__name__}: {said}", flush=True)
        self.waiting.append(shard)

    def start_stragglers(self) -> None:
        """Starts a twin of each shard that takes long, where there is room."""
        if len(self.seconds) < 3:
            return
        limit = STRAGGLES * statistics.median(self.seconds)
        running = [shard for shard, _ in self.tasks.values()]
        late = [
            shard
            for shard, began in self.tasks.values()
            if time.monotonic() - began > limit and running.count(shard) == 1
        ]
        for shard in late[: max(self.room(), 0)]:
            print(f"shard {shard}/{self.shards} takes long: a second one is started", flush=True)
            self.start(shard)


def main() -> None:
    parser = argparse.ArgumentParser(description="Play the shards of a run over Ray, and merge their reports.")
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the merged report")
    parser.add_argument("--address", help="of a cluster; without it Ray is started here")
    parser.add_argument("--cpus", type=float, default=1.0, help="of a shard")
    parser.add_argument("--merge", default="parapolicy", help="the program that merges")
    parser.add_argument("command", nargs="+", help="after --: what is run, without --shard, --out and --only")
    args = parser.parse_args()
    if args.shards < 1 or args.cpus <= 0:
        parser.error("--shards must be at least 1, and --cpus above 0")

    ray.init(address=args.address, log_to_driver=False, include_dashboard=False)
    run = Run(args.command, args.shards, args.out / "shards", args.cpus)
    run.folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    run.play()
    reports = [str(run.report(shard)) for shard in range(1, args.shards + 1)]
    print(f"{args.shards} shards in {time.monotonic() - began:.1f} s", flush=True)
    ray.shutdown()
    sys.exit(subprocess.run([args.merge, "merge", *reports, "--out", str(args.out)]).returncode)


if __name__ == "__main__":
    main()
