"""The site: valid pages, links that lead somewhere, evidence that is shown and never made up."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import html5lib
import pytest

import lemmata.site.evidence as evidence
from lemmata import Laboratory, Ledger
from lemmata.claims import FULL, QUICK, Verdict
from lemmata.engines import Serial
from lemmata.site import About, Finding, Picture, drawn, findings, is_current, write_site
from lemmata.site.views import LEGEND
from tests.framework.papers import CLAIMS, HOSTILE, PAPER, STORY, paper

ABOUT = About(
    "quick", "standard", 0, "2026-01-01T00:00:00+00:00", {"hash": "0" * 40, "modified": True}, {"numpy": "2"}
)
NAME = "{http://www.w3.org/1999/xhtml}"


class Site:
    """A written site, read by an HTML5 parser that forgives nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = {
            path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.html"))
        }
        self.pages = {name: html5lib.HTMLParser(strict=True).parse(text) for name, text in self.text.items()}

    def words(self, page: str) -> str:
        """The text of a page."""
        return " ".join("".join(self.pages[page].itertext()).split())

    def addresses(self, page: str) -> Iterator[tuple[str, str]]:
        """Attributes that name another file or place, with their values."""
        for element in self.pages[page].iter():
            for name in ("href", "src", "data", "poster", "action", "srcset"):
                if name in element.attrib:
                    yield name, element.attrib[name]

    def ids(self, page: str) -> list[str]:
        return [element.attrib["id"] for element in self.pages[page].iter() if "id" in element.attrib]

    def missing(self) -> list[str]:
        """Links inside the site that lead nowhere."""
        found = []
        for page in self.pages:
            for _, address in self.addresses(page):
                parts = urlsplit(address)
                if parts.scheme:
                    continue
                path = (self.folder / page).parent / unquote(parts.path) if parts.path else self.folder / page
                target = path.resolve().relative_to(self.folder.resolve()).as_posix()
                if not path.is_file() or (parts.fragment and parts.fragment not in self.ids(target)):
                    found.append(f"{page}: {address}")
        return found


def picture(folder: Path, **changes: object) -> Picture:
    """The files of figure F1 as `lemmata figures` leaves them."""
    place = folder / "walks"
    place.mkdir(parents=True)
    record = {
        "identifier": "walks/F1",
        "paper": {"name": "walks"},
        "files": ["F1.csv", "F1.png"],
        "made": "2026-01-01T00:00:00+00:00",
        "seconds": 1.5,
        "quality": "standard",
        "seed": 0,
        "chunks": {"computed": 1, "reused": 2},
        "commit": {"hash": "1" * 40, "modified": False},
    } | changes
    (place / "F1.csv").write_text("value\n1\n")
    (place / "F1.png").write_bytes(b"png")
    (place / "F1.json").write_text(json.dumps(record))
    found = drawn(paper().figures[0], folder)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def found() -> Mapping[str, Finding]:
    with Laboratory(0, engine=Serial()) as lab:
        return findings(paper().claims, lab, QUICK)


@pytest.fixture(scope="module")
def site(found: Mapping[str, Finding], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two papers, one judged and drawn, the other neither."""
    folder = tmp_path_factory.mktemp("site")
    pictures = {"walks/F1": picture(tmp_path_factory.mktemp("figures"))}
    other = replace(PAPER, foundations={}, uses={})

    def interactive(floors: object, place: Path) -> bool:
        if place.parent.name != "walks":
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("<!doctype html><html lang=en><head><title>x</title></head><body></body></html>")
        return True

    papers = [paper(), paper("other", other)]
    home = write_site(
        papers,
        folder,
        ABOUT,
        stories=lambda name: STORY,
        found=found,
        pictures=pictures,
        interactive=interactive,
    )
    assert home == folder / "index.html"
    return Site(folder)


def test_the_invented_claims_come_out_as_they_are_on_record(found: Mapping[str, Finding]) -> None:
    verdicts = {name: finding.verdict for name, finding in found.items()}
    assert verdicts == {f"walks/{claim.id}": claim.records for claim in CLAIMS}


# ------------------------------------------------------------------ pages


def test_the_pages_are_all_there_and_valid(site: Site) -> None:
    own = {
        f"{name}/{page}.html"
        for name in ("walks", "other")
        for page in ("index", "statements", "figures", "blueprint")
    }
    assert set(site.pages) == own | {"index.html", "blueprint.html", "walks/interactive.html"}
    for page in site.pages:
        ids = site.ids(page)
        assert len(ids) == len(set(ids)), page


def test_every_link_leads_somewhere(site: Site) -> None:
    assert site.missing() == []


def test_nothing_is_loaded_from_a_network(site: Site) -> None:
    """External addresses are links for readers, never resources; style sheets and scripts name none."""
    for page, tree in site.pages.items():
        for element in tree.iter():
            tag = str(element.tag).removeprefix(NAME)
            for name in ("src", "href", "srcset", "data"):
                address = element.attrib.get(name, "")
                if re.match(r"[a-z]+:|//", address):
                    assert (tag, name) == ("a", "href"), (page, address)
            assert not any(name.startswith("on") for name in element.attrib), page
    for path in (site.folder / "assets").iterdir():
        assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch|XMLHttp", path.read_text()), path.name


def test_text_is_shown_and_not_obeyed(site: Site) -> None:
    for page, text in site.text.items():
        assert "<script>alert" not in text, page
    for page in ("index.html", "walks/index.html", "walks/statements.html", "walks/figures.html"):
        assert HOSTILE in site.words(page), page


def test_every_page_has_a_language_a_title_one_first_heading_and_a_way_past_the_menu(site: Site) -> None:
    for page, tree in site.pages.items():
        if page.endswith("interactive.html"):
            continue
        assert tree.attrib["lang"] == "en"
        assert len(list(tree.iter(f"{NAME}h1"))) == 1, page
        levels = [
            int(e.tag[-1]) for e in tree.iter() if re.fullmatch(rf"{re.escape(NAME)}h[1-6]", str(e.tag))
        ]
        assert levels[0] == 1
        assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), (page, levels)
        assert "content" in site.ids(page)
        assert all("alt" in image.attrib for image in tree.iter(f"{NAME}img"))


# ------------------------------------------------------------------ what they say


def test_the_matrix_has_a_lettered_cell_for_every_claim_that_leads_to_its_evidence(site: Site) -> None:
    cells = {a: t for a, t in _links(site, "index.html") if "statements.html#" in a}
    expected = {"C1": "C", "C2": "X", "C3": "-"}
    assert cells == {
        f"walks/statements.html#{name}": f"{letter} {name}" for name, letter in expected.items()
    } | {f"other/statements.html#{name}": f"… {name}" for name in expected}
    for verdict in Verdict:
        assert verdict.value in site.words("index.html")


def _links(site: Site, page: str) -> Iterator[tuple[str, str]]:
    for element in site.pages[page].iter(f"{NAME}a"):
        yield element.attrib["href"], "".join(element.itertext()).strip()


def test_a_statement_shows_all_that_its_verdict_rests_on(site: Site, found: Mapping[str, Finding]) -> None:
    words = site.words("walks/statements.html")
    record = found["walks/C1"].record
    assert record is not None
    row = max(record["evidence"], key=lambda r: r["detectable"])
    for expected in (
        "Theorem 1",
        "confirmed",
        "Identity, margin 0.5: an eighth of the standard deviation",
        f"{row['detectable']:.4g} beyond the margin of 0.5",
        f"{max(r['trials'] for r in record['evidence']):,}",
        "asymptotic",
        "lemmata check walks/C1 --level quick --evidence",
        "the scale forgotten",
        "another mean",
    ):
        assert expected in words
    assert "<msub>" in site.text["walks/statements.html"]
    assert "lemmata predict invented.walk_end_mean steps=4 drift=0.5 scale=2.0 → 4" in words


def test_a_failed_statement_shows_its_counterexample_and_what_holds_instead(site: Site) -> None:
    words = site.words("walks/statements.html")
    assert re.search(
        r"Counterexample to the published statement: steps=4 drift=0.5 scale=2: estimate [34]\.\d+, target 2",
        words,
    )
    assert "What holds instead: The mean is n d s." in words
    assert words.count("Counterexample") == 1


def test_what_cannot_be_run_or_is_waived_says_why(site: Site) -> None:
    assert "there is nothing to run" in site.words("walks/statements.html")
    assert "Not checked: it says nothing that could be checked" in site.words("walks/statements.html")
    assert "Not drawn: it shows a photograph" in site.words("walks/figures.html")


def test_what_is_not_known_is_said_to_be_unknown(site: Site) -> None:
    words = site.words("other/statements.html")
    assert words.count("Not judged yet") == len(CLAIMS)
    assert "Counterexample" not in words
    assert "Not drawn yet." in site.words("other/figures.html")
    assert json.loads((site.folder / "other" / "evidence.json").read_text()) == dict.fromkeys(
        ("C1", "C2", "C3")
    )


def test_evidence_that_disagrees_with_the_record_is_not_hidden(
    tmp_path: Path, found: Mapping[str, Finding]
) -> None:
    record = dict(found["walks/C1"].record or {}) | {
        "verdict": "refuted",
        "agrees": False,
        "problems": ["a mutant lives"],
    }
    known = {"walks/C1": Finding(record)}
    write_site([paper()], tmp_path, ABOUT, stories=lambda name: STORY, found=known, pictures={})
    words = Site(tmp_path).words("walks/statements.html")
    assert "The evidence disagrees with the record, which is “confirmed”. a mutant lives" in words
    assert ("walks/statements.html#C1", "R C1") in list(_links(Site(tmp_path), "index.html"))


def test_figures_have_their_data_provenance_and_history(site: Site) -> None:
    links = dict(_links(site, "walks/figures.html"))
    assert links["figures/F1.csv"] == "data (CSV)"
    assert links["figures/F1.json"] == "provenance (JSON)"
    words = site.words("walks/figures.html")
    assert (
        "made 2026-01-01T00:00:00+00:00 in 1.5 s, quality standard, seed 0; 1 chunks computed, 2 from the ledger"
        in words
    )
    assert "lemmata figures walks/F1 --quality standard" in words
    assert (site.folder / "walks" / "figures" / "F1.csv").read_text() == "value\n1\n"


def test_the_interactive_page_is_linked_where_there_is_one(site: Site) -> None:
    assert "interactive.html" in dict(_links(site, "walks/statements.html"))
    assert "interactive.html" not in dict(_links(site, "other/statements.html"))


# ------------------------------------------------------------------ the blueprint


def test_the_blueprint_leads_from_every_node_to_its_statement(site: Site) -> None:
    tree = site.pages["walks/blueprint.html"]
    nodes = {e.attrib["data-node"]: e.attrib["href"] for e in tree.iter() if "data-node" in e.attrib}
    assert nodes == {
        "D1": "blueprint.html#D1",
        "A1": "blueprint.html#A1",
        "R1": "statements.html#R1",
        "R2": "statements.html#R2",
        "C1": "statements.html#C1",
        "C2": "statements.html#C2",
        "C3": "statements.html#C3",
        "F1": "figures.html#F1",
        "F2": "figures.html#F2",
    }
    edges = {(e.attrib["data-from"], e.attrib["data-to"]) for e in tree.iter() if "data-from" in e.attrib}
    assert edges == {
        ("D1", "R1"),
        ("R1", "C1"),
        ("R1", "F1"),
        ("R1", "C2"),
        ("A1", "C2"),
        ("D1", "C3"),
        ("R1", "R2"),
    }
    labels = {e.attrib["data-node"]: e.attrib["aria-label"] for e in tree.iter() if "data-node" in e.attrib}
    assert labels["C2"] == "C2 claim X Its published form (corrected)"


# ------------------------------------------------------------------ colours


def _colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", css))


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * d for d in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("is_dark", [False, True])
def test_colours_contrast_as_wcag_aa_asks(site: Site, is_dark: bool) -> None:
    css = (site.folder / "assets" / "site.css").read_text()
    light, dark = css.split("@media (prefers-color-scheme: dark)")[:2]
    colours = _colours(light) | (_colours(dark[: dark.index("}\n}")]) if is_dark else {})
    for ink in ("ink", "dim", "link"):
        for paper_colour in ("paper", "card", "code"):
            assert _contrast(colours[ink], colours[paper_colour]) >= 4.5, (ink, paper_colour)
    for badge in LEGEND:
        assert _contrast(colours[badge.kind], colours[f"on-{badge.kind}"]) >= 4.5, badge
    assert _contrast(colours["focus"], colours["paper"]) >= 3
    assert len({badge.letter for badge in LEGEND}) == len(LEGEND)


# ------------------------------------------------------------------ where evidence comes from


def test_a_verdict_in_the_ledger_is_not_reached_twice_and_an_older_one_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = paper().claims[:1]
    with Ledger(tmp_path / "l.sqlite") as ledger, Laboratory(0, engine=Serial(), ledger=ledger) as lab:
        assert findings(claims, lab, QUICK, judging=False)["walks/C1"] == Finding()
        first = findings(claims, lab, QUICK)
        monkeypatch.setattr(evidence, "judge", lambda *a, **k: pytest.fail("judged again"))
        assert findings(claims, lab, QUICK)["walks/C1"].record == first["walks/C1"].record
        changed = replace(claims[0], item=replace(claims[0].item, falsifier="something else"))
        older = findings([changed], lab, QUICK, judging=False)["walks/C1"]
        assert older.record is None
        assert "older state" in older.why
        assert findings(claims, lab, FULL, judging=False)["walks/C1"].record is None


def test_a_figure_counts_as_drawn_with_all_its_files_and_as_current_from_a_clean_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"hash": "1" * 40, "modified": False}
    made = picture(tmp_path)
    assert made.shown == "F1.png"
    for commit, quality, seed, expected in (
        (here, "standard", 0, True),
        (here, "paper", 0, False),
        (here, "standard", 1, False),
        ({"hash": "2" * 40, "modified": False}, "standard", 0, False),
        ({"hash": "1" * 40, "modified": True}, "standard", 0, False),
        (None, "standard", 0, False),
    ):
        monkeypatch.setattr("lemmata.site.gallery.commit", lambda commit=commit: commit)
        assert is_current(made, quality, seed) is expected
    (tmp_path / "walks" / "F1.csv").unlink()
    assert drawn(paper().figures[0], tmp_path) is None
    (tmp_path / "walks" / "F1.json").write_text("[]")
    assert drawn(paper().figures[0], tmp_path) is None
