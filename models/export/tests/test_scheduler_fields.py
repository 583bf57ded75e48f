"""Every field of `diffusers`' schedulers is on the runtime's allow-list: a field of a new version fails this test."""

import inspect
import re
from pathlib import Path

import pytest

diffusers = pytest.importorskip("diffusers")

KNOWN = Path(__file__).parents[3] / "crates/sampler/src/config/known.rs"
SCHEDULERS = ["DDPMScheduler", "DDIMScheduler", "DPMSolverMultistepScheduler", "FlowMatchEulerDiscreteScheduler"]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_field_is_known(name: str) -> None:
    known = set(re.findall(r'^    \("(\w+)", \w+\),$', KNOWN.read_text(), re.MULTILINE))
    fields = set(inspect.signature(getattr(diffusers, name).__init__).parameters) - {"self"}
    assert len(known) > 40 and fields <= known, fields - known
