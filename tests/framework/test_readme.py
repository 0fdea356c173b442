"""The README tells the truth: its table is the catalogue's, its snippets and commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from lemmata.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^\$ lemmata (.+)$", README, re.MULTILINE)


def _run(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    code = main(words)
    printed = capsys.readouterr()
    assert code == 0, f"lemmata {' '.join(words)}: {printed.err}"
    return printed.out


def test_table_of_papers_is_the_catalogue_s(capsys: pytest.CaptureFixture[str]) -> None:
    """README's table is what `lemmata list --markdown` prints."""
    table = re.search(r"<!-- papers:begin -->\n(.*?)<!-- papers:end -->", README, re.DOTALL)
    assert table is not None
    assert table[1].strip() == _run(["list", "--markdown"], capsys).strip()


@pytest.mark.parametrize("snippet", PYTHON)
def test_python_snippet_runs(snippet: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A snippet runs as it stands and prints what the text says."""
    exec(compile(snippet, "README.md", "exec"), {})
    assert "limit 0.2" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_command_runs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command of the README runs as it stands."""
    words = shlex.split(command)
    if words[0] in {"compare", "check", "figures"}:
        words += ["--ledger", str(tmp_path / "ledger.sqlite")]
    if words[0] == "figures":
        words += ["--out", str(tmp_path / "figures")]
    monkeypatch.setenv("COLUMNS", "160")
    assert _run(words, capsys).strip()


def test_sweep_file_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The README's sweep file runs as it stands."""
    (text,) = re.findall(r"^```toml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    spec, table = tmp_path / "ridges.toml", tmp_path / "ridges.csv"
    spec.write_text(text)
    _run(["sweep", str(spec), "--out", str(table), "--ledger", str(tmp_path / "ledger.sqlite")], capsys)
    assert len(table.read_text().splitlines()) == 1 + 2 * 3 * 8


def test_links_lead_somewhere() -> None:
    """Every relative link of README and docs names a file of the repository."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
