"""Tensors pass through our `onnxruntime` backend unchanged, whatever their type and however they arrive."""

import http.client
import json
import socket
import time

import numpy as np
import pytest

from tests.embedded.children import MODEL_REPOSITORY, embedded
from tests.embedded.inference import DATATYPES, infer, message, read
from tests.models.onnx_files import identity_model

ELEMENT_TYPES = {
    "BOOL": 9, "UINT8": 2, "UINT16": 4, "UINT32": 12, "UINT64": 13, "INT8": 3, "INT16": 5, "INT32": 6, "INT64": 7,
    "FP16": 10, "FP32": 1, "FP64": 11,
}  # fmt: skip

ODD_NAME = 'a "name" with \\ and < and \t'


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A server that gives back what it is given."""
    folder = tmp_path_factory.mktemp("tensors")
    repository = folder / "models"
    (repository / "anti_spoof").parent.mkdir()
    (repository / "anti_spoof").symlink_to(MODEL_REPOSITORY / "anti_spoof")
    identity = repository / "identity"
    (identity / "1").mkdir(parents=True)
    (identity / "1" / "again.onnx").write_bytes(identity_model(ELEMENT_TYPES))
    tensors = "".join(
        f'input {{ name: "{name}" data_type: TYPE_{name} dims: [ 2 ] }}\n'
        f'output {{ name: "{name}_again" data_type: TYPE_{name} dims: [ 2 ] }}\n'
        for name in ELEMENT_TYPES
    )
    head = 'name: "identity" backend: "onnxruntime" max_batch_size: 4 default_model_filename: "again.onnx"\n'
    (identity / "config.pbtxt").write_text(f"{head}{tensors}instance_group [ {{ kind: KIND_CPU count: 1 }} ]")
    odd = repository / "odd"
    (odd / "1").mkdir(parents=True)
    (odd / "1" / "model.onnx").write_bytes(identity_model({ODD_NAME: ELEMENT_TYPES["FP32"]}))
    (odd / "config.pbtxt").write_text(
        f'backend: "onnxruntime" input {{ name: {json.dumps(ODD_NAME)} data_type: TYPE_FP32 dims: [ -1, 2 ] }}\n'
        f"output {{ name: {json.dumps(ODD_NAME + '_again')} data_type: TYPE_FP32 dims: [ -1, 2 ] }}\n"
    )
    with embedded(folder / "run", model_repository=repository) as triton:
        yield triton.url


def tensors(count):
    generator = np.random.default_rng(count)
    bits = {name: generator.bytes(2 * count * np.dtype(kind).itemsize) for name, kind in DATATYPES.items()}
    found = {name: np.frombuffer(bits[name], kind).reshape(count, 2) for name, kind in DATATYPES.items()}
    return found | {"BOOL": found["UINT8"] > 99}


@pytest.mark.parametrize("count", [1, 4])
def test_every_type_of_number_comes_back_bit_by_bit(url, count):
    given = tensors(count)
    again = infer(url, "identity", given)
    assert {name: array.tobytes() for name, array in again.items()} == {
        f"{name}_again": array.tobytes() for name, array in given.items()
    }
    assert {array.dtype for array in again.values()} == {array.dtype for array in given.values()}
    assert {array.shape for array in again.values()} == {(count, 2)}


def test_only_the_outputs_that_are_asked_for_are_given(url):
    assert set(infer(url, "identity", tensors(1), ["FP64_again", "BOOL_again"])) == {"FP64_again", "BOOL_again"}


def test_names_may_hold_any_character_and_a_model_need_not_batch(url):
    (again,) = infer(url, "odd", {ODD_NAME: np.zeros((0, 2), np.float32)}).values()
    assert again.shape == (0, 2)
    (again,) = infer(url, "odd", {ODD_NAME: np.ones((3, 2), np.float32)}).values()
    assert again.tolist() == [[1, 1]] * 3


def test_an_input_that_arrives_in_pieces_is_put_together(url, session):
    crops = {"face": np.random.default_rng(8).integers(0, 256, (8, 128, 128, 3), np.uint8)}
    header, body = message(crops)
    host, port = url.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"POST /v2/models/anti_spoof/infer HTTP/1.1\r\nHost: {url}\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(f"{head}Inference-Header-Content-Length: {len(header)}\r\n\r\n".encode())
        for at in range(0, len(body), 7001):
            connection.sendall(body[at : at + 7001])
            time.sleep(0.002)
        response = http.client.HTTPResponse(connection)
        response.begin()
        np.testing.assert_array_equal(read(response)["live"], session.run(["live"], crops)[0])
