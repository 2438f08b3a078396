"""The largest tensor of a model file is found, and read from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from extract.embedders.word_table import find_word_table


def varint(value: int) -> bytes:
    low = value & 127
    return bytes([low | 128]) + varint(value >> 7) if value > 127 else bytes([low])


def field(number: int, value: int | bytes) -> bytes:
    """A field of a message: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name: str, values: np.ndarray, data_type: int, *, packed: bool = False) -> bytes:
    if packed:
        dims = field(1, b"".join(map(varint, values.shape)))
    else:
        dims = b"".join(field(1, size) for size in values.shape)
    return dims + field(2, data_type) + field(8, name.encode()) + field(9, values.tobytes())


def model(*tensors: bytes) -> bytes:
    """A model with some tensors among other fields of every kind."""
    graph = field(2, b"a graph") + b"".join(field(5, one) for one in tensors)
    return field(1, 8) + varint(3 << 3 | 5) + b"four" + varint(4 << 3 | 1) + b"eight by" + field(7, graph)


@pytest.mark.parametrize(("kind", "data_type"), [(np.uint8, 2), (np.int8, 3)])
@pytest.mark.parametrize("packed", [False, True])
def test_the_largest_tensor_of_single_bytes_is_read_from_the_file(
    tmp_path: Path, kind: type[np.generic], data_type: int, packed: bool
) -> None:
    words = np.arange(600, dtype=np.int64).astype(kind).reshape(200, 3)
    floats = np.ones((40, 40), np.float32)
    path = tmp_path / "model.onnx"
    path.write_bytes(
        model(tensor("small", words[:9], data_type), tensor("words", words, data_type, packed=packed),
              tensor("floats", floats, 1))
    )  # fmt: skip
    found = find_word_table(path, worth_bytes=500)
    assert found is not None and found.name == "words"
    assert found.values.dtype == kind and (found.values == words).all()
    assert not found.values.flags.writeable
    assert find_word_table(path, worth_bytes=600) is None


def test_a_file_that_is_no_whole_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    whole = model(tensor("words", np.zeros((200, 3), np.uint8), 2))
    for broken in (whole[:-100], b"<html>not found</html>" * 40):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"."):
            find_word_table(path, worth_bytes=500)
