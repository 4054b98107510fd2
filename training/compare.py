"""Models side by side on the held-back images: as they are, degraded, and set into the surround of a live one."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from frontend.crops import crop_face
from frontend.evaluation.metrics import Array, ScoredClasses
from frontend.faces import FaceBox
from frontend.images import RgbImage
from training.augment import DEGRADATIONS, Random
from training.implant import implant
from training.regions import Region
from training.targets import Calibration, fit_calibration, sigmoid
from training.teachers import ONE_CROP, TWO_CROPS, Teachers, logit_of, session, two_crops
from training.views import changed

_SEED = 90_001
_LEAST_OF_A_CLASS = 5
_DEGRADED = "degraded"
_IMPLANT = "implant"


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one model. AUC by source and by kind of view; error rates at 0.5 over all sources, on views as they are.

    `implant_apcer` and `implant_bpcer` are of faces in another, live picture's surround.

    `teachers_correlation` and `teachers_mae` are those of its logits with the calibrated mean of the public networks.
    """

    auc_by_source: dict[str, float]
    auc_by_view: dict[str, float]
    apcer: float
    bpcer: float
    acer: float
    bpcer_at_apcer_5: float
    degraded_apcer: float
    degraded_bpcer: float
    implant_apcer: float
    implant_bpcer: float
    teachers_correlation: float
    teachers_mae: float


@dataclass(frozen=True, slots=True)
class Scored:
    """Views of held-back images, [n] each, with the logits of every model by name, and of the public networks' mean."""

    source: NDArray[np.str_]
    is_live: NDArray[np.bool_]
    kind: NDArray[np.str_]
    logits: dict[str, Array]
    public: Array


def score_views(
    models: Mapping[str, Path],
    teachers: Teachers,
    faces: Sequence[tuple[Region, str, bool]],
    threads: int,
) -> Scored:
    """Every face (region, source, is live), by every model: as it is, under each degradation, and as an implant.

    An implant is set into the surround of another live one of the same source, where there is one.
    """
    cv2.setNumThreads(1)
    runs = {name: session(file, ONE_CROP, TWO_CROPS) for name, file in models.items()}
    kinds = ["clean", *DEGRADATIONS, _IMPLANT]
    live = [i for i, (_, _, is_live) in enumerate(faces) if is_live]

    def shown(i: int, kind: str, random: Random) -> tuple[RgbImage, FaceBox]:
        if kind != _IMPLANT:
            return changed(faces[i][0], kind, random)
        others = [j for j in live if j != i] or live
        near = [j for j in others if faces[j][1] == faces[i][1]] or others
        made = implant(faces[i][0], faces[int(random.choice(near))][0], random)
        return made.pixels, made.box

    def one(i: int) -> list[tuple[list[float], float]]:
        answers = []
        for number, kind in enumerate(kinds):
            image, box = shown(i, kind, np.random.default_rng([_SEED, number, i]))
            feeds = {1: {"face": crop_face(image, box)[None]}, 2: two_crops(image, box)}
            scores = [float(run.run(None, feeds[len(run.get_inputs())])[0][0, 0]) for run in runs.values()]
            mean = float(np.mean(teachers.public_logits(image, box))) if kind == "clean" else float("nan")
            answers.append(([logit_of(score) for score in scores], mean))
        return answers

    with ThreadPoolExecutor(threads) as pool:
        answers = [answer for of_face in pool.map(one, range(len(faces))) for answer in of_face]
    logits = np.asarray([of_models for of_models, _ in answers])
    return Scored(
        source=np.repeat([source for _, source, _ in faces], len(kinds)),
        is_live=np.repeat([is_live for _, _, is_live in faces], len(kinds)),
        kind=np.tile(kinds, len(faces)),
        logits={name: logits[:, column] for column, name in enumerate(runs)},
        public=np.asarray([mean for _, mean in answers]),
    )


def figures_of(scored: Scored, name: str) -> Figures:
    """The figures of one of the models."""
    logits = scored.logits[name]
    clean, implanted = scored.kind == "clean", scored.kind == _IMPLANT
    degraded = ~clean & ~implanted
    public = _calibrated(scored, clean)
    apcer, bpcer = _errors(logits[clean], scored.is_live[clean])
    degraded_apcer, degraded_bpcer = _errors(logits[degraded], scored.is_live[degraded])
    implant_apcer, implant_bpcer = _errors(logits[implanted], scored.is_live[implanted])
    return Figures(
        auc_by_source=auc_by_source(scored, logits, clean),
        auc_by_view={
            kind: round(_auc(logits[of_kind], scored.is_live[of_kind]), 5)
            for kind, of_kind in [
                (_DEGRADED, degraded),
                *((kind, scored.kind == kind) for kind in ("clean", *DEGRADATIONS, _IMPLANT)),
            ]
        },
        apcer=apcer,
        bpcer=bpcer,
        acer=(apcer + bpcer) / 2,
        bpcer_at_apcer_5=_classes(logits[clean], scored.is_live[clean]).curve().bpcer_at(0.05),
        degraded_apcer=degraded_apcer,
        degraded_bpcer=degraded_bpcer,
        implant_apcer=implant_apcer,
        implant_bpcer=implant_bpcer,
        teachers_correlation=float(np.corrcoef(logits[clean], public)[0, 1]),
        teachers_mae=float(np.abs(logits[clean] - public).mean()),
    )


def auc_by_source(scored: Scored, logits: Array, chosen: NDArray[np.bool_]) -> dict[str, float]:
    """A source that has a class too seldom is judged against that class of all sources."""
    found = {}
    for source in sorted(set(scored.source.tolist())):
        mine = chosen & (scored.source == source)
        classes = []
        for is_live in (True, False):
            of_class = scored.is_live == is_live
            own = mine & of_class
            classes.append(logits[own if own.sum() >= _LEAST_OF_A_CLASS else chosen & of_class])
        if mine.sum() >= _LEAST_OF_A_CLASS:
            found[source] = round(ScoredClasses(classes[0], classes[1]).curve().auc(), 5)
    return found


def as_table(figures: Mapping[str, Figures]) -> list[list[str]]:
    """Rows of text, a model a column; the first row names them."""
    names = list(figures)
    rows = [["", *names]]

    def add(label: str, value: Callable[[Figures], float]) -> None:
        rows.append([label, *(f"{value(figures[name]):.4f}" for name in names)])

    for source in figures[names[0]].auc_by_source:
        add(f"AUC, {source}", lambda f, source=source: f.auc_by_source[source])  # type: ignore[misc]
    for kind in figures[names[0]].auc_by_view:
        add(f"AUC, all sources, {kind}", lambda f, kind=kind: f.auc_by_view[kind])  # type: ignore[misc]
    for field, value in asdict(figures[names[0]]).items():
        if isinstance(value, float):
            add(field.replace("_", " "), lambda f, field=field: getattr(f, field))  # type: ignore[misc]
    return rows


def _calibrated(scored: Scored, clean: NDArray[np.bool_]) -> Array:
    fit: Calibration = fit_calibration(scored.public[clean], scored.is_live[clean])
    return np.asarray(fit(scored.public[clean]), np.float64)


def _errors(logits: Array, is_live: NDArray[np.bool_]) -> tuple[float, float]:
    """APCER over all attacks and BPCER, at 0.5."""
    passed = sigmoid(logits) >= 0.5
    return float(passed[~is_live].mean()), float((~passed[is_live]).mean())


def _auc(logits: Array, is_live: NDArray[np.bool_]) -> float:
    return _classes(logits, is_live).curve().auc()


def _classes(logits: Array, is_live: NDArray[np.bool_]) -> ScoredClasses:
    return ScoredClasses(logits[is_live], logits[~is_live])
