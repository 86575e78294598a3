"""Just enough of the protobuf wire format to write small ONNX models, right and wrong ones, without any library."""


def varint(value):
    out = bytearray()
    while True:
        out.append((value & 0x7F) | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def value_info(name, dims):
    shape = b"".join(text(1, number(1, d) if isinstance(d, int) else text(2, d)) for d in dims)
    return text(1, name) + text(2, text(1, number(1, 1) + text(2, shape)))  # elem_type 1: float


def node(op_type, name, inputs, outputs):
    return b"".join(text(1, i) for i in inputs) + b"".join(text(2, o) for o in outputs) + text(3, name) + text(4, op_type)


def model(nodes, inputs, outputs, opset=13):
    graph = (b"".join(text(1, n) for n in nodes) + text(2, "g") + b"".join(text(11, i) for i in inputs)
             + b"".join(text(12, o) for o in outputs))
    return number(1, 8) + text(7, graph) + text(8, number(2, opset))
