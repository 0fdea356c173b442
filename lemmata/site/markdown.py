"""Pages of `docs/` as HTML: headings that can be linked to, formulas set, links led to their places on the site."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from lemmata.site.formulas import formula, prose

_NUMBER = re.compile(r"(?<![\w^_{.-])([A-Z]\d+[a-z]?)(?![\w^({\[])")
STATEMENT = re.compile(r"([A-Z]\d+[a-z]?)\b[.:]?\s*")


@dataclass(frozen=True)
class Document:
    """A rendered page.

    Attributes
    ----------
    title : str
        Its first heading, as text.
    html : str
        Everything below that heading.
    headings : dict
        Identifier of each other heading to its text, for statements without their numbers.
    """

    title: str
    html: str
    headings: dict[str, str]


def render(
    text: str,
    *,
    link: Callable[[str], str] = str,
    beside: Callable[[str], str] = lambda identifier: "",
    refer: Callable[[str], str] = lambda identifier: "",
    with_formulas: bool = False,
) -> Document:
    """A Markdown text as HTML; HTML inside of it is shown and not obeyed.

    Parameters
    ----------
    text : str
    link : callable
        Where the target of a link is on the site.
    beside : callable
        HTML to stand beside the heading with an identifier.
    refer : callable
        Where a number in running text, such as 'R5', leads; nowhere if empty.
    with_formulas : bool
        Indented blocks are formulas, and so are words of running text that can be nothing else.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    if with_formulas:
        parser.add_render_rule("text", _prose)
        parser.add_render_rule("code_block", _formulas)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    tokens = parser.parse(text)
    title, headings = "", dict[str, str]()
    kept: list[Token] = []
    skip = 0
    for i, token in enumerate(tokens):
        for child in token.children or ():
            if child.type == "link_open":
                child.attrs["href"] = link(str(child.attrs["href"]))
        if token.type == "heading_open":
            words = _plain(tokens[i + 1])
            if token.tag == "h1" and not title:
                title, skip = words, 3
            else:
                identifier, rest = _identifier(words, headings)
                headings[identifier] = rest
                token.attrs["id"] = identifier
                tokens[i + 1].children = [*(tokens[i + 1].children or ()), *_raw(beside(identifier))]
        elif token.type == "inline" and tokens[i - 1].type != "heading_open":
            token.children = list(_with_references(token.children or [], refer))
        if skip:
            skip -= 1
        else:
            kept.append(token)
    return Document(title, parser.renderer.render(kept, parser.options, {}), headings)


def _identifier(words: str, taken: dict[str, str]) -> tuple[str, str]:
    """A heading's identifier (the number of a statement, or its words) and its text without the number."""
    statement = STATEMENT.match(words)
    if statement is not None and statement[1] not in taken:
        return statement[1], words[statement.end() :]
    slug = re.sub(r"[^\w]+", "-", words.casefold()).strip("-") or "section"
    count = sum(1 for name in taken if name == slug or name.startswith(f"{slug}--"))
    return (f"{slug}--{count + 1}" if count else slug), words


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))


def _raw(content: str) -> list[Token]:
    return [Token("html_inline", "", 0, content=content)] if content else []


def _with_references(children: Sequence[Token], refer: Callable[[str], str]) -> Iterator[Token]:
    """The parts of a paragraph, numbers of statements made links where they are not in a link already."""
    depth = 0
    for child in children:
        depth += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        if child.type != "text" or depth:
            yield child
            continue
        for i, part in enumerate(_NUMBER.split(child.content)):
            address = refer(part) if i % 2 else ""
            if address:
                yield from _raw(f'<a href="{html.escape(address)}">{html.escape(part)}</a>')
            elif part:
                yield Token("text", "", 0, content=part)


def _prose(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return prose(tokens[index].content)


def _formulas(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    lines = [formula(line, block=True) for line in tokens[index].content.splitlines() if line.strip()]
    return f'<div class="formula" tabindex="0" role="group" aria-label="formula">{"".join(lines)}</div>\n'


def _table_open(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return '<div class="wide" tabindex="0" role="group" aria-label="table"><table>\n'


def _table_close(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    return "</table></div>\n"


def inline(text: str) -> str:
    """A line of text with formulas, as HTML; marks of emphasis and code are obeyed."""
    parser = MarkdownIt("zero").enable("backticks")
    parser.add_render_rule("text", _prose)
    return parser.renderInline(text)


__all__ = ["Document", "inline", "render"]
