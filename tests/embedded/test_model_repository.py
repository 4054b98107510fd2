import json
import urllib.request

import pytest


@pytest.fixture(scope="module")
def config(triton):
    with urllib.request.urlopen(f"http://{triton.url}/v2/models/anti_spoof/config", timeout=10) as response:
        return json.load(response)


def test_the_model_is_served_by_the_onnxruntime_backend_on_the_cpu(config):
    assert config["backend"] == "onnxruntime"
    assert [(group["kind"], group["count"]) for group in config["instance_group"]] == [("KIND_CPU", 2)]


def test_each_session_has_one_thread(config):
    threads = {key: value["string_value"] for key, value in config["parameters"].items()}
    assert threads == {"intra_op_thread_count": "1", "inter_op_thread_count": "1"}


def test_batches_form_without_delay_from_a_bounded_queue(config):
    assert config["max_batch_size"] == 8
    batching = config["dynamic_batching"]
    assert batching["max_queue_delay_microseconds"] == 0
    assert batching["default_queue_policy"] == {
        "timeout_action": "REJECT",
        "default_timeout_microseconds": 2500000,
        "allow_timeout_override": True,
        "max_queue_size": 256,
    }


def test_inputs_and_output_are_those_of_the_model(config, session):
    assert {i["name"]: (i["data_type"], i["dims"]) for i in config["input"]} == {
        "face": ("TYPE_UINT8", [128, 128, 3]),
    }
    assert [(o["name"], o["data_type"], o["dims"]) for o in config["output"]] == [("live", "TYPE_FP32", [1])]
    assert {(i.name, i.type, tuple(i.shape[1:])) for i in session.get_inputs()} == {
        ("face", "tensor(uint8)", (128, 128, 3)),
    }


def test_a_new_instance_is_warmed_up(config):
    assert [set(sample["inputs"]) for sample in config["model_warmup"]] == [{"face"}]
    assert config["version_policy"] == {"latest": {"num_versions": 1}}
