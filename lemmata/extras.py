"""Optional dependencies: what is said when one that is needed is not installed."""

from __future__ import annotations


class MissingExtraError(RuntimeError):
    """An optional dependency that a certificate or a simulation needs is not installed."""


__all__ = ["MissingExtraError"]
