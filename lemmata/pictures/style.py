"""The one style, and the sizes in which a picture may be wanted."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lemmata.names import UnknownNameError

_HERE = Path(__file__).parent
MEDIA = ("page", "paper", "slide")
"""A page of a report or web site (the default), a column of a paper, a slide."""


@contextmanager
def style(media: str = MEDIA[0]) -> Generator[None]:
    """Draw and save in the suite's style, whatever the user's own settings are.

    Raises
    ------
    UnknownNameError
        If there is no such medium.
    """
    if media not in MEDIA:
        raise UnknownNameError("medium", media, MEDIA)
    from matplotlib import style as styles

    sheets = [_HERE / "lemmata.mplstyle", _HERE / f"{media}.mplstyle"]
    with styles.context([str(sheet) for sheet in sheets], after_reset=True):
        yield


__all__ = ["MEDIA", "style"]
