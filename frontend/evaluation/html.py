"""The report as one HTML file that needs nothing beside it."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from frontend.evaluation.figures import Figure, Figures, Group, Rate
from frontend.evaluation.mistakes import Mistake
from frontend.evaluation.plots import det_curves, score_distributions
from frontend.evaluation.report import Report

PAGE = Path(__file__).with_name("report.html")
_DASH = "-"


def html_of(report: Report) -> str:
    """The page: headline, warnings, plots, tables, and the worst mistakes."""
    figures, judged = report.figures, report.judged
    number = {label: sum(one.sample.label == label for one in judged) for label in ("bona_fide", "attack", "no_face")}
    parts = {
        "title": escape(report.title),
        "made": (
            f"{report.made_at:%Y-%m-%d %H:%M} UTC · model {escape(report.model)} · {escape(report.calibration)}"
            + (f" · as key {escape(report.key_name)}" if report.key_name else "")
            + f" · {number['bona_fide']} bona fide, {number['attack']} attacks"
            + (f", {number['no_face']} without a face" if number["no_face"] else "")
            + f" · judged in {report.seconds:.0f} s"
        ),
        "tiles": _tiles(figures),
        "warnings": "".join(f"<li>{escape(warning)}</li>" for warning in figures.warnings),
        "scores": score_distributions(judged, figures.threshold),
        "det": det_curves(judged, figures.threshold),
        "rates": _rates(figures),
        "attack_types": _attack_types(figures),
        "groups": _groups("By source", "source", figures.sources) + _groups("By camera", "camera", figures.cameras),
        "robustness": _robustness(report),
        "mistakes": "".join(_contact_sheet(kind, several) for kind, several in report.mistakes.items()),
    }
    return Template(PAGE.read_text(encoding="utf-8")).substitute(parts)


def _tiles(figures: Figures) -> str:
    tiles = (
        ("APCER", _percent(figures.apcer.value), f"worst type: {figures.worst_attack_type}", figures.apcer.widest_95),
        ("BPCER", _percent(figures.bpcer.value), "bona fide turned away", figures.bpcer.widest_95),
        ("ACER", _percent(figures.acer.value), "mean of the two", figures.acer.bootstrap_95),
        ("BPCER at APCER 5&nbsp;%", _percent(figures.bpcer_at_apcer_5.value), "of every attack type",
         figures.bpcer_at_apcer_5.bootstrap_95),
        ("EER", _percent(figures.eer.value), "all attacks together", figures.eer.bootstrap_95),
        ("No response", _percent(figures.bpnrr.value), "BPNRR: bona fide without one", figures.bpnrr.wilson_95),
    )  # fmt: skip
    return "".join(
        f"<div class=tile><h3>{name}</h3><b>{value}</b>"
        f"<span>{_name(note)}</span><small>{_interval(within)}</small></div>"
        for name, value, note, within in tiles
    )


def _rates(figures: Figures) -> str:
    rows = [
        _rate_row("APCER", f"attacks taken for live, of the worst type ({figures.worst_attack_type})", figures.apcer),
        _rate_row("BPCER", "bona fide taken for attacks", figures.bpcer),
        _figure_row("ACER", "mean of APCER and BPCER", figures.acer),
        _figure_row(
            "BPCER at APCER 1&nbsp;%", "at a threshold that holds every attack type to 1 %", figures.bpcer_at_apcer_1
        ),
        _figure_row(
            "BPCER at APCER 5 %", "at a threshold that holds every attack type to 5 %", figures.bpcer_at_apcer_5
        ),
        _figure_row("EER", "equal error rate, all attacks together", figures.eer),
        _figure_row("AUC", "share of pairs in which the bona fide score is the higher", figures.auc, is_share=False),
        _rate_row(
            "APNRR", "attacks without a response: no face found, or refused (answered as not live)", figures.apnrr
        ),
        _rate_row(
            "BPNRR", "bona fide without a response: no face found, or refused (answered as not live)", figures.bpnrr
        ),
    ]
    if figures.false_face:
        rows.append(_rate_row("False faces", "pictures without a face in which one was found", figures.false_face))
    return _table(("", "", "rate", "errors", "95 % by picture (Wilson)", "95 % by subject (bootstrap)"), rows)


def _rate_row(name: str, meaning: str, rate: Rate) -> tuple[str, ...]:
    return (
        f"<b>{name}</b>",
        escape(meaning),
        _percent(rate.value),
        _count(rate),
        _interval(rate.wilson_95),
        _interval(rate.bootstrap_95),
    )


def _figure_row(name: str, meaning: str, figure: Figure, *, is_share: bool = True) -> tuple[str, ...]:
    value = _percent(figure.value) if is_share else f"{figure.value:.4f}"
    within = _interval(figure.bootstrap_95) if is_share else " to ".join(f"{end:.4f}" for end in figure.bootstrap_95)
    return f"<b>{name}</b>", escape(meaning), value, "", "", within


def _attack_types(figures: Figures) -> str:
    rows = [
        (
            escape(kind.name),
            *_rate_cells(kind.apcer),
            _optional(kind.bpcer_at_apcer_5),
            _DASH if kind.auc is None else f"{kind.auc:.4f}",
            _count(kind.apnrr),
        )
        for kind in figures.attack_types
    ]
    return _table(("attack type", "APCER", "errors", "95 %", "BPCER at APCER 5 %", "AUC", "no response"), rows)


def _groups(heading: str, column: str, groups: Sequence[Group]) -> str:
    if not groups:
        return ""
    rows = [
        (
            escape(group.name),
            *_rate_cells(group.apcer),
            escape(group.worst_attack_type) or _DASH,
            *_rate_cells(group.bpcer),
            _DASH if group.auc is None else f"{group.auc:.4f}",
            str(group.non_responses),
        )
        for group in groups
    ]
    header = (column, "APCER", "errors", "95 %", "of attack type", "BPCER", "errors", "95 %", "AUC", "no response")
    return f"<section><h2>{heading}</h2>{_table(header, rows)}</section>"


def _robustness(report: Report) -> str:
    if not report.robustness:
        return ""
    rows = [
        (
            escape(shift.change),
            _DASH if shift.mean_difference is None else f"{shift.mean_difference:.3f}",
            _DASH if shift.p95_difference is None else f"{shift.p95_difference:.3f}",
            _percent(shift.flips.value),
            _interval(shift.flips.wilson_95),
            str(shift.attacks_let_in),
            str(shift.live_turned_away),
            str(shift.faces_lost),
        )
        for shift in report.robustness
    ]
    header = (
        "change",
        "mean |Δ|",
        "95th percentile",
        "flips",
        "95 %",
        "attacks let in",
        "live turned away",
        "faces lost",
    )
    number = report.robustness[0].flips.presentations
    return (
        f"<section><h2>Robustness</h2><p>The same {number} photographs, changed: how far liveness_score moves, "
        f"and how many verdicts flip.</p>{_table(header, rows)}</section>"
    )


def _contact_sheet(kind: str, mistakes: Sequence[Mistake]) -> str:
    pictures = "".join(
        f'<figure><img src="{mistake.picture}" alt=""><figcaption><b>{_score(mistake)}</b> '
        f"{_name(mistake.judged.sample.attack_type)}<br>{_name(mistake.judged.sample.name)}</figcaption></figure>"
        for mistake in mistakes
    )
    return f"<section><h2>{escape(kind)}</h2><div class=sheet>{pictures}</div></section>"


def _score(mistake: Mistake) -> str:
    verdict = mistake.judged.verdict
    if not verdict.face_found:
        return "no face"
    return f"{verdict.liveness_score:.3f}" if verdict.refused_for is None else verdict.refused_for.value


def _rate_cells(rate: Rate | None) -> tuple[str, str, str]:
    if rate is None:
        return _DASH, "", ""
    return _percent(rate.value), _count(rate), _interval(rate.wilson_95)


def _count(rate: Rate) -> str:
    return f"{rate.errors}&nbsp;of&nbsp;{rate.presentations}"


def _name(text: str) -> str:
    """Escaped, and breakable where file names and types can be broken."""
    return escape(text).replace("_", "_<wbr>").replace("/", "/<wbr>")


def _percent(value: float) -> str:
    return f"{100 * value:.1f}&nbsp;%"


def _optional(value: float | None) -> str:
    return _DASH if value is None else _percent(value)


def _interval(ends: tuple[float, float] | None) -> str:
    return _DASH if ends is None else f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f}&nbsp;%"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
