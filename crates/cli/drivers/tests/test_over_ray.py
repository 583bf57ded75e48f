"""Ray itself, with a command that stands for a run: workers that are killed, commands that fail, shards that take
long."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

DRIVER = Path(__file__).parents[1] / "over_ray.py"

COMMAND = """
    import os, signal, sys, time
    from pathlib import Path
    state, options = Path(sys.argv[1]), dict(zip(sys.argv[2::2], sys.argv[3::2]))
    shard, shards = options["--shard"].split("/")
    assert options["--only"] == "report.json"
    tries = len(list(state.glob(f"{shard}-*")))
    (state / f"{shard}-{tries}").touch()
    if shard == "2" and tries == 0:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    if shard == "3" and tries == 0:
        sys.exit("error: out of memory")
    if shard == "6" and tries == 0:
        time.sleep(300)
    if shard == "9":
        sys.exit("error: no such model")
    (Path(options["--out"]) / "report.json").write_text(shard)
"""

MERGE = """
    import json, sys
    from pathlib import Path
    assert sys.argv[1] == "merge" and sys.argv[-2] == "--out"
    parts = [Path(path).read_text() for path in sys.argv[2:-2]]
    (Path(sys.argv[-1]) / "merged.json").write_text(json.dumps(parts))
"""


def drive(folder: Path, shards: int) -> subprocess.CompletedProcess:
    state, command, merge = folder / "state", folder / "command.py", folder / "merge"
    state.mkdir(exist_ok=True)
    command.write_text(textwrap.dedent(COMMAND))
    merge.write_text(f"#!{sys.executable}\n{textwrap.dedent(MERGE)}")
    merge.chmod(0o755)
    options = ["--shards", str(shards), "--out", str(folder / "out"), "--merge", str(merge), "--cpus", "0.5"]
    driver = [sys.executable, str(DRIVER), *options, "--", sys.executable, str(command), str(state)]
    return subprocess.run(driver, capture_output=True, text=True, timeout=240)


def test_shards_that_die_fail_or_take_long_are_run_again(tmp_path):
    done = drive(tmp_path, 6)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "merged.json").read_text()) == ["1", "2", "3", "4", "5", "6"]
    assert "shard 2/6 is run again" in done.stdout, "a worker was killed"
    assert "shard 3/6 is run again" in done.stdout and "out of memory" in done.stdout
    assert "shard 6/6 takes long: a second one is started" in done.stdout
    runs = sorted(path.name for path in (tmp_path / "state").iterdir())
    assert runs == ["1-0", "2-0", "2-1", "3-0", "3-1", "4-0", "5-0", "6-0", "6-1"]
    # What is over is not played again.
    assert drive(tmp_path, 6).returncode == 0
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == runs


def test_a_shard_that_never_succeeds_ends_the_run(tmp_path):
    done = drive(tmp_path, 9)
    assert done.returncode == 1
    assert "shard 9/9 failed 3 times: " in done.stderr and "no such model" in done.stderr
    assert len(list((tmp_path / "state").glob("9-*"))) == 3
