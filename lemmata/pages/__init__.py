"""Interactive pages: a paper's demonstrations in one HTML file each, without Python and without a network."""

from __future__ import annotations

from lemmata.pages.page import Effort, Link, Prepared, page, prepare, write_page, write_paper_page
from lemmata.pages.vendor import VendorError

__all__ = ["Effort", "Link", "Prepared", "VendorError", "page", "prepare", "write_page", "write_paper_page"]
