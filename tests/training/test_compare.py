"""What is said of models on the held-back images."""

import numpy as np
import pytest
from skimage import data

from frontend.faces import FaceDetector
from training.augment import DEGRADATIONS
from training.compare import Scored, figures_of, score_views
from training.regions import Region, region_of

MODEL = "model_repository/anti_spoof/1/model.onnx"


class Undecided:
    """Public networks that say nothing."""

    def public_logits(self, image, box):
        return [0.0, 0.0, 0.0]


@pytest.fixture
def faces():
    portrait = np.ascontiguousarray(data.astronaut())
    region = region_of(portrait, FaceDetector(0.5).detect(portrait)[0])
    black = Region(np.zeros_like(region.pixels), region.box)
    return [(region, "a", True), (black, "a", False), (black, "b", True)]


def test_every_face_is_shown_in_every_way_and_implanted_into_a_live_surround_of_its_source(faces, pytestconfig):
    scored = score_views({"one": pytestconfig.rootpath / MODEL}, Undecided(), faces, threads=2)
    assert scored.kind.tolist() == ["clean", *DEGRADATIONS, "implant"] * 3
    logits = scored.logits["one"].reshape(3, -1)
    assert logits[2, 0] == logits[1, 0]  # both black
    assert logits[1, -1] != logits[1, 0]  # black within the portrait
    assert np.isfinite(logits).all()
    again = score_views({"one": pytestconfig.rootpath / MODEL}, Undecided(), faces, threads=1)
    assert (again.logits["one"] == scored.logits["one"]).all()


def test_errors_on_implants_and_on_degraded_views_are_counted_apart():
    kinds = ["clean", *DEGRADATIONS, "implant"]
    right, wrong = [4.0, -4.0], [-4.0, 4.0]
    of_degraded = (right * 8 + wrong * 2) * len(DEGRADATIONS)
    scored = Scored(
        source=np.array(["a"] * 20 * len(kinds)),
        is_live=np.array([True, False] * 10 * len(kinds)),
        kind=np.repeat(kinds, 20),
        logits={"one": np.array(right * 10 + of_degraded + right * 5 + wrong * 5)},
        public=np.array(right * 10 * len(kinds)),
    )
    found = figures_of(scored, "one")
    assert (found.acer, found.degraded_apcer, found.implant_apcer) == pytest.approx((0, 0.2, 0.5))
    assert (found.bpcer, found.degraded_bpcer, found.implant_bpcer) == pytest.approx((0, 0.2, 0.5))
    assert found.auc_by_view["clean"] == 1
    assert found.auc_by_view["degraded"] == found.auc_by_view["blur"] > found.auc_by_view["implant"]
    assert found.auc_by_source == {"a": 1.0}
