"""The int8 model takes the crop's bytes as they are, where its first quantisation would give the very same bytes.

The float32 model scales bytes to [-2, 2]; quantised, that is a cast, two operators and their roundings over every
value, 2 % of the model's time, which end in the number that they began with.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx.utils import extract_model
from onnxruntime import InferenceSession

from frontend.crops import CROP_SIDE_PIXELS


def fold_input(file: Path) -> bool:
    """Leave out, in a QDQ model, what lies between the transposed crop and the first convolution's quantised input.

    False, with nothing changed, where any of the 256 bytes would come out as another, or the convolution is in float32.
    """
    model = onnx.load(file)
    graph = model.graph
    chain = [next(node for node in graph.node if node.op_type == "Transpose")]
    while (following := _consumer_of(graph, chain[-1])).op_type != "Conv":
        chain.append(following)
    transpose, *between, dequantize = chain
    if not between or between[-1].op_type != "QuantizeLinear":
        return False
    if not _is_identity(file, transpose.output[0], between[-1].output[0]):
        return False
    dequantize.input[0] = transpose.output[0]
    _remove(graph, {output for node in between for output in node.output})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, file)
    return True


def _consumer_of(graph: onnx.GraphProto, node: onnx.NodeProto) -> onnx.NodeProto:
    (consumer,) = (other for other in graph.node if node.output[0] in other.input)
    return consumer


def _is_identity(file: Path, first: str, last: str) -> bool:
    every_byte = np.resize(np.arange(256, dtype=np.uint8), (1, 3, CROP_SIDE_PIXELS, CROP_SIDE_PIXELS))
    part = file.with_suffix(".part.onnx")
    extract_model(str(file), str(part), [first], [last])
    (got,) = InferenceSession(part, providers=["CPUExecutionProvider"]).run(None, {first: every_byte})
    part.unlink()
    return np.array_equal(got, every_byte)


def _remove(graph: onnx.GraphProto, outputs: set[str]) -> None:
    """Take out the nodes that give these, and all that nothing uses any more."""
    while unused := [node for node in graph.node if outputs.issuperset(node.output)]:
        for node in unused:
            graph.node.remove(node)
        wanted = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        outputs = {name for node in graph.node for name in node.output} - wanted
    given = {name for node in graph.node for name in node.output}
    for values, kept in (graph.initializer, wanted), (graph.value_info, given):
        for value in [value for value in values if value.name not in kept]:
            values.remove(value)
