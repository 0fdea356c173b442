"""Formulas of plain text as MathML: nothing is lost, scripts stand where they belong, prose is left alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import theory
from lemmata.catalogue import Catalogue
from lemmata.site.formulas import GREEK, LARGE, RAISED, SIGNS, formula, prose
from lemmata.site.markdown import inline, render

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "papers").glob("*.md"))
FORMULAS = [
    *(
        line
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if re.match(r" {4}\S", line)
    ),
    *(result.formula for paper in Catalogue(theory.PAPERS) for result in paper.results if result.formula),
]


def drawn(math: str) -> str:
    """What a formula shows, spaces left out."""
    root = ElementTree.fromstring(math)
    for parent in root.iter():
        for note in [child for child in parent if child.tag == "annotation"]:
            parent.remove(note)
    return re.sub(r"\s", "", "".join(root.itertext()))


def signs_of(source: str) -> str:
    """What a formula must show: signs and names translated, marks of scripts and brackets (drawn or not) left out."""
    text = re.sub(r"<(\w+)>", r"\1", source.replace("\\", ""))
    words = GREEK | LARGE | {"sqrt": ""}

    def word(found: re.Match[str]) -> str:
        name = found.group()
        if name[0] == "d" and name[1:] in GREEK:
            return f"d{GREEK[name[1:]]}"
        return words.get(name, name)

    text = re.sub(rf"[^\W\d_{''.join(RAISED)}]+", word, text)
    text = "".join(RAISED.get(sign, sign) for sign in text)
    for sign in sorted(SIGNS, key=len, reverse=True):
        text = text.replace(sign, SIGNS[sign])
    return re.sub(r"[\s_^{}()⟨⟩]", "", text).replace("'", "′")


@pytest.mark.parametrize("source", FORMULAS, ids=range(len(FORMULAS)))
def test_every_formula_of_the_papers_shows_all_its_signs_in_order(source: str) -> None:
    shown = re.sub(r"[_^{}()⟨⟩]", "", drawn(formula(source)))
    assert shown == signs_of(source.strip())


@given(st.text(alphabet="abxπ_^{}()[]|'²ᵀ⁻¹*<>=+-/,. \\\"&gamasqrtint0123456789", max_size=40))
def test_whatever_is_typed_the_mathml_is_well_formed(source: str) -> None:
    ElementTree.fromstring(formula(source))
    ElementTree.fromstring(f"<p>{prose(source)}</p>")


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("a_1", "<msub>{a}<mrow><mn>1</mn></mrow></msub>"),
        ("a_1²", "<msubsup>{a}<mrow><mn>1</mn></mrow><mn>2</mn></msubsup>"),
        ("a^-2t", "<msup>{a}<mrow><mo stretchy=\"false\">−</mo><mn>2</mn>{t}</mrow></msup>"),
        ("a^2/4", "<msup>{a}<mrow><mn>2</mn></mrow></msup><mo stretchy=\"false\">/</mo><mn>4</mn>"),
        ("a_{t+1}", "<msub>{a}<mrow>{t}<mo stretchy=\"false\">+</mo><mn>1</mn></mrow></msub>"),
        ("a^(1/2)", "<msup>{a}<mrow><mn>1</mn><mo stretchy=\"false\">/</mo><mn>2</mn></mrow></msup>"),
        ("a^(t)", "<msup>{a}<mrow><mo stretchy=\"false\">(</mo>{t}<mo stretchy=\"false\">)</mo></mrow></msup>"),
        ("a*", "<msup>{a}<mo>*</mo></msup>"),
        ("a*ᵀ", '<msup><msup>{a}<mo>*</mo></msup><mrow><mtext>T</mtext></mrow></msup>'),
        ("a*t", '{a}<mo stretchy="false">*</mo>{t}'),
        ("sqrt a t", "<msqrt>{a}</msqrt><mspace width=\"0.22em\"></mspace>{t}"),
        ("d/dt", "<mrow>{d}{t}</mrow>"),
        ("ln a", "<mi>ln</mi>"),
        ("gamma_t", "<msub>{γ}<mrow>{t}</mrow></msub>"),
    ],
)  # fmt: skip
def test_scripts_and_roots_stand_where_they_belong(source: str, part: str) -> None:
    for letter in "atdγ":
        part = part.replace(f"{{{letter}}}", f'<mi mathvariant="normal" class="letter">{letter}</mi>')
    assert part in formula(source)


@pytest.mark.parametrize(
    "words",
    [
        "a state_of_the_art method",
        "see memorization_error, e.g. for p/n <= 2?",
        "2 - 1",
        "Greek: alphabet, pie",
    ],
)
def test_prose_without_formulas_stays_prose(words: str) -> None:
    assert "<math" not in prose(words)


def test_prose_sets_words_with_scripts_and_spaced_roots() -> None:
    made = prose("with gamma = 1, (w_K) and sqrt(1 - e^-2t), so that x_<k <= y")
    assert made.count("<math") == 4
    assert "≤" in made
    assert made.startswith("with <math")
    assert "<math><semantics><mrow><msqrt>" in made


def test_text_is_escaped_everywhere() -> None:
    bad = "<script>alert(1)</script>"
    for made in (prose(bad), inline(bad), formula(bad), render(f"# T\n\n{bad}\n", with_formulas=True).html):
        assert "<script" not in made


def test_numbers_of_statements_lead_to_them_outside_of_headings_links_and_formulas() -> None:
    text = "### R1. As R2 says\n\nBy R2, (F1a) and [R2](x.md); not R9, `R2`, R2_k, V/R2.\n\n    R2 = 0\n"
    places = {"R2": "#R2", "F1a": "figures.html#F1a"}
    made = render(text, refer=lambda name: places.get(name, ""), with_formulas=True).html
    assert made.count('<a href="#R2">R2</a>') == 2
    assert made.count('<a href="figures.html#F1a">F1a</a>') == 1
    assert made.count("<a ") == 4


def test_a_page_has_its_headings_links_and_formulas() -> None:
    text = "# A page\n\n## Model\n\n### R5b. A *law*: x_1\n\nsee [x](other.md#y)\n\n    E = m c²\n\n### Model\n\n"
    text += "| a |\n|---|\n| 1 |\n"
    page = render(
        text, link=lambda target: f"../{target}", beside=lambda name: f"<i>{name}</i>", with_formulas=True
    )
    assert page.title == "A page"
    assert page.headings == {"model": "Model", "R5b": "A law: x_1", "model--2": "Model"}
    assert "<h1" not in page.html
    assert '<h3 id="R5b">' in page.html
    assert "<i>R5b</i></h3>" in page.html
    assert 'href="../other.md#y"' in page.html
    assert '<math display="block">' in page.html
    assert '<div class="wide"' in page.html
