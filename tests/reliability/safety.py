"""What the suite never does: unpickle results from disk, listen beyond this machine, write outside its folders.

Numba's own cache of compiled kernels (build/kernels) is the one exception: it is code, as the sources are.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from lemmata.codedigest import ROOT
from lemmata.engines import make_engine
from lemmata.laboratory import Laboratory
from tests.framework.invented import UNIFORM, Walk
from tests.reliability.tables import Table

FLOORS = ("lemmata", "theory", "simulations", "paper_checks", "figures", "classroom")
BANNED = {
    "pickle": {"load", "loads", "Unpickler"},
    "shelve": {"open"},
    "marshal": {"load", "loads"},
    "joblib": {"load"},
    "dill": {"load", "loads"},
    "cloudpickle": {"load", "loads"},
    "pd": {"read_pickle"},
    "pandas": {"read_pickle"},
    "torch": {"load"},
}
LOOPBACK = ("127.", "::1", "::ffff:127.")

WATCHED = """
import json, os, sys
from pathlib import Path
from lemmata.cli import main

ledger, spec, out = sys.argv[1:]
words = ["sweep", spec, "--out", out, "--ledger", ledger, "--workers", "1"]
assert main(words) == 0  # what is imported and compiled is there now
Path(out).unlink()
seen = {"unpickled": [], "written": [], "bound": []}


def watch(event, arguments):
    if event == "pickle.find_class":
        seen["unpickled"].append(str(arguments))
    elif event == "open" and isinstance(arguments[0], str) and set(arguments[1] or "") & set("wxa+"):
        seen["written"].append(arguments[0])
    elif event == "open" and isinstance(arguments[0], str) and not arguments[1] and arguments[2] & os.O_CREAT:
        seen["written"].append(arguments[0])
    elif event in ("os.rename", "os.mkdir", "os.remove", "os.link", "os.symlink", "sqlite3.connect"):
        seen["written"].append(str(arguments[1] if event == "os.rename" else arguments[0]))
    elif event == "socket.bind":
        seen["bound"].append(str(arguments[1]))


sys.addaudithook(watch)
code = [main(words), main([*words, "--extend", "300000"]), main([*words, "--dry-run"])]
print(json.dumps(seen | {"codes": code}), file=sys.stderr)
"""
SPEC = """version = 1
result = "attention_memorization.ridge_regression_error"
trials = 20
[parameters]
tokens = 16
dimension = 12
ridge = 1
snr = 1
"""


def run(name: str) -> list[Table]:
    """Read the sources, watch a sweep, look at the sockets of a cluster."""
    table = Table("E. Safety", ["rule", "looked at", "offences"])
    _sources(table)
    _watched(table)
    _sockets(table, 1 if name == "small" else 3)
    return [table]


def offences(text: str) -> list[str]:
    """Calls in a source that would unpickle a file."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in BANNED.get(node.value.id, ()):
                found.append(f"line {node.lineno}: {node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module in BANNED:
            found += [f"line {node.lineno}: {a.name}" for a in node.names if a.name in BANNED[node.module]]
        elif (
            isinstance(node, ast.keyword)
            and node.arg == "allow_pickle"
            and ast.unparse(node.value) != "False"
        ):
            found.append(f"line {node.value.lineno}: allow_pickle")
    return found


def _sources(table: Table) -> None:
    table.expect(
        len(offences("import pickle\npickle.loads(x)\nnp.load(f, allow_pickle=True)")) == 2,
        "the reader is blind",
    )
    files = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
    found = [
        f"{path.relative_to(ROOT)} {words}"
        for path in files
        for words in offences(path.read_text(encoding="utf-8"))
    ]
    table.add("no source unpickles", f"{len(files)} files", len(found))
    table.problems += found


def _watched(table: Table) -> None:
    """A stored sweep, its extension and a dry run, with an audit hook of Python."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "spec.toml").write_text(SPEC, encoding="utf-8")
        files = [str(folder / part) for part in ("ledger.sqlite", "spec.toml", "t.csv")]
        command = [sys.executable, "-c", WATCHED, *files]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        seen = json.loads(done.stderr.splitlines()[-1])
        outside = [
            path for path in seen["written"] if not path.removeprefix("file://").startswith(str(folder))
        ]
        table.expect(seen["codes"] == [0, 0, 0], f"exit codes {seen['codes']}")
        table.expect(len(seen["written"]) > 3, "the hook is blind")
        for words, found in (
            ("no object is unpickled by a sweep that reads its ledger", seen["unpickled"]),
            ("a sweep writes nothing but its ledger and its table", outside),
            ("a sweep in one process listens nowhere", seen["bound"]),
        ):
            table.add(words, "3 runs", len(found))
            table.problems += [f"{words}: {item}" for item in found]


def _sockets(table: Table, workers: int) -> None:
    """What the processes of an own Dask cluster listen on."""
    with Laboratory(0, engine=make_engine("dask", workers)) as lab:
        lab.advance([(lab.run(UNIFORM, Walk(20)), 2)])
        parent = psutil.Process()
        listening = [
            connection.laddr.ip
            for process in (parent, *parent.children(recursive=True))
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
    beyond = [address for address in listening if not address.startswith(LOOPBACK)]
    table.expect(len(listening) > workers, "no socket was seen")
    table.add("an own cluster listens on this machine only", f"{len(listening)} sockets", len(beyond))
    table.problems += [f"listens on {address}" for address in beyond]
