"""An ONNX file, written and looked at weight by weight: never are all weights in memory for it.

A file is a protobuf message (https://protobuf.dev/programming-guides/encoding): a model, in it a graph, in it tensors.
A weight's bytes begin at a multiple of `ALIGNED`, so that who maps the file can use them where they are.
"""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_ir

from export.progress import Progress, silent

# Numbers of fields, of the messages ModelProto, GraphProto and TensorProto.
GRAPH, INITIALIZER, NOTE, RAW = 7, 5, 12, 9
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
ALIGNED = 64
# Weights of fewer bytes stay with the graph, as what shapes are computed from does.
LARGE = 1 << 12


@dataclass(frozen=True)
class Weight:
    """A large tensor: all of its message but the bytes, and these when they are asked for."""

    head: onnx.TensorProto
    length: int
    numbers: Callable[[], np.ndarray]

    def message(self, at: int) -> tuple[bytes, bytes]:
        """What precedes the bytes in a graph, if the first part begins `at`: the weight's own tag and length, and its
        head, with a note of as many blanks as put its bytes where they shall be."""
        for blanks in range(2 * ALIGNED):
            self.head.doc_string = " " * blanks
            head = self.head.SerializeToString() + prefix(RAW, self.length)
            tag = prefix(INITIALIZER, len(head) + self.length)
            if (at + len(tag) + len(head)) % ALIGNED == 0:
                break
        return tag, head


def taken(model: onnx_ir.Model) -> list[Weight]:
    """The large weights of a model, which has inputs in their place afterwards."""
    found = []
    for name, value in list(model.graph.initializers.items()):
        tensor = value.const_value
        if tensor.nbytes < LARGE:
            continue
        head = onnx.TensorProto(name=name, dims=tensor.shape.numpy(), data_type=int(tensor.dtype))
        found.append(Weight(head, tensor.nbytes, tensor.numpy))
        del model.graph.initializers[name]
        value.const_value, value.type, value.shape = None, onnx_ir.TensorType(tensor.dtype), tensor.shape
        model.graph.inputs.append(value)
    return found


def write(model: onnx.ModelProto, weights: list[Weight], path: Path, progress: Progress = silent) -> None:
    """Writes the model, whose last inputs are the weights, as one file in which they are none."""
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    del rest.graph.input[len(rest.graph.input) - len(weights) :]
    graph = rest.graph.SerializeToString()
    rest.ClearField("graph")
    before = rest.SerializeToString()
    for width in range(1, 6):
        # How long the graph is depends on where it begins, and that on how long its length is, written down.
        heads, at = [], len(before) + 1 + width + len(graph)
        for weight in weights:
            heads.append(weight.message(at))
            at += sum(map(len, heads[-1])) + weight.length
        opening = prefix(GRAPH, at - len(before) - 1 - width)
        if len(opening) == 1 + width:
            break
    size, done = max(1, sum(weight.length for weight in weights)), 0
    with path.open("wb") as file:
        file.write(before + opening + graph)
        for (tag, head), weight in zip(heads, weights, strict=True):
            file.write(tag + head)
            file.write(np.ascontiguousarray(weight.numbers()).data.cast("B"))
            progress(f"{path.stem}: writing", done := done + weight.length, size)


def outline(path: Path) -> bytes:
    """The model that the file holds, with references to the file in place of the bytes of its large weights: for
    runtimes that map them from there."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        found = []
        for number, begin, at, end in fields(held, 0, len(held)):
            if number != GRAPH:
                found.append(held[begin:end])
                continue
            graph = b"".join(part(held, *where, path.name) for where in fields(held, at, end))
            found.append(prefix(GRAPH, len(graph)) + graph)
        return b"".join(found)


def part(held: mmap.mmap, number: int, begin: int, at: int, end: int, file: str) -> bytes:
    """A field of a graph, large weights as references to the file."""
    if number != INITIALIZER or end - at < LARGE:
        return held[begin:end]
    tensor = onnx.TensorProto()
    for field, first, start, stop in fields(held, at, end):
        if field == RAW:
            for key, value in {"location": file, "offset": str(start), "length": str(stop - start)}.items():
                tensor.external_data.add(key=key, value=value)
            tensor.data_location = onnx.TensorProto.EXTERNAL
        elif field != NOTE:
            tensor.MergeFromString(held[first:stop])
    message = tensor.SerializeToString()
    return prefix(INITIALIZER, len(message)) + message


def fields(held: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message that lies from `at` to `end`: the number, and where it, its value and the next begin."""
    while at < end:
        begin = at
        key, at = varint(held, at)
        match key & 7:
            case 0:
                value, (_, at) = at, varint(held, at)
            case 1:
                value, at = at, at + 8
            case 2:
                length, value = varint(held, at)
                at = value + length
            case 5:
                value, at = at, at + 4
            case kind:
                raise ValueError(f"a field of kind {kind} at byte {begin}")
        yield key >> 3, begin, value, at


def varint(held: mmap.mmap, at: int) -> tuple[int, int]:
    """A number, seven bits a byte, the least ones first; and where it ends."""
    number, shift = 0, 0
    while held[at] & 0x80:
        number |= (held[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | held[at] << shift, at + 1


def prefix(field: int, length: int) -> bytes:
    """What precedes `length` bytes that are a field's value."""
    written = bytearray([field << 3 | 2])
    while length > 0x7F:
        written.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(written) + bytes([length])
