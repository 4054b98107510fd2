"""Plots of results, as PNG files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""Label → x and y."""


def plot_lines(file: Path, panels: Mapping[str, Lines], x_labels: Sequence[str]) -> None:
    """One panel for each title (which names the y axis too), side by side."""
    figure = Figure(figsize=(6 * len(panels), 4.5), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, x_label, (title, lines) in zip(axes, x_labels, panels.items(), strict=True):
        for label, (x, y) in lines.items():
            axis.plot(x, y, marker="o", label=label)
        axis.set(title=title, xlabel=x_label, ylim=(0, None))
        axis.grid(alpha=0.3)
        if len(lines) > 1:
            axis.legend(fontsize="small")
    _save(figure, file)


def plot_bars(file: Path, panels: Mapping[str, Mapping[str, float]]) -> None:
    """One panel of labelled horizontal bars for each title, side by side."""
    figure = Figure(figsize=(6.5 * len(panels), 1.5 + 0.4 * max(map(len, panels.values()))), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (title, bars) in zip(axes, panels.items(), strict=True):
        drawn = axis.barh(list(bars), list(bars.values()))
        axis.bar_label(drawn, fmt="%.3g", padding=3)
        axis.set(title=title, xmargin=0.15)
        axis.invert_yaxis()
    _save(figure, file)


def _save(figure: Figure, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
