"""The report's plots, as SVG elements that take the text colour of the page around them."""

import io
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np

from frontend.evaluation.judging import Judged, by_attack_type, scores_of
from frontend.evaluation.metrics import Array, ScoredClasses

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BONA_FIDE_COLOUR = "#1f9d8b"
ATTACK_COLOUR = "#e0603c"
_TYPE_COLOURS = ("#4c8bf5", "#b07cf0", "#d6a419", "#3fae5a", "#e0609c", "#8a8f98", "#29b3d1", "#c77d4a")
_TEXT = "#010203"  # a colour that nothing else has, to be found again in the SVG
_PERCENT_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_MOST_CURVES = 8


def score_distributions(judged: Sequence[Judged], threshold: float) -> str:
    """How many of each class got which score."""
    answered = [one for one in judged if one.has_response]
    bins = np.linspace(0, 1, 41).tolist()

    def draw(axes: "Axes") -> None:
        for label, name, colour in (
            ("attack", "attacks", ATTACK_COLOUR),
            ("bona_fide", "bona fide", BONA_FIDE_COLOUR),
        ):
            scores = scores_of(one for one in answered if one.sample.label == label)
            axes.hist(
                scores, bins, weights=np.full(len(scores), 100 / len(scores)), color=colour, alpha=0.65, label=name
            )
        axes.axvline(threshold, color=_TEXT, linestyle="--", linewidth=1)
        axes.set(xlim=(0, 1), xlabel="liveness_score", ylabel="% of the class")
        axes.set_yscale("symlog", linthresh=1)
        axes.set_yticks([0, 1, 3, 10, 30, 100], ["0", "1", "3", "10", "30", "100"])
        axes.minorticks_off()
        axes.legend(frameon=False)

    return _svg(draw, "scores")


def det_curves(judged: Sequence[Judged], threshold: float) -> str:
    """Detection error tradeoff: BPCER against APCER on normal-deviate axes (Martin et al. 1997), and where it is run.

    One curve for each attack type, the most numerous if there are many, and one for all attacks.
    """
    answered = [one for one in judged if one.has_response]
    live = scores_of(one for one in answered if one.sample.label == "bona_fide")
    types = sorted(by_attack_type(answered).items(), key=lambda named: -len(named[1]))[:_MOST_CURVES]
    curves = {name: scores_of(several) for name, several in types} if len(types) > 1 else {}

    def draw(axes: "Axes") -> None:
        attacks = scores_of(one for one in answered if one.sample.label == "attack")
        for (name, scores), colour in zip(curves.items(), cycle(_TYPE_COLOURS), strict=False):
            _draw_curve(axes, live, scores, threshold, color=colour, linewidth=1.2, label=name)
        _draw_curve(axes, live, attacks, threshold, color=_TEXT, linewidth=2, label="all attacks")
        ticks = _deviates(np.array(_PERCENT_TICKS))
        names = [f"{100 * share:g}" for share in _PERCENT_TICKS]
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        ends = _deviates(np.array([0.0005, 0.97]))
        axes.set(xlim=ends, ylim=ends, xlabel="APCER, %", ylabel="BPCER, %")
        axes.plot(ends, ends, color=_TEXT, linewidth=0.5, alpha=0.4)
        axes.legend(frameon=False, fontsize=7.5, loc="upper right")

    return _svg(draw, "det")


def _draw_curve(axes: "Axes", live: Array, attacks: Array, threshold: float, **style: Any) -> None:  # noqa: ANN401
    curve = ScoredClasses(live, attacks).curve()
    axes.step(_deviates(curve.apcer), _deviates(curve.bpcer), where="post", **style)
    at = np.searchsorted(curve.thresholds, threshold)
    axes.plot(_deviates(curve.apcer[at]), _deviates(curve.bpcer[at]), "o", color=style["color"], markersize=4)


def _deviates(shares: Array) -> Array:
    """Normal deviates of shares; 0 and 1, which have none, as the ends of the axes."""
    from statistics import NormalDist  # noqa: PLC0415

    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
    return np.asarray(inverse(np.clip(shares, 0.0005, 0.9995)), np.float64)


def _svg(draw: Any, salt: str) -> str:  # noqa: ANN401
    from matplotlib import rc_context  # noqa: PLC0415  # half a second, for a report alone
    from matplotlib.figure import Figure  # noqa: PLC0415

    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.family": "sans-serif",
        "font.size": 9,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _TEXT),
        "text.parse_math": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": _TEXT,
        "grid.alpha": 0.12,
        "legend.labelcolor": _TEXT,
    }
    with rc_context(style), catch_warnings():
        simplefilter("ignore", UserWarning)  # of a letter that matplotlib's own font lacks; the browser's has it
        figure = Figure(figsize=(5.2, 3.9), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    return svg[svg.index("<svg") :].replace(_TEXT, "currentColor")
