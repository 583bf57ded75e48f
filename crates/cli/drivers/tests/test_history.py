"""The history of benchmarks, with a program that takes as long as it is told, and the rule on noise."""

import importlib.util
import json
import random
import subprocess
import sys
import textwrap
import xml.etree.ElementTree
from pathlib import Path

TOOL = Path(__file__).parents[1] / "history.py"
spec = importlib.util.spec_from_file_location("history", TOOL)
history = importlib.util.module_from_spec(spec)
sys.modules["history"] = history
spec.loader.exec_module(history)

PROGRAM = """
    import json, os, random, sys
    from pathlib import Path
    command, slower = sys.argv[1], json.loads(os.environ.get("SLOWER", "{}"))
    if command == "bench":
        model = Path(sys.argv[sys.argv.index("--model") + 1]).name
        solver = "ddim" if "ddim" in sys.argv else "ddpm"
        rows = []
        for sampler, rounds in (("sequential", 100.0), ("picard", 6.0)):
            ms = random.uniform(9.7, 10.3 * slower.get("busy", 1)) * slower.get(f"{model} {sampler} {solver}", 1)
            rounds += slower.get("rounds", 0)
            rows.append({"sampler": sampler, "latency_ms": {"p50": ms}, "rounds_mean": rounds})
        print(json.dumps({"rows": rows}))
    if command == "run":
        Path(sys.argv[sys.argv.index("--out") + 1]).mkdir(exist_ok=True)
        reward = 0.9 - slower.get("reward", 0)
        machine = {"cpu": slower.get("cpu", "A <chip>"), "cores": 2}
        print(json.dumps({"samplers": [{"reward_mean": reward}], "machine": machine}))
    if command == "inspect" and "broken" in slower:
        sys.exit("error: no such model")
"""


def measure(folder: Path, **slower) -> subprocess.CompletedProcess:
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\n{textwrap.dedent(PROGRAM)}")
    program.chmod(0o755)
    command = [sys.executable, str(TOOL), str(program), "--history", str(folder / "history.jsonl"), "--repeats", "3"]
    return subprocess.run(command, capture_output=True, text=True, env={"SLOWER": json.dumps(slower)})


def worse(done: subprocess.CompletedProcess) -> list[str]:
    """Names of what became worse, but for what the clock says of the whole program."""
    lines = [line.removeprefix("worse: ") for line in done.stdout.splitlines() if line.startswith("worse: ")]
    return [line.split(":")[0] for line in lines if not line.startswith(("start", "pusht ddim-10, episode"))]


def test_what_became_worse_is_named(tmp_path):
    for _ in range(3):
        assert worse(measure(tmp_path)) == []
    slow = measure(tmp_path, **{"pusht picard ddpm": 1.25})
    assert worse(slow) == ["pusht picard"] and slow.returncode == 1
    assert worse(measure(tmp_path, reward=0.01, rounds=0.5)) == [
        "pusht picard, rounds",
        "arm picard, rounds",
        "pusht ddim-10, reward",
    ]
    assert worse(measure(tmp_path, cpu="B", **{"arm picard ddpm": 9})) == [], "of another machine nothing is known"
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert len(lines) == 6 and all(len(values) == 3 for values in json.loads(lines[0])["figures"].values())
    picture = xml.etree.ElementTree.parse(tmp_path / "history.svg").getroot()
    assert len([part for part in picture.iter() if part.tag.endswith("circle")]) == 6 * len(history.FIGURES) + 2


def test_what_is_wrong_is_told_and_nothing_is_written(tmp_path):
    busy = measure(tmp_path, busy=9)
    assert busy.returncode == 1 and "machine is idle" in busy.stderr and not (tmp_path / "history.jsonl").exists()
    broken = measure(tmp_path, broken=1)
    assert broken.returncode == 1 and "no such model" in broken.stderr and not (tmp_path / "history.jsonl").exists()
    (tmp_path / "history.jsonl").write_text("{}\n")
    assert "line 1 is no line of a history" in measure(tmp_path).stderr


def test_noise_alone_is_rarely_called_worse():
    # Days differ by 3 % (standard deviation), repeats of a day by 2 %; 2000 lines of one figure.
    chance, lines, said = random.Random(0), [], 0
    for _ in range(2000):
        day = 10 * chance.gauss(1, 0.03)
        figures = {"start": [day * chance.gauss(1, 0.02) for _ in range(5)]}
        line = {"date": "", "commit": "", "machine": "", "figures": figures}
        said += len(history.became_worse(lines[-5:], line)) if len(lines) >= 5 else 0
        lines.append(line)
    assert said <= 10, said


def test_a_third_more_is_called_worse():
    chance = random.Random(1)
    figures = lambda slower: {"start": [slower * chance.gauss(10, 0.2) for _ in range(5)]}  # noqa: E731
    lines = [{"date": "", "commit": "", "machine": "", "figures": figures(1)} for _ in range(5)]
    assert history.became_worse(lines, {"machine": "", "figures": figures(1.33)})
    assert not history.became_worse(lines, {"machine": "", "figures": figures(1.0)})
