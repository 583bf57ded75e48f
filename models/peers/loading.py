"""Loads a policy in a process of its own, and says how long it took: `python -m peers.loading WHO FOLDER THREADS`.

WHO is `lerobot`, which draws by DDIM in 10 steps, or one of `ours.RUNS`, which draws by the same. Importing what it is
loaded by is not counted.
"""

import json
import resource
import sys
import time
from pathlib import Path


def lerobot(folder: Path, threads: int):
    from . import large

    def load():
        peer = large.Peer(folder / "checkpoint", threads)
        return peer.drawing(peer.network, "ddim", 10)

    return load


def parapolicy(who: str, folder: Path, threads: int):
    from . import ours

    def load():
        policy = ours.parapolicy.Policy(folder / "exported", threads=threads, **ours.RUNS[who])
        how = ours.DRAWN["sequential, DDIM-10"]
        return lambda observation, seed: policy.sample(observation, seed=seed, **how)

    return load


def main() -> None:
    who, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    load = lerobot(folder, threads) if who == "lerobot" else parapolicy(who, folder, threads)
    import numpy as np

    manifest = json.loads((folder / "exported" / "policy.json").read_text())
    numbers = sum(int(np.prod(entry["shape"])) for entry in manifest["observations"])
    observation = np.zeros((manifest["n_obs_steps"], numbers))
    began = time.perf_counter()
    plan = load()
    loaded = time.perf_counter()
    plan(observation, 0)
    times = {"loaded_s": loaded - began, "first_plan_s": time.perf_counter() - loaded}
    print(json.dumps(times | {"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
