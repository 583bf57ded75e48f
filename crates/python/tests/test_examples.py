"""Examples run, and say what they show."""

import subprocess
import sys

from conftest import MODEL, ROOT


def test_chunking_keeps_its_limits():
    example = ROOT / "crates/python/examples/chunking.py"
    ran = subprocess.run([sys.executable, example, MODEL], capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    assert "refined; reward" in ran.stdout
