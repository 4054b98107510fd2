"""The whole way from a network to an int8 file that the service takes, on a portrait and a recapture of it."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from skimage import data

from frontend.faces import FaceDetector
from frontend.models.validation import examine
from frontend.settings import Settings
from training.average import average
from training.errors import TrainingRefused
from training.export import OPSET, export
from training.network import LivenessNetwork, parameters_of
from training.parity import parity
from training.quantize import quantize
from training.regions import region_of
from training.start import load_imagenet_weights, load_onnx_weights
from training.train import People, Recipe, batches, lesson_of, train
from training.views import Request, make_views

RECIPE = Recipe(seed=3, epochs=2, batch=8, learning_rate=1e-3, warmup_steps=2)


class Undecided:
    """Teachers that say nothing: only labels teach here."""

    names = ("two_crop", "a", "b", "c")

    def logits(self, image, box):
        return [0.0] * 4


@pytest.fixture(scope="module")
def views():
    portrait = np.ascontiguousarray(data.astronaut())
    region = region_of(portrait, FaceDetector(0.5).detect(portrait)[0])
    kinds = ("clean", "heavy", "recapture", "implant")
    requests = [Request(i % 2, kinds[i // 2 % 4], i, 1 - i % 2 if i // 2 % 4 == 3 else -1) for i in range(24)]
    return make_views([region, region], requests, Undecided(), threads=2)


@pytest.fixture(scope="module")
def people():
    return People(["a", "b"], np.array([True, True]))


@pytest.fixture(scope="module")
def started():
    network = LivenessNetwork(RECIPE.frozen_blocks)
    load_imagenet_weights(network)
    return network


def copy_of(network):
    copied = LivenessNetwork(RECIPE.frozen_blocks)
    copied.load_state_dict(network.state_dict())
    return copied


def values_of(network):
    return torch.cat([value.flatten() for value in network.state_dict().values()])


def test_imagenet_weights_are_folded_as_batch_normalisation_would_have_computed(started):
    weight, bias = parameters_of(started)[0]
    assert weight.shape == (32, 3, 3, 3)
    features = started.features(started.early(torch.full((1, 3, 128, 128), 100.0)))
    assert features.shape == (1, 1280)
    assert 0 <= features.min() < features.max() <= 6
    assert bias.abs().max() > 0


def test_a_training_repeats_and_goes_on_where_it_was_stopped(views, people, started, tmp_path):
    lesson = lesson_of(started, views, people, RECIPE)
    whole = values_of(train(copy_of(started), lesson, RECIPE, tmp_path / "whole"))
    again = values_of(train(copy_of(started), lesson, RECIPE, tmp_path / "again"))
    assert torch.equal(whole, again)
    assert not torch.equal(whole, values_of(started))

    interrupted = tmp_path / "interrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.train.batches", _stops_in_epoch(1))
        with pytest.raises(KeyboardInterrupt):
            train(copy_of(started), lesson, RECIPE, interrupted)
    resumed = values_of(train(copy_of(started), lesson, RECIPE, interrupted))
    assert torch.equal(whole, resumed)
    assert (interrupted / "log.csv").read_text().count("\n") == 3
    for other in (replace(RECIPE, seed=4), replace(RECIPE, epochs=3)):
        with pytest.raises(TrainingRefused, match="begun with another recipe, start, views"):
            train(copy_of(started), lesson, other, interrupted)


def _stops_in_epoch(number):
    def stopping(lesson, recipe, epoch):
        if epoch == number:
            raise KeyboardInterrupt
        return batches(lesson, recipe, epoch)

    return stopping


def test_frozen_blocks_keep_their_weights_and_the_others_learn(views, people, started, tmp_path):
    trained = train(copy_of(started), lesson_of(started, views, people, RECIPE), RECIPE, tmp_path)
    same = [torch.equal(a[0], b[0]) for a, b in zip(parameters_of(trained), parameters_of(started), strict=True)]
    frozen = same.index(False)
    assert frozen == 1 + 2 + 4 * 3  # the stem, the first block and four of three convolutions
    assert not any(same[frozen:])


def test_an_average_lies_between_two_runs_from_one_start_and_others_are_refused(started):
    one, other, stranger = (copy_of(started) for _ in range(3))
    with torch.no_grad():
        other.head.bias += 1
        parameters_of(other)[-1][0].mul_(3)
        parameters_of(stranger)[0][0].add_(1)
    between = values_of(average(one, other, 0.25))
    assert torch.allclose(between, 0.75 * values_of(one) + 0.25 * values_of(other), atol=1e-5)
    assert torch.equal(values_of(average(one, other, 0.0)), values_of(one))
    with pytest.raises(TrainingRefused, match="same weights"):
        average(one, stranger, 0.5)


def test_kinds_that_are_left_out_are_not_learned_from(views, people, started):
    lesson = lesson_of(started, views, people, replace(RECIPE, left_out=("implant",)))
    assert len(lesson.early) == len(lesson.target) == len(lesson.weight) == (views.kind != "implant").sum() < 24


def test_pytorch_both_files_and_triton_agree_and_the_service_takes_the_file(views, started, tmp_path):
    with torch.no_grad():
        started.head.weight.normal_(0, 0.02, generator=torch.Generator().manual_seed(1))
    crops = [views.window(i, RECIPE.window_scale) for i in range(24)]
    export(started, tmp_path / "float32.onnx")
    quantize(tmp_path / "float32.onnx", crops, tmp_path / "int8.onnx", float_stem=True)
    found = parity(started, tmp_path / "float32.onnx", tmp_path / "int8.onnx", crops, Settings())
    assert found.holds, found
    assert found.int8_mean < 0.05
    assert [entry.version for entry in onnx.load(tmp_path / "float32.onnx").opset_import] == [OPSET]
    for name in ("float32.onnx", "int8.onnx"):
        examine(tmp_path / name)
    assert (tmp_path / "int8.onnx").stat().st_size < 0.4 * (tmp_path / "float32.onnx").stat().st_size

    loaded = LivenessNetwork()
    load_onnx_weights(loaded, tmp_path / "float32.onnx", "face")
    assert torch.allclose(values_of(loaded), values_of(started))
    with pytest.raises(TrainingRefused, match="no EfficientNet-Lite0 trunk"):
        load_onnx_weights(loaded, tmp_path / "float32.onnx", "context")
    with pytest.raises(TrainingRefused, match="begin from the float32 model"):
        load_onnx_weights(loaded, tmp_path / "int8.onnx", "face")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(TrainingRefused, match="is no ONNX model"):
        load_onnx_weights(loaded, tmp_path / "text.onnx", "face")


def test_the_served_file_scores_each_picture_as_alone_in_any_batch(started, tmp_path):
    export(started, tmp_path / "model.onnx")
    run = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    crops = np.random.default_rng(1).integers(0, 256, (5, 128, 128, 3), dtype=np.uint8)
    together = run.run(["live"], {"face": crops})[0]
    alone = [run.run(["live"], {"face": crops[i : i + 1]})[0] for i in range(5)]
    assert together == pytest.approx(np.concatenate(alone), abs=1e-5)
