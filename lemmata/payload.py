"""Named arrays as one block of bytes, with a checksum.

Layout: 16 bytes of BLAKE2b, 4 bytes with the length of a JSON header, the header (names of the arrays and
lengths of their parts), then each array as the bytes of an `.npy` file. Nothing is ever pickled.
"""

from __future__ import annotations

import functools
import io
import json
import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.lib import format as npy

Arrays: TypeAlias = dict[str, np.ndarray[Any, Any]]
_CHECKSUM = 16
_PLAIN = cast("tuple[type[Any], ...]", (np.ndarray, np.generic))
_MASKED = cast("type[Any]", np.ma.MaskedArray)
_LENGTH = struct.Struct("<I")
_NPY_1 = npy.magic(1, 0)
_NPY_1_PREFIX = struct.Struct("<8sH")  # magic string and length of the header


class PayloadError(Exception):
    """Bytes that are no intact payload."""


def encode(arrays: Mapping[str, np.ndarray[Any, Any]], label: bytes = b"") -> bytes:
    """Bytes of named arrays; the checksum covers `label` as well.

    Raises
    ------
    ValueError
        If an array is no plain NumPy array, or holds Python objects.
    """
    parts = [_to_npy(name, array) for name, array in arrays.items()]
    header = _header(tuple((name, len(part)) for name, part in zip(arrays, parts, strict=True)))
    return b"".join([_checksum(label, [header, *parts]), header, *parts])


def decode(content: bytes, label: bytes = b"") -> Arrays:
    """The named arrays of a payload, each a writable array of its own.

    Raises
    ------
    PayloadError
        If the checksum is not that of these bytes and this label.
    """
    body = memoryview(content)[_CHECKSUM:]
    if _checksum(label, [body]) != content[:_CHECKSUM]:
        raise PayloadError("its checksum does not agree")
    start = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    arrays: Arrays = {}
    for name, size in _parsed_header(bytes(body[_LENGTH.size : start])):
        arrays[name] = _from_npy(body[start : start + size])
        start += size
    return arrays


def _checksum(label: bytes, parts: Iterable[bytes | memoryview]) -> bytes:
    digest = blake2b(b"%d " % len(label) + label, digest_size=_CHECKSUM)
    for part in parts:
        digest.update(part)
    return digest.digest()


@functools.lru_cache(maxsize=256)
def _header(lengths: tuple[tuple[str, int], ...]) -> bytes:
    text = json.dumps(lengths).encode()
    return _LENGTH.pack(len(text)) + text


@functools.lru_cache(maxsize=256)
def _parsed_header(text: bytes) -> tuple[tuple[str, int], ...]:
    return tuple((name, size) for name, size in json.loads(text))


# The header of an `.npy` file takes NumPy some ten microseconds to write or read; chunks repeat the same few.


def _to_npy(name: str, given: Any) -> bytes:
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"array name = {name!r}: must be a str")
    if not isinstance(given, _PLAIN) or isinstance(given, _MASKED):
        raise ValueError(f"array {name!r} is a {type(given).__name__}: must be a plain NumPy array")
    values: np.ndarray[Any, Any] = np.asarray(given)
    if values.dtype.hasobject:
        raise ValueError(
            f"array {name!r} has dtype {values.dtype}: Python objects are not kept, only numbers"
        )
    if values.dtype.names is not None:
        stream = io.BytesIO()
        npy.write_array(stream, values, allow_pickle=False)
        return stream.getvalue()
    by_columns = values.flags.fnc
    return _npy_header(values.dtype, values.shape, by_columns) + values.tobytes("F" if by_columns else "C")


@functools.lru_cache(maxsize=1024)
def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...], by_columns: bool) -> bytes:
    stream = io.BytesIO()
    description = {"descr": npy.dtype_to_descr(dtype), "fortran_order": by_columns, "shape": shape}
    npy.write_array_header_1_0(stream, description)
    return stream.getvalue()


def _from_npy(part: memoryview) -> np.ndarray[Any, Any]:
    magic, length = _NPY_1_PREFIX.unpack_from(part)
    start = _NPY_1_PREFIX.size + length
    if magic == _NPY_1:
        shape, by_columns, dtype = _parsed_npy_header(bytes(part[:start]))
        if dtype.names is None and dtype.itemsize:
            flat = np.frombuffer(part, dtype, offset=start).copy()
            return flat.reshape(shape, order="F" if by_columns else "C")
    return npy.read_array(io.BytesIO(part), allow_pickle=False)


@functools.lru_cache(maxsize=1024)
def _parsed_npy_header(text: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    stream = io.BytesIO(text)
    npy.read_magic(stream)
    return npy.read_array_header_1_0(stream)
