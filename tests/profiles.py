"""How many examples a costly property test runs."""

from __future__ import annotations

from hypothesis import settings


def share(parts: int) -> int:
    """The number of examples of the chosen profile, divided by `parts`."""
    return max(1, settings.default.max_examples // parts)  # type: ignore[union-attr]
