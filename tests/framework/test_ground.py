"""The ground: locks, project metadata, Makefile and repository agree with each other."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = {"dask", "parquet", "classroom", "certify", "images", "site", "dev"}
TARGETS = {
    *("figures", "site", "test", "test-full", "check", "lint", "bench", "reliability", "coverage"),
    *("lock", "warmup", "clean", "distclean", "help"),
}
LARGEST_FILE = 600 * 1024
LOCKS = ("requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = ("linux", "darwin", "win32")

PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[\w.!+]+)(?: ; (?P<marker>[^\\]+?))? \\")
HASH = re.compile(r"    --hash=(sha256:[0-9a-f]{64})( \\)?")
HOST = re.compile(r"://|\b[\w-]+\.(?:org|com|net|io|dev|cn|edu)\b")
MACHINE_PATH = re.compile(rb"(?<![\w.~*-])/(?:home|root|Users|work|opt)/\w|\b[A-Z]:\\Users\\")


@dataclass(frozen=True)
class Pin:
    """One locked package."""

    version: str
    marker: str | None
    hashes: frozenset[str]


@cache
def locked(name: str) -> dict[str, Pin]:
    """A lock file, read line by line: whatever is neither a pin nor a hash is an error."""
    pins: dict[str, Pin] = {}
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip())
    for block in blocks:
        head, *lines = block.split("\n")
        pin = PIN.fullmatch(head)
        assert pin, f"{name}: not an exact version followed by hashes: {head!r}"
        hashes = [HASH.fullmatch(line) for line in lines]
        assert hashes, f"{name}: {head!r} has no hash"
        assert all(hashes), f"{name}: {head!r} is followed by something else than hashes"
        assert pin["name"] not in pins, f"{name}: {pin['name']} is pinned twice"
        pins[pin["name"]] = Pin(
            pin["version"], pin["marker"], frozenset(found[1] for found in hashes if found)
        )
    return pins


@cache
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements(*groups: str) -> list[Requirement]:
    """Direct requirements of `runtime`, `build`, `backend` or an extra."""
    metadata = project()
    lists = {
        "runtime": metadata["project"]["dependencies"],
        "build": metadata["dependency-groups"]["build"],
        "backend": metadata["build-system"]["requires"],
        **metadata["project"]["optional-dependencies"],
    }
    return [Requirement(text) for group in groups for text in lists[group]]


def assert_pinned(lock: str, wanted: list[Requirement]) -> None:
    pins = locked(lock)
    for requirement in wanted:
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin, f"{requirement} is not in {lock}: run `make lock UPGRADE=`"
        assert requirement.specifier.contains(pin.version), f"{lock} pins {pin.version} against {requirement}"
        # A direct requirement is needed wherever the suite runs.
        for python, system in product(PYTHONS, SYSTEMS) if pin.marker else ():
            place = {
                "python_version": python,
                "python_full_version": f"{python}.1",
                "sys_platform": system,
                "implementation_name": "cpython",
            }
            assert Marker(pin.marker or "").evaluate(place), f"{lock}: {requirement} is missing on {place}"


# Locks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_is_an_exact_version_with_hashes(lock: str) -> None:
    assert len(locked(lock)) > 20


def test_the_runtime_lock_holds_every_runtime_requirement_and_the_build_backend() -> None:
    assert_pinned("requirements.lock", requirements("runtime", "build", "backend"))


def test_the_development_lock_holds_every_extra() -> None:
    assert set(project()["project"]["optional-dependencies"]) == EXTRAS
    assert_pinned("requirements-dev.lock", requirements("runtime", "build", "backend", *sorted(EXTRAS)))


def test_the_development_lock_contains_the_runtime_lock() -> None:
    development = locked("requirements-dev.lock")
    for name, pin in locked("requirements.lock").items():
        assert name in development
        assert (development[name].version, development[name].hashes) == (pin.version, pin.hashes), name


def test_the_runtime_lock_has_nothing_that_only_tests_need() -> None:
    needed_for_tests = {canonicalize_name(requirement.name) for requirement in requirements("dev")}
    # SymPy needs mpmath itself.
    assert needed_for_tests & set(locked("requirements.lock")) == {"mpmath"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address_and_no_deep_learning_library(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert HOST.findall(text) == []
    assert "/" not in text
    assert not {"torch", "tensorflow", "jax", "jaxlib"} & set(locked(lock))


# Project metadata -------------------------------------------------------------------------------------------


def test_the_editable_install_puts_the_checkout_on_the_path() -> None:
    metadata = project()
    assert metadata["tool"]["hatch"]["build"]["dev-mode-dirs"] == ["."]
    assert metadata["project"]["scripts"] == {"lemmata": "lemmata.cli:main"}


def test_versions_and_licence_agree() -> None:
    metadata = project()["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {metadata['version']}\n" in citation
    assert f"\nlicense: {metadata['license']}\n" in citation
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("BSD 3-Clause License")
    oldest = metadata["requires-python"].removeprefix(">=")
    assert project()["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert project()["tool"]["pyright"]["pythonVersion"] == oldest
    assert f"Python >= {oldest}" in (ROOT / "Makefile").read_text(encoding="utf-8")


# Makefile ---------------------------------------------------------------------------------------------------


def test_the_makefile_has_its_targets_and_explains_each() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE)) == TARGETS
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == TARGETS
    assert set(re.findall(r'@echo "make ([a-z-]+) ', makefile)) == TARGETS - {"help"}


def test_continuous_integration_runs_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text(encoding="utf-8").splitlines()
    if os.name == "posix":
        assert script.stat().st_mode & stat.S_IXUSR


FAKE_PYTHON = """#!/bin/sh
# Stands for Python: notes what it is asked for, makes "environments", and can be told to die at a step.
printf '%s\\n' "$*" >>"$FAKE_LOG"
case "$*" in
    *"$FAKE_KILL"*) mkdir -p .venv/bin; kill -9 "$PPID"; exit ;;
    *"$FAKE_FAIL"*) exit 1 ;;
    "-m venv --clear .venv") rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    *"sys.version_info"*) exit "${FAKE_TOO_OLD:-0}" ;;
    "--version") echo "Python 3.9.1" ;;
esac
"""

STEPS = {"venv": "-m venv", "packages": "-r requirements", "suite": "-e ."}
EVERYTHING = [*STEPS]


class Checkout:
    """A folder with our Makefile, whose Python is the fake one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.folder.mkdir()
        self.python = folder / "python"
        self.log = folder / "log"
        self.python.write_text(FAKE_PYTHON, encoding="utf-8")
        self.python.chmod(0o755)
        shutil.copy(ROOT / "Makefile", self.folder)
        for name in (*LOCKS, "pyproject.toml"):
            (self.folder / name).touch()

    def make(self, stamp: str, **fakes: str) -> tuple[list[str], str]:
        """What the fake Python was asked for, in one word each, and what was printed."""
        self.log.write_text("", encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "FAKE_LOG": str(self.log)}
        environment |= {"FAKE_FAIL": "no such step", "FAKE_KILL": "no such step"} | fakes
        done = subprocess.run(
            ["make", f".venv/.{stamp}-ready", f"PYTHON={self.python}"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [word for line in lines for word, key in STEPS.items() if key in line], done.stderr

    def change(self, name: str) -> None:
        """Make a file newer than everything made so far."""
        for path in [*self.folder.glob(".venv/.*"), *self.folder.iterdir()]:
            made = path.stat().st_mtime_ns - 10**10
            os.utime(path, ns=(made, made))
        (self.folder / name).touch()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    if shutil.which("make") is None or os.name != "posix":
        pytest.skip("needs make and a POSIX shell")
    return Checkout(tmp_path)


@pytest.mark.parametrize("stamp", ["run", "dev"])
def test_an_environment_is_made_once(checkout: Checkout, stamp: str) -> None:
    assert checkout.make(stamp)[0] == EVERYTHING
    assert checkout.make(stamp)[0] == []


def test_one_environment_serves_figures_and_then_tests(checkout: Checkout) -> None:
    assert checkout.make("run")[0] == EVERYTHING
    assert checkout.make("dev")[0] == ["packages", "suite"]
    assert checkout.make("run")[0] == []
    assert checkout.make("dev")[0] == []


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_install_is_made_anew(checkout: Checkout, step: str) -> None:
    assert checkout.make("dev", FAKE_KILL=STEPS[step])[0] == EVERYTHING[: EVERYTHING.index(step) + 1]
    assert checkout.make("dev")[0] == EVERYTHING
    assert checkout.make("dev")[0] == []


def test_an_update_that_is_killed_is_made_anew(checkout: Checkout) -> None:
    checkout.make("dev")
    checkout.change("requirements-dev.lock")
    assert checkout.make("dev", FAKE_KILL="-r requirements")[0] == ["packages"]
    assert checkout.make("dev")[0] == EVERYTHING


def test_packages_that_cannot_be_fetched_leave_the_environment_and_are_tried_again(
    checkout: Checkout,
) -> None:
    checkout.make("run")
    checkout.change("requirements.lock")
    assert checkout.make("run", FAKE_FAIL="-r requirements")[0] == ["packages"]
    assert checkout.make("run")[0] == ["packages", "suite"]
    assert checkout.make("run")[0] == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "pyproject.toml"])
def test_a_newer_lock_is_installed(checkout: Checkout, name: str) -> None:
    checkout.make("dev")
    checkout.change(name)
    assert checkout.make("dev")[0] == ["packages", "suite"]
    assert checkout.make("dev")[0] == []


def test_a_moved_checkout_gets_a_new_environment(checkout: Checkout) -> None:
    checkout.make("run")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("elsewhere"))
    assert checkout.make("run")[0] == EVERYTHING


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.make("run")
    (checkout.folder / ".venv" / "bin" / "python").unlink()
    assert checkout.make("run")[0] == EVERYTHING


def test_too_old_a_python_is_one_clear_line(checkout: Checkout) -> None:
    steps, message = checkout.make("run", FAKE_TOO_OLD="1")
    assert steps == []
    first, *rest = message.splitlines()
    assert re.match(r"Lemmata needs Python 3\.11 or newer: '.*' is Python 3\.9\.1", first)
    assert all(line.startswith("make: ***") for line in rest)


def test_a_missing_python_is_one_clear_line(checkout: Checkout) -> None:
    checkout.python = checkout.python.with_name("nowhere")
    steps, message = checkout.make("run")
    assert steps == []
    assert message.startswith("Lemmata needs Python 3.11 or newer: no ")


# Repository -------------------------------------------------------------------------------------------------


@cache
def tracked() -> list[Path]:
    """The files that git knows and that are there; none where this is no checkout."""
    if shutil.which("git") is None:
        return []
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = listing.stdout.decode().split("\0") if listing.returncode == 0 else []
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


needs_git = pytest.mark.skipif(not tracked(), reason="needs git and a checkout to list the files")


@needs_git
def test_no_tracked_file_names_a_path_of_some_machine() -> None:
    named = {
        str(path.relative_to(ROOT)): match[0].decode()
        for path in tracked()
        if (match := MACHINE_PATH.search(path.read_bytes()))
    }
    assert named == {}


@needs_git
def test_tracked_files_are_small() -> None:
    assert {
        str(path.relative_to(ROOT)): path.stat().st_size
        for path in tracked()
        if path.stat().st_size > LARGEST_FILE
    } == {}


@needs_git
def test_nothing_generated_is_tracked() -> None:
    generated = re.compile(r"^(?:build|\.venv|dist)/|__pycache__|\.sqlite|\.egg-info|\.py[co]$|\.nb[ic]$")
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert [name for name in names if generated.search(name)] == []


def test_this_is_a_supported_python() -> None:
    assert Requirement(f"python{project()['project']['requires-python']}").specifier.contains(
        ".".join(map(str, sys.version_info[:3]))
    )
