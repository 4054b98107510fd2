import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from frontend.embedded.probe import Probe, ProbeFailed
from frontend.embedded.selfcheck import compare, sample_crops
from frontend.errors import StartRefused


def random_crops(count, seed):
    generator = np.random.default_rng(seed)
    return {"face": generator.integers(0, 256, (count, 128, 128, 3), dtype=np.uint8)}


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_answers_equal_onnx_runtime_to_the_last_bit(triton, session, count):
    crops = random_crops(count, seed=count)
    (expected,) = session.run(["live"], crops)
    assert len(np.unique(expected)) == count, "equal scores could hide a mix-up"
    np.testing.assert_array_equal(Probe(triton.url, "anti_spoof").infer(crops, 10), expected)


def test_each_of_many_concurrent_requests_gets_its_own_answer(triton, session):
    questions = [random_crops(1 + seed % 3, seed) for seed in range(96)]
    probe = Probe(triton.url, "anti_spoof")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda crops: probe.infer(crops, 10), questions))
    for crops, answer in zip(questions, answers, strict=True):
        np.testing.assert_array_equal(answer, session.run(["live"], crops)[0])


def test_nothing_is_printed_for_an_answer(triton):
    before = triton.log_path.read_text()
    for _ in range(20):
        triton.infer()
    assert triton.log_path.read_text() == before


@pytest.mark.parametrize(
    ("shape", "datatype"),
    [([1, 64, 64, 3], "UINT8"), ([9, 128, 128, 3], "UINT8"), ([1, 128, 128, 3], "FP32"), ([0, 128, 128, 3], "UINT8")],
)
def test_wrong_inputs_are_refused_and_the_server_serves_on(triton, shape, datatype):
    size = int(np.prod(shape)) * (4 if datatype == "FP32" else 1)
    inputs = [{"name": "face", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}]
    header = json.dumps({"inputs": inputs}).encode()
    connection = http.client.HTTPConnection(triton.url, timeout=10)
    headers = {"Inference-Header-Content-Length": str(len(header))}
    connection.request("POST", "/v2/models/anti_spoof/infer", header + bytes(size), headers)
    response = connection.getresponse()
    assert 400 <= response.status < 500
    assert json.loads(response.read())["error"]
    connection.close()
    triton.infer()


def test_the_self_check_notices_a_wrong_answer(triton, session):
    crops = sample_crops(2)
    (scores,) = session.run(["live"], crops)
    probe = Probe(triton.url, "anti_spoof")
    compare(probe, [(crops, scores)], 10)
    with pytest.raises(StartRefused, match="do not fit together"):
        compare(probe, [(crops, scores[::-1])], 10)


def test_an_unknown_model_is_no_answer(triton):
    with pytest.raises(ProbeFailed, match="unknown model"):
        Probe(triton.url, "nonesuch").infer(sample_crops(1), 10)
