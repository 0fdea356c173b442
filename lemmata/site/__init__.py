"""A static site of papers: verdicts with their evidence, stories, figures and blueprints; it needs no network."""

from lemmata.site.evidence import Finding, findings
from lemmata.site.gallery import Picture, drawn, is_current
from lemmata.site.manual import write_manual
from lemmata.site.writing import About, write_site

__all__ = ["About", "Finding", "Picture", "drawn", "findings", "is_current", "write_manual", "write_site"]
