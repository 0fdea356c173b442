"""Matrix products and the tridiagonal reduction, in place and without the interpreter's lock.

SciPy's own wrappers of these routines hold the lock while they work, and copy what is not in column order. Here the
routines are called through the function pointers that `scipy.linalg.cython_blas` and `cython_lapack` publish.
Matrices are float32 or float64 and in row order: the last axis is contiguous, rows may lie apart.

Routines that take or give a symmetric matrix know its upper triangle alone.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cython_blas, cython_lapack

Array = npt.NDArray[Any]

WORK = 64  # numbers of work space for each row of a reduction: more than the routines' largest block


def multiply_add(left: Array, right: Array, out: Array, *, scale: float = 1.0, keep: float = 0.0) -> None:
    """out = scale left @ right + keep out.

    Parameters
    ----------
    left, right : array (m, k), array (k, n)
        In row order, or transposes of matrices in row order.
    out : array (m, n)
        With `keep` = 0 its entries before do not matter.
    scale, keep : float
    """
    # column order sees the transposes: out^T = right^T left^T
    first, first_stride, first_order = _as_columns(right)
    second, second_stride, second_order = _as_columns(left)
    _blas(out, "gemm")(
        *(first_order, second_order, _int(out.shape[1]), _int(out.shape[0]), _int(left.shape[1])),
        *(_real(out.dtype.char, scale), first, first_stride, second, second_stride),
        *(_real(out.dtype.char, keep), *_address(out)),
    )


def symmetric_multiply_add(
    left: Array, symmetric: Array, out: Array, *, scale: float = 1.0, keep: float = 0.0
) -> None:
    """out = scale left @ symmetric + keep out, with left and out (m, n)."""
    _blas(out, "symm")(
        *(b"L", b"L", _int(out.shape[1]), _int(out.shape[0])),
        *(_real(out.dtype.char, scale), *_address(symmetric), *_address(left)),
        *(_real(out.dtype.char, keep), *_address(out)),
    )


def gram_of_rows(matrix: Array, out: Array) -> None:
    """out = matrix @ matrix.T."""
    _rank_k(b"T", matrix, matrix.shape[1], out, 1.0)


def gram_of_columns(matrix: Array, out: Array, *, scale: float = 1.0) -> None:
    """out = scale matrix.T @ matrix."""
    _rank_k(b"N", matrix, matrix.shape[0], out, scale)


def tridiagonalise(matrix: Array, vectors: Array) -> tuple[Array, Array]:
    """Reduce a symmetric matrix H to tridiagonal form T = Q^T H Q, and take vectors v to Q^T v, in place.

    Parameters
    ----------
    matrix : array (m, m) of float64
        Overwritten.
    vectors : array (k, m) of float64
        A row each; overwritten by Q^T v.

    Returns
    -------
    tuple of arrays
        Diagonal (m,) and off-diagonal (m - 1,) of T.
    """
    m, k = len(matrix), len(vectors)
    diagonal, off, factors = np.empty((3, m))
    work, status = np.empty(m * WORK), ctypes.c_int64()
    room = (_place(work), _int(len(work)), ctypes.byref(status))
    places = (_place(diagonal), _place(off), _place(factors))
    _routine("dsytrd")(b"L", _int(m), *_address(matrix), *places, *room)
    _routine("dormtr")(
        *(b"L", b"L", b"T", _int(m), _int(k)), *_address(matrix), places[2], *_address(vectors), *room
    )
    return diagonal, off[:-1]


def _rank_k(order: bytes, matrix: Array, inner: int, out: Array, scale: float) -> None:
    _blas(out, "syrk")(
        *(b"L", order, _int(len(out)), _int(inner)),
        *(_real(out.dtype.char, scale), *_address(matrix), _real(out.dtype.char, 0.0), *_address(out)),
    )


def _blas(out: Array, name: str) -> Callable[..., None]:
    return _routine(("s" if out.dtype == np.float32 else "d") + name)


@cache
def _routine(name: str) -> Callable[..., None]:
    """A routine as a foreign function: calls of such functions release the interpreter's lock."""
    published: dict[str, Any] = {**cython_blas.__pyx_capi__, **cython_lapack.__pyx_capi__}
    capsule, api = published[name], ctypes.pythonapi
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", api)
    )
    signature = name_of(capsule)
    arguments = [ctypes.c_char_p if b"char" in word else ctypes.c_void_p for word in signature.split(b",")]
    return ctypes.CFUNCTYPE(None, *arguments)(pointer_of(capsule, signature))


# the routines only read these numbers, so that one object serves all calls


@lru_cache(4096)
def _int(value: int) -> Any:
    return ctypes.byref(ctypes.c_int64(value))  # libraries that read 32 bits of it find the same number


@lru_cache(4096)
def _real(kind: str, value: float) -> Any:
    return ctypes.byref(ctypes.c_float(value) if kind == "f" else ctypes.c_double(value))


def _address(matrix: Array) -> tuple[int, Any]:
    """Where a matrix begins, and the entries from one row to the next (no less than a row, even if there is one)."""
    return _place(matrix), _int(max(matrix.strides[0] // matrix.itemsize, matrix.shape[1], 1))


def _place(array: Array) -> int:
    return array.__array_interface__["data"][0]  # as `array.ctypes.data`, sooner


def _as_columns(matrix: Array) -> tuple[int, Any, bytes]:
    """Address, stride and order by which column order reads the transpose of a matrix."""
    if matrix.strides[1] == matrix.itemsize:
        return *_address(matrix), b"N"
    return *_address(matrix.T), b"T"
