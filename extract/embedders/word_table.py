"""Leaves the table of a model's words in its file, of which only the rows that are read come into memory.

Words make a third of a quantised model: 12 MB. ONNX Runtime copies what is in the file into memory of the process, but
it takes a tensor that it is handed in place of one of the same name. So the tensor is found in the file (a model is a
message of Protocol Buffers) and mapped; the system can have its memory back.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

_GRAPH, _INITIALIZER = 7, 5
"""Numbers of these fields in ONNX's ``ModelProto`` and ``GraphProto``."""
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
"""The same in ``TensorProto``."""
_BYTE_TYPES: dict[int, type[np.generic]] = {2: np.uint8, 3: np.int8}
"""Types of one byte, which may begin anywhere in a file."""
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
"""Kinds of values in a message."""
WORTH_BYTES = 4 << 20


class Tensor(NamedTuple):
    """A tensor that stays in its file."""

    name: str
    values: NDArray[Any]


class _Place(NamedTuple):
    """Where a tensor stands in its file."""

    name: str
    kind: type[np.generic]
    dims: list[int]
    start: int
    size_bytes: int


class _Field(NamedTuple):
    """A field of a message: its number, and its value or where it stands."""

    number: int
    value: int
    start: int
    end: int


def find_word_table(path: Path, worth_bytes: int = WORTH_BYTES) -> Tensor | None:
    """Return the largest tensor of a model file, if it has one byte an element and is large; mapped, not read.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is empty, or no model.
    """
    best: _Place | None = None
    with path.open("rb") as file:
        try:
            for graph in _fields(file, 0, path.stat().st_size):
                for field in _fields(file, graph.start, graph.end) if graph.number == _GRAPH else ():
                    place = _place(file, field) if field.number == _INITIALIZER else None
                    if place is not None and place.size_bytes > (best.size_bytes if best else worth_bytes):
                        best = place
        except IndexError:
            raise ValueError(f"{path} ends too early") from None
        if best is None:
            return None
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return Tensor(best.name, np.frombuffer(mapped, best.kind, best.size_bytes, best.start).reshape(best.dims))


def _place(file: BinaryIO, message: _Field) -> _Place | None:
    dims: list[int] = []
    kind: type[np.generic] | None = None
    name, raw = "", None
    for field in _fields(file, message.start, message.end):
        if field.number == _DIMS:
            dims += [field.value] if field.start == field.end else _packed(file, field)
        elif field.number == _DATA_TYPE:
            kind = _BYTE_TYPES.get(field.value)
        elif field.number == _NAME:
            file.seek(field.start)
            name = file.read(field.end - field.start).decode()
        elif field.number == _RAW_DATA:
            raw = field
    if kind is None or raw is None:
        return None
    return _Place(name, kind, dims, raw.start, raw.end - raw.start)


def _packed(file: BinaryIO, field: _Field) -> list[int]:
    at, found = field.start, list[int]()
    while at < field.end:
        value, at = _varint(file, at)
        found.append(value)
    return found


def _fields(file: BinaryIO, at: int, end: int) -> Iterator[_Field]:
    while at < end:
        key, at = _varint(file, at)
        number, kind = key >> 3, key & 7
        value = 0
        if kind == _VARINT:
            value, at = _varint(file, at)
            length = 0
        elif kind == _LENGTH:
            length, at = _varint(file, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"no message: a value of kind {kind} at {at}")
        yield _Field(number, value, at, at + length)
        at += length


def _varint(file: BinaryIO, at: int) -> tuple[int, int]:
    """Return a number of variable length, and where the next value begins."""
    file.seek(at)
    value = shift = 0
    while True:
        byte = file.read(1)[0]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:  # noqa: PLR2004 (the highest bit says that more follows)
            return value, at
