"""Reads what `torch.save` wrote, taking tensors and plain data from it, and executing nothing.

The file is a zip archive of a pickle, `data.pkl`, and of the bytes of each tensor. Names of classes in the pickle stand
for what is listed here, and for inert containers where the caller says so; any other name is refused. Sizes are those
that the file has, not those that it claims.
"""

import io
import math
import pickle
import pickletools
import re
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor

from export.errors import ExportError
from export.reading import regular

# What pickles of protocol 2 are made of, which `torch.save` writes.
OPCODES = {
    *("PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *(
        "BINUNICODE",
        "BINSTRING",
        "SHORT_BINSTRING",
        "EMPTY_LIST",
        "APPEND",
        "APPENDS",
        "EMPTY_TUPLE",
        "TUPLE",
        "TUPLE1",
    ),
    *("TUPLE2", "TUPLE3", "EMPTY_DICT", "SETITEM", "SETITEMS", "BINGET", "LONG_BINGET", "BINPUT", "LONG_BINPUT"),
    *("GLOBAL", "REDUCE", "NEWOBJ", "BUILD", "BINPERSID"),
}
DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, RuntimeError, NotImplementedError),
    *(OverflowError, MemoryError, AssertionError, pickle.UnpicklingError, zipfile.BadZipFile, struct.error),
)


class Inert(dict):
    """Inert replacement for a class in the pickle: stores its state, and does nothing."""

    def __init__(self, *_: object):
        super().__init__()


def load(path: Path, inert: re.Pattern | None = None) -> object:
    """What the file holds; names that `inert` matches stand for inert containers.

    Raises `ExportError` with what is damaged, or the name that is neither.
    """
    try:
        with zipfile.ZipFile(regular(path)) as archive:
            return Unpickler(path, archive, inert).load()
    except UNREADABLE as error:
        raise ExportError(f"{path}: cannot be read as a checkpoint ({error or type(error).__name__})") from error


class Unpickler(pickle.Unpickler):
    """Reads the pickle of an archive; every function that it may call is a method below."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, inert: re.Pattern | None):
        self.path, self.archive, self.inert = path, archive, inert
        self.names = checked_names(path, archive)
        self.storages: dict[str, Tensor] = {}
        # A class of its own: a pickle may set attributes of what it names.
        self.container = type("Inert", (Inert,), {})
        self.called = {
            "collections.OrderedDict": self.table,
            "torch._utils._rebuild_tensor_v2": self.tensor,
            "torch._utils._rebuild_parameter": self.parameter,
            "_codecs.encode": self.encoded,
            "__builtin__.bytes": self.empty,
            **{f"torch.{name}": dtype for name, dtype in DTYPES.items()},
        }
        pickled = archive.read(self.names["data.pkl"])
        self.check(pickled)
        super().__init__(io.BytesIO(pickled))

    def check(self, pickled: bytes) -> None:
        """That it is made of known operations and names, before any of it is obeyed."""
        for operation, argument, position in pickletools.genops(pickled):
            if operation.name not in OPCODES:
                raise pickle.UnpicklingError(f"data.pkl has {operation.name}, which torch.save does not write")
            if operation.name == "LONG_BINPUT" and argument > position:
                raise pickle.UnpicklingError(f"data.pkl numbers an object {argument}, more than it holds")
            if operation.name == "GLOBAL":
                self.find_class(*argument.split(" ", 1))

    def find_class(self, module: str, name: str) -> object:
        full = f"{module}.{name}"
        if full in self.called:
            return self.called[full]
        if self.inert is not None and self.inert.fullmatch(full):
            return self.container
        refused = f"{self.path}: refers to {full}, which could execute code; nothing was executed"
        raise ExportError(refused if self.inert is None else f"{refused}. Say --unsafe-pickle if you trust the file")

    def persistent_load(self, identity: object) -> Tensor:
        """The numbers of a tensor, in the order of the file."""
        kind, dtype, key, _, count = identity
        if kind != "storage" or not isinstance(dtype, torch.dtype) or type(count) is not int or count < 0:
            raise pickle.UnpicklingError("data.pkl refers to no tensor's numbers")
        if key not in self.storages:
            self.storages[key] = self.read(str(key), dtype)
        found = self.storages[key]
        if found.dtype != dtype or len(found) != count:
            raise pickle.UnpicklingError(f"data/{key} has {len(found)} numbers, not {count} of {dtype}")
        return found

    def read(self, key: str, dtype: torch.dtype) -> Tensor:
        content = bytearray(self.archive.read(self.names[f"data/{key}"]))
        return torch.frombuffer(content, dtype=dtype) if content else torch.zeros(0, dtype=dtype)

    def tensor(self, storage: Tensor, offset: int, shape: tuple, stride: tuple, *_: object) -> Tensor:
        """`_rebuild_tensor_v2`, of no more numbers than are stored."""
        if not isinstance(storage, Tensor) or storage.dim() != 1 or not math.prod(shape) <= len(storage):
            raise pickle.UnpicklingError(f"data.pkl has a tensor of shape {list(shape)}, which is not stored")
        return storage.as_strided(shape, stride, offset)

    def table(self) -> OrderedDict:
        return OrderedDict()

    def parameter(self, tensor: Tensor, *_: object) -> Tensor:
        return tensor

    def empty(self) -> bytes:
        return b""

    def encoded(self, text: str, encoding: str) -> bytes:
        """Bytes, as Python writes them in protocol 2."""
        if encoding != "latin1":
            raise pickle.UnpicklingError(f"data.pkl has bytes encoded as {encoding!r}")
        return text.encode("latin1")


def checked_names(path: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    """The archive's members by their names without its folder: not compressed, and together no larger than the file."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
        raise zipfile.BadZipFile("a member is compressed or encrypted, which torch.save does not do")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise zipfile.BadZipFile("its members claim more than the file has")
    names = {member.filename.partition("/")[2]: member.filename for member in members}
    if len(names) != len(members):
        raise zipfile.BadZipFile("two members have one name")
    if "data.pkl" not in names:
        raise zipfile.BadZipFile("has no data.pkl, which torch.save writes")
    if "byteorder" in names and archive.read(names["byteorder"]) != b"little":
        raise zipfile.BadZipFile("byteorder is not little")
    return names
