"""The platform as one line of text: what decides the last bits of a result besides the code."""

from __future__ import annotations

import functools
import importlib
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("numpy", "scipy", "numba")


@functools.cache
def platform_text() -> str:
    """Processor features, system, C library, and versions of Python and the numerical packages; one line.

    Nothing but NumPy is loaded for it.
    """
    system = f"{platform.system()} {platform.machine()} {' '.join(platform.libc_ver())}".strip()
    python = f"{platform.python_implementation().lower()} {platform.python_version()}"
    packages = [f"{name} {_version(name)}" for name in _PACKAGES]
    return "; ".join([system, python, *packages, f"cpu {' '.join(_cpu_features()) or platform.processor()}"])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _cpu_features() -> list[str]:
    """The processor's features that NumPy chooses its code by."""
    for name in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        try:
            features: dict[str, bool] = importlib.import_module(name).__cpu_features__
        except (ImportError, AttributeError):
            continue
        return sorted(feature for feature, present in features.items() if present)
    return []
