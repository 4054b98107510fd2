"""Triton's inference over HTTP with binary tensors, as plain as can be."""

import http.client
import json

import numpy as np

DATATYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip
NAMES = {np.dtype(kind): name for name, kind in DATATYPES.items()}


class Refused(Exception):
    """The answer was an error: its status and what it says."""


def message(inputs, outputs=(), **changes):
    """Header and body of a question; `changes` are made to what it says of the first input."""
    described = [
        {"name": n, "shape": a.shape, "datatype": NAMES[a.dtype], "parameters": {"binary_data_size": a.nbytes}}
        for n, a in inputs.items()
    ]
    described[0] |= changes
    question = {"inputs": described, "parameters": {"binary_data_output": True}}
    if outputs:
        question["outputs"] = [{"name": name, "parameters": {"binary_data": True}} for name in outputs]
    header = json.dumps(question).encode()
    return header, header + b"".join(a.tobytes() for a in inputs.values())


def infer(url, model, inputs, outputs=(), **changes):
    """The outputs by name; Refused if there are none."""
    header, body = message(inputs, outputs, **changes)
    connection = http.client.HTTPConnection(url, timeout=10)
    try:
        headers = {"Inference-Header-Content-Length": str(len(header))}
        connection.request("POST", f"/v2/models/{model}/infer", body, headers)
        return read(connection.getresponse())
    finally:
        connection.close()


def read(response):
    """The outputs of an answer."""
    content = response.read()
    if response.status != http.client.OK:
        raise Refused(response.status, json.loads(content)["error"])
    at, found = int(response.headers["Inference-Header-Content-Length"] or len(content)), {}
    for output in json.loads(content[:at])["outputs"]:
        size = output["parameters"]["binary_data_size"]
        found[output["name"]] = np.frombuffer(content[at : at + size], DATATYPES[output["datatype"]]).reshape(
            output["shape"]
        )
        at += size
    return found
