"""The medians as bars, on a logarithmic axis."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt


def draw(rows: list[dict], path: Path) -> None:
    """Writes a picture of `summary`'s rows; whiskers reach from the 10th to the 90th percentile."""
    names = [row["name"] for row in rows][::-1]
    low, median, high = zip(*(row["ms"] for row in rows[::-1]), strict=True)
    whiskers = [[m - p for m, p in zip(median, low, strict=True)], [p - m for m, p in zip(median, high, strict=True)]]
    colours = ["#4878a8" if name.startswith("Parapolicy") else "#b0b0b0" for name in names]
    figure, axes = plt.subplots(figsize=(9, 0.45 * len(rows) + 1), layout="constrained")
    bars = axes.barh(names, median, xerr=whiskers, color=colours, ecolor="#404040", capsize=3)
    axes.bar_label(bars, [f"  {m:.1f} ms" for m in median], padding=14)
    axes.set(xscale="log", xlabel="milliseconds a plan", xlim=(min(low) / 2, max(high) * 4))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
