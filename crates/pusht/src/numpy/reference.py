"""Writes reference.rs beside this file: what NumPy draws. Run it from anywhere."""

from pathlib import Path

import numpy as np

LEGACY_SEEDS = [0, 1, 205, 100000, 100049, 2**32 - 1]
SEEDS = [0, 1, 42, 100000, 2**32 + 5, 2**63]


def array(values):
    return "[" + ", ".join(f"{v!r}" for v in values) + "]"


def random_state(seed):
    random = np.random.RandomState(seed)
    integers = [int(random.randint(50, 450 - 50 * (i % 2))) for i in range(6)]
    normals = [float(random.randn()) for _ in range(5)]
    return f"    ({seed}, {array(integers)}, {array(normals)}),\n"


def generator(seed):
    random = np.random.Generator(np.random.PCG64(seed))
    integers = [int(random.integers(100, 3_000_000_000)) for _ in range(5)]
    uniforms = [float(random.uniform(-2.0, 3.0)) for _ in range(3)]
    return f"    ({seed}, {array(integers)}, {array(uniforms)}),\n", int(random.integers(0, 7))


def main():
    rows = [generator(seed) for seed in SEEDS]
    text = f"//! Written by reference.py with `numpy` {np.__version__}.\n\n"
    text += f"#[rustfmt::skip]\npub(super) const RANDOM_STATE: [(u32, [u32; 6], [f64; 5]); {len(LEGACY_SEEDS)}] = [\n"
    text += "".join(map(random_state, LEGACY_SEEDS)) + "];\n\n"
    text += f"#[rustfmt::skip]\npub(super) const GENERATOR: [(u64, [u32; 5], [f64; 3]); {len(SEEDS)}] = [\n"
    text += "".join(row for row, _ in rows) + "];\n\n"
    text += f"pub(super) const LAST_OF_GENERATOR: [u32; {len(SEEDS)}] = {array([last for _, last in rows])};\n"
    Path(__file__).with_suffix(".rs").write_text(text)


if __name__ == "__main__":
    main()
