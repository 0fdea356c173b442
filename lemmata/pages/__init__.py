"""Interactive pages: a paper's demonstrations in one HTML file each, without Python and without a network."""

from __future__ import annotations

from lemmata.pages.vendor import VendorError
from lemmata.pages.writing import Effort, Link, Prepared, page_text, prepare, write_page, write_paper_page

__all__ = [
    "Effort",
    "Link",
    "Prepared",
    "VendorError",
    "page_text",
    "prepare",
    "write_page",
    "write_paper_page",
]
