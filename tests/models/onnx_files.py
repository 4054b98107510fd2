"""Small ONNX models, written byte by byte after onnx.proto: the package `onnx` is no dependency of this project."""

import struct

UINT8, FLOAT, INT64 = 2, 1, 7


def small_model(inputs=("face",), output="live", side=128, last="Sigmoid", scale=0.02, batch="n") -> bytes:
    """`last` of `scale` × the sum over the inputs of the mean of their pixels, [batch, 1]."""
    nodes, sums = b"", []
    for name in inputs:
        nodes += _node("Cast", [name], f"{name}_float", _int_attribute("to", FLOAT))
        nodes += _node("Flatten", [f"{name}_float"], f"{name}_flat", _int_attribute("axis", 1))
        nodes += _node("ReduceMean", [f"{name}_flat"], f"{name}_mean", _ints_attribute("axes", [1]))
        sums.append(f"{name}_mean")
    nodes += _node("Sum", sums, "sum") + _node("Mul", ["sum", "scale"], "scaled") + _node(last, ["scaled"], output)
    initializer = _varint(2, FLOAT) + _text(8, "scale") + _bytes(9, struct.pack("<f", scale))
    taken = {name: (UINT8, [batch, side, side, 3]) for name in inputs}
    return _model(nodes, taken, {output: (FLOAT, [batch, 1])}, initializer)


def identity_model(kinds) -> bytes:
    """Gives each input `NAME`, [n, 2] of the element type `kinds[NAME]`, back as `NAME_again`."""
    nodes = b"".join(_node("Identity", [name], f"{name}_again") for name in kinds)
    given = {f"{name}_again": (kind, ["n", 2]) for name, kind in kinds.items()}
    return _model(nodes, {name: (kind, ["n", 2]) for name, kind in kinds.items()}, given)


def lookup_model(table) -> bytes:
    """`value` of `table` at `index`, both [n, 1]; an index that is not in the table is an error of that run."""
    content = struct.pack(f"<{len(table)}f", *table)
    initializer = _varint(1, len(table)) + _varint(2, FLOAT) + _text(8, "table") + _bytes(9, content)
    node = _node("Gather", ["table", "index"], "value")
    return _model(node, {"index": (INT64, ["n", 1])}, {"value": (FLOAT, ["n", 1])}, initializer)


def _model(nodes, inputs, outputs, initializer=b""):
    graph = nodes + _text(2, "graph") + (_bytes(5, initializer) if initializer else b"")
    graph += b"".join(_bytes(11, _tensor(name, *what)) for name, what in inputs.items())
    graph += b"".join(_bytes(12, _tensor(name, *what)) for name, what in outputs.items())
    return _varint(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _varint(2, 17))


def _node(kind, inputs, output, *attributes):
    body = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind)
    return _bytes(1, body + b"".join(_bytes(5, attribute) for attribute in attributes))


def _int_attribute(name, value):
    return _text(1, name) + _varint(3, value) + _varint(20, 2)


def _ints_attribute(name, values):
    return _text(1, name) + b"".join(_varint(8, value) for value in values) + _varint(20, 7)


def _tensor(name, kind, shape):
    sides = b"".join(_bytes(1, _text(2, side) if isinstance(side, str) else _varint(1, side)) for side in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _varint(1, kind) + _bytes(2, sides)))


def _text(field, value):
    return _bytes(field, value.encode())


def _bytes(field, value):
    return _number(field << 3 | 2) + _number(len(value)) + value


def _varint(field, value):
    return _number(field << 3) + _number(value)


def _number(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
