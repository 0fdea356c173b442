"""Stored chunks are found again while the code and the libraries are the same, and never afterwards.

What changes a code digest is held in `test_codedigest.py`; here the digest, and the versions of the libraries, are
followed into the ledger: by whole processes in a small checkout, whose sampler runs a kernel of another file.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lemmata import Laboratory, Ledger, chunks
from lemmata.codedigest import ROOT
from lemmata.engines import Serial
from tests.framework.invented import UNIFORM, Walk

PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from lemmata import Laboratory, Ledger
from lemmata.engines import Serial
from simulations.paper import ENDS
from theory.paper import Length
with Ledger(Path(sys.argv[1]) / "ledger.sqlite") as ledger, Laboratory(3, engine=Serial(), ledger=ledger) as lab:
    rows = lab.samples(ENDS["end"], Length(2.0), 40)
print(json.dumps({"rows": rows.tolist(), "computed": lab.computed, "reused": lab.reused}))
"""
SAMPLER = '''
"""A sampler."""
import numpy as np
from lemmata.records import Sampler
from simulations.helper import stretch
from theory.paper import Length

def sample_end(model, rng, trials):
    """Draw."""
    return {"end": stretch(rng.random(trials), model.length)}

ENDS = Sampler(sample_end, ranges={"end": (-10.0, 10.0)}, work=lambda model: 1e7)  # eight trials a chunk
SAMPLERS = (ENDS,)
'''
HELPER = '''
from lemmata.kernels import kernel
from theory.numerics.shift import SHIFT

@kernel
def stretch(x, length):
    """Scale and shift."""
    for i in range(len(x)):
        x[i] = length * x[i] + SHIFT  # in place
    return x
'''
THEORY = '''
from lemmata.models import Model, real

class Length(Model):
    """The model."""
    length: float = real(above=0)

def mean_end(model):
    return model.length / 2
'''
FILES = {
    "simulations/__init__.py": "",
    "simulations/paper.py": SAMPLER,
    "simulations/helper.py": HELPER,
    "theory/__init__.py": "PAPERS = ('paper',)\n",
    "theory/paper.py": THEORY,
    "theory/numerics/__init__.py": "",
    "theory/numerics/shift.py": "SHIFT = 0.0\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with this framework, one paper, and a kernel in a file of its own."""
    shutil.copytree(ROOT / "lemmata", tmp_path / "lemmata", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(checkout: Path) -> dict[str, Any]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "LEMMATA_", "COV"))}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", PROGRAM, str(checkout)],
        env=kept, cwd=checkout, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def edit(checkout: Path, name: str, old: str, new: str) -> None:
    text = (checkout / name).read_text()
    assert text.count(old) == 1
    (checkout / name).write_text(text.replace(old, new))


def test_a_helper_of_a_kernel_costs_a_simulation_and_a_closed_form_none(checkout: Path) -> None:
    """Whatever is reused is what the present code would compute."""
    first = run(checkout)
    assert (first["computed"], first["reused"]) == (5, 0)
    assert run(checkout) == first | {"computed": 0, "reused": 5}

    edit(checkout, "simulations/helper.py", "  # in place", "  # where it lies")
    edit(checkout, "simulations/helper.py", '    """Scale and shift."""\n', "")
    edit(checkout, "simulations/paper.py", '"""Draw."""', '"""Draw the ends."""')
    edit(checkout, "theory/paper.py", '"""The model."""', '"""A length."""')
    edit(checkout, "theory/paper.py", "model.length / 2", "model.length / 3")
    assert run(checkout) == first | {"computed": 0, "reused": 5}

    edit(checkout, "simulations/helper.py", "length * x[i]", "2 * length * x[i]")
    changed = run(checkout)
    assert (changed["computed"], changed["reused"]) == (5, 0)
    assert changed["rows"] == [2 * end for end in first["rows"]]
    edit(checkout, "theory/numerics/shift.py", "0.0", "1.0")
    moved = run(checkout)
    assert (moved["computed"], moved["reused"]) == (5, 0)
    assert moved["rows"] == pytest.approx([end + 1 for end in changed["rows"]], rel=1e-12)

    edit(checkout, "simulations/helper.py", "2 * length * x[i]", "length * x[i]")
    edit(checkout, "theory/numerics/shift.py", "1.0", "0.0")
    assert run(checkout) == first | {"computed": 0, "reused": 5}


@pytest.mark.parametrize("library", ["numpy", "scipy", "numba"])
def test_versions_of_the_libraries_enter_the_key(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def computed_and_reused(ledger: Ledger) -> tuple[int, int]:
        monkeypatch.setattr(chunks, "_CODES", {})  # as in a new process
        with Laboratory(1, engine=Serial(), ledger=ledger) as lab:
            lab.estimate(UNIFORM, Walk(1000), 5)
        return lab.computed, lab.reused

    with Ledger.memory() as ledger:
        assert computed_and_reused(ledger) == (5, 0)
        assert computed_and_reused(ledger) == (0, 5)
        module = importlib.import_module(library)
        monkeypatch.setattr(module, "__version__", f"{module.__version__}.1")
        assert computed_and_reused(ledger) == (5, 0)
