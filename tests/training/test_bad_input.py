"""Files that cannot be trained with are named, with what to do."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from frontend.evaluation.samples import Sample
from training.errors import TrainingRefused
from training.manifest import require_classes
from training.regions import find_regions
from training.teachers import ONE_CROP, TWO_CROPS, Teachers, session

MODEL = "model_repository/anti_spoof/1/model.onnx"


def test_unreadable_images_are_all_named(tmp_path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((64, 64, 3), 127, np.uint8))
    (tmp_path / "text.jpg").write_text("no picture")
    samples = [Sample(tmp_path / name, name, "bona_fide") for name in ("text.jpg", "empty.png", "gone.jpg")]
    regions, unreadable = find_regions(samples, 2)
    assert regions == [None] * 3
    assert [name.partition(" ")[0] for name in unreadable] == ["text.jpg", "gone.jpg"]
    assert unreadable[1] == "gone.jpg (No such file or directory)"


def test_a_side_of_the_split_with_one_class_is_refused():
    require_classes([True, False], is_held_back=True)
    with pytest.raises(TrainingRefused, match="no attack in which a face was found is held back: add images"):
        require_classes([True], is_held_back=True)
    with pytest.raises(TrainingRefused, match="no live image in which a face was found is left to train on"):
        require_classes([], is_held_back=False)


def test_a_model_with_other_inputs_is_told_what_is_needed(pytestconfig):
    model = pytestconfig.rootpath / MODEL
    assert session(model, TWO_CROPS, ONE_CROP).get_inputs()[0].name == "face"
    with pytest.raises(TrainingRefused, match=r"has the inputs face \[n, 128, 128, 3\]; needed are context \[n, 128"):
        session(model, TWO_CROPS)


def test_what_is_no_model_is_named(tmp_path):
    (tmp_path / "model.onnx").write_text("no model")
    with pytest.raises(TrainingRefused, match=r"model\.onnx is no model that ONNX Runtime loads"):
        session(tmp_path / "model.onnx", ONE_CROP)


def test_a_folder_that_lacks_public_networks_names_them(pytestconfig, tmp_path):
    (tmp_path / "minifas_v2se_128.onnx").touch()
    with pytest.raises(TrainingRefused, match=r"not in .*: minifasnet_v2_80_scale2\.7\.onnx, minifasnet_v1se"):
        Teachers(Path(pytestconfig.rootpath / MODEL), tmp_path)
