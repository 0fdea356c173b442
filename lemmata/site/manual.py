"""The manual: the pages of `docs/` and a reference of every public module, by Sphinx with MyST and numpydoc."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Any

from lemmata.extras import MissingExtraError
from lemmata.files import write_whole

PACKAGES = ("lemmata", "theory", "simulations", "paper_checks", "figures", "classroom")
EXTENSIONS = ["sphinx.ext.autodoc", "numpydoc", "myst_parser"]
SETTINGS: dict[str, Any] = {
    "project": "Lemmata",
    "html_title": "Lemmata: manual",
    "html_theme": "basic",
    "html_static_path": [str(Path(__file__).parent / "static")],
    "html_css_files": ["site.css", "manual.css"],
    "templates_path": [str(Path(__file__).parent / "templates" / "manual")],
    "html_sidebars": {"**": ["back.html", "searchbox.html", "localtoc.html"]},
    "default_role": "literal",
    "html_show_sourcelink": False,
    "html_copy_source": False,
    "html_show_sphinx": False,
    "exclude_patterns": [],
    "autodoc_typehints_format": "short",
    "autodoc_member_order": "bysource",
    "python_use_unqualified_type_names": True,
    "numpydoc_show_class_members": False,
    "myst_heading_anchors": 3,
    "myst_url_schemes": {"http": None, "https": None, "site": "{{path}}#{{fragment}}"},
    "pygments_style": "friendly",
    "language": "en",
    "suppress_warnings": ["ref.python"],  # a class of one name in several papers is no mistake
}
_SPECIAL = re.compile(r"(?<![\\`*\w])\*(?=\S)|(?<=\S)\*(?![`*\w])|\||(?<=\w)_(?=[^\w]|$)")


def write_manual(root: Path, target: Path, work: Path, packages: Sequence[str] = PACKAGES) -> list[str]:
    """Build the manual.

    Parameters
    ----------
    root : Path
        The checkout.
    target, work : Path
        Folders of the pages, and of what Sphinx reads and keeps for the next time.
    packages : sequence of str
        Packages in the reference; those that do not exist are left out.

    Returns
    -------
    list of str
        Sphinx's warnings.

    Raises
    ------
    MissingExtraError
        If Sphinx or one of its extensions is not installed.
    """
    try:
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace
    except ImportError as error:
        raise MissingExtraError(f"the manual needs {error.name}: install the extra `site`") from None
    source = work / "source"
    pages = dict(_sources(root, packages))
    for path in source.rglob("*.*") if source.is_dir() else ():
        if path.relative_to(source).as_posix() not in pages:
            path.unlink()
    for name, content in pages.items():
        path = source / name
        if not path.is_file() or path.read_bytes() != content:  # a new time stamp costs a new page
            write_whole(path, content)
    warnings = io.StringIO()
    with docutils_namespace():
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=target,
            doctreedir=work / "doctrees",
            buildername="html",
            confoverrides={"extensions": EXTENSIONS, **SETTINGS},
            status=None,
            warning=warnings,
        )
        app.connect("autodoc-process-docstring", _escape, priority=100)
        app.connect("autodoc-skip-member", _is_alias)
        app.build()
    plain = re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue())
    return [line for line in plain.splitlines() if line.strip()]


def modules(root: Path, package: str) -> Iterator[str]:
    """Names of a package's modules, private ones left out."""
    for path in sorted((root / package).rglob("*.py")):
        parts = list(path.relative_to(root).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        if not any(part.startswith("_") for part in parts):
            yield ".".join(parts)


def _sources(root: Path, packages: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """What Sphinx reads, by file name: the guides with their pictures, and a page for each module."""
    guides: list[str] = []
    for path in sorted((root / "docs").rglob("*.*")):
        name = path.relative_to(root / "docs").as_posix()
        if name.startswith("papers/"):
            continue
        if path.suffix == ".md":
            guides.append(name.removesuffix(".md"))
            yield name, _with_links(path.read_text(encoding="utf-8"), "../" * (name.count("/") + 1)).encode()
        elif path.suffix in (".png", ".svg", ".jpg"):
            yield name, path.read_bytes()
    present = [package for package in packages if (root / package).is_dir()]
    for package in present:
        names = list(modules(root, package))
        yield from ((f"api/{name}.rst", _module_page(name, root).encode()) for name in names)
        yield f"api/{package}-all.rst", _titled(package, _toc(names)).encode()
    yield "index.md", _index(guides, present).encode()


def _index(guides: Iterable[str], packages: Iterable[str]) -> str:
    toc = "```{{toctree}}\n:maxdepth: 1\n\n{}\n```\n"
    reference = "\n".join(f"api/{package}-all" for package in packages)
    return (
        "# Manual\n\n[Back to the verdicts](site:../index.html)\n\n## Guides\n\n"
        + toc.format("\n".join(guides))
        + "\n## API reference\n\n"
        + toc.format(reference)
    )


def _module_page(name: str, root: Path) -> str:
    """A module's page; what a package takes from its modules is explained there, once."""
    is_package = (root / name.replace(".", "/")).is_dir()
    own = "   :ignore-module-all:\n" if is_package else ""
    return _titled(name, f".. automodule:: {name}\n   :members:\n{own}")


def _titled(title: str, content: str) -> str:
    return f"{title}\n{'=' * len(title)}\n\n{content}"


def _toc(names: Iterable[str]) -> str:
    return ".. toctree::\n   :maxdepth: 1\n\n" + "".join(f"   {name}\n" for name in names)


def _with_links(text: str, up: str) -> str:
    """A guide whose links to the pages of papers lead to these on the site, `up` from the guide's folder."""
    return re.sub(r"\]\((?:\.\./)*papers/(\w+)\.md(#\w+)?\)", rf"](site:{up}\1/index.html\2)", text)


def _escape(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Docstrings write formulas as plain text: bars, stars and final underscores in them are no markup."""
    for i, line in enumerate(lines):
        parts = re.split(r"(``[^`]*``|`[^`]*`)", line)
        lines[i] = "".join(
            part if part.startswith("`") else _SPECIAL.sub(lambda found: f"\\{found.group()}", part)
            for part in parts
        )


def _is_alias(app: Any, what: str, name: str, item: Any, skip: bool, options: Any) -> bool | None:
    """Names of types such as `Rule = tuple[float, ...]` have no signature that Sphinx could print."""
    return True if isinstance(item, GenericAlias) else None


__all__ = ["modules", "write_manual"]
