"""What goes wrong inside our `onnxruntime` backend is the answer to that request, and to no other."""

import http.client
import json
import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.embedded.children import MODEL_REPOSITORY, embedded, named
from tests.embedded.inference import Refused, infer
from tests.models.onnx_files import lookup_model

TABLE = [0.5, 1.5, 2.5, 3.5, 4.5]
# One instance, and time for a batch to gather.
LOOKUP_CONFIG = """
name: "lookup" backend: "onnxruntime" max_batch_size: 8
input { name: "index" data_type: TYPE_INT64 dims: [ 1 ] }
output { name: "value" data_type: TYPE_FP32 dims: [ 1 ] }
instance_group [ { kind: KIND_CPU count: 1 } ]
dynamic_batching { preferred_batch_size: [ 3 ] max_queue_delay_microseconds: 500000 }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The project's model, which here believes any size of face to be right, and beside it a table to look up."""
    folder = tmp_path_factory.mktemp("errors")
    repository = shutil.copytree(MODEL_REPOSITORY, folder / "models")
    config = repository / "anti_spoof" / "config.pbtxt"
    inputs, separator, rest = config.read_text().partition("output [")
    config.write_text(inputs.replace("[ 128, 128, 3 ]", "[ -1, -1, 3 ]") + separator + rest)
    lookup = repository / "lookup"
    (lookup / "1").mkdir(parents=True)
    (lookup / "1" / "model.onnx").write_bytes(lookup_model(TABLE))
    (lookup / "config.pbtxt").write_text(LOOKUP_CONFIG)
    with embedded(folder / "run", model_repository=repository) as triton:
        before = named(folder / "run", "tritonserver")
        yield triton
        assert named(folder / "run", "tritonserver") == before, "it was started again"


def faces(count, side=128):
    return {"face": np.full((count, side, side, 3), 99, np.uint8)}


def index(*numbers):
    return {"index": np.array(numbers, np.int64).reshape(-1, 1)}


def statistics(triton, model):
    connection = http.client.HTTPConnection(triton.url, timeout=10)
    connection.request("GET", f"/v2/models/{model}/stats")
    (found,) = json.loads(connection.getresponse().read())["model_stats"]
    connection.close()
    return found


@pytest.mark.parametrize(
    ("inputs", "outputs", "changes", "reason"),
    [
        (faces(1, side=64), (), {}, "Got invalid dimensions"),
        (faces(1), (), {"datatype": "INT8"}, "data-type|datatype"),
        (faces(1), (), {"shape": [1, 128, 128]}, "shape"),
        (faces(1), (), {"shape": [2, 128, 128, 3]}, "bytes? size|bytes"),
        (faces(1), (), {"shape": [1, 128, 127, 3]}, "bytes? size|bytes"),
        (faces(9), (), {}, "batch-size"),
        ({"nonesuch": faces(1)["face"]}, (), {}, "nonesuch"),
        (faces(1), ["nonesuch"], {}, "nonesuch"),
    ],
    ids=["a size that only the model refuses", "type", "dims", "too few bytes", "too many", "batch", "input", "output"],
)
def test_a_wrong_request_is_told_what_is_wrong_and_the_next_is_served(server, inputs, outputs, changes, reason):
    for _ in range(3):
        with pytest.raises(Refused) as refusal:
            infer(server.url, "anti_spoof", inputs, outputs, **changes)
        status, said = refusal.value.args
        assert status == 400, said
        assert re.search(reason, said), said
        assert infer(server.url, "anti_spoof", faces(1))["live"].shape == (1, 1)


def test_a_request_that_fails_in_a_batch_leaves_the_others_their_answers(server):
    before = statistics(server, "lookup")
    together = threading.Barrier(3)

    def ask(number):
        together.wait()
        try:
            return infer(server.url, "lookup", index(number))["value"].tolist()
        except Refused as refusal:
            return refusal.args

    with ThreadPoolExecutor(3) as pool:
        first, wrong, last = pool.map(ask, [1, 7, 4])
    assert (first, last) == ([[1.5]], [[4.5]])
    assert wrong[0] == 400
    assert "idx=7" in wrong[1]
    after = statistics(server, "lookup")
    assert [batch["batch_size"] for batch in after["batch_stats"]] == [3], "they were not in one batch"
    counted = {name: after["inference_stats"][name]["count"] for name in ("success", "fail")}
    assert counted == {
        "success": before["inference_stats"]["success"]["count"] + 2,
        "fail": before["inference_stats"]["fail"]["count"] + 1,
    }


def test_thousands_of_requests_and_errors_take_no_memory(server):
    (process,) = named(server.log_path.parent, "tritonserver")

    def ask(rounds):
        for _ in range(rounds):
            infer(server.url, "anti_spoof", faces(1))
            with pytest.raises(Refused):
                infer(server.url, "anti_spoof", faces(1, side=64))
            with pytest.raises(Refused):
                infer(server.url, "lookup", index(1, 7, 4))

    ask(300)
    before = process.memory_info().rss
    ask(1500)
    grown = process.memory_info().rss - before
    assert grown < 300_000, f"{grown / 1500:.0f} bytes for each of three requests"
