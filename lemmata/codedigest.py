"""Digests of the code that a simulation runs: a stored result is used again only while they stay the same.

The digest is static: sources are parsed, never imported. It covers *whole* modules (the function's own file,
and every module of `simulations` and `theory.numerics` that it imports, transitively) and single *names* of
the `theory` papers (a model class or an activation that a simulation imports, with the top-level names that
its definition refers to). So the edit of a closed form costs no simulation, and the edit of a helper of a
kernel always does. Comments, docstrings, layout and the Python version do not enter.

A function outside the floors (in a test or in a user's script) brings its own package, or the modules beside
its script, as further whole modules.

Not seen: modules imported through strings, values put into a module from outside, and what a closure holds
unless it is a plain constant. Samplers are therefore functions of a module.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from lemmata.syntax import Chain, Import, Source, constant_text, parse

ROOT = Path(__file__).resolve().parent.parent
"""The checkout, in which the floors lie."""
WHOLE_FLOORS = ("simulations", "theory.numerics")
"""Packages whose modules enter the digest whole."""
NAMED_FLOOR = "theory"
"""The package whose other modules enter the digest name by name."""
FRAMEWORK = "lemmata"
"""This package is not followed: STREAM_VERSION stands for what it does to a stored result."""
STREAM_VERSION = 1
"""To be raised when the framework's streams, chunks or statistics change what a chunk holds."""


def code_digest(
    function: Callable[..., Any], models: Iterable[type] = (), *, root: Path | None = None
) -> str:
    """Digest of all code that decides what `function` returns for models of the given classes.

    Parameters
    ----------
    function : callable
        A sampler. Wrappers (`functools.wraps`, a compiled kernel) are looked through.
    models : iterable of classes
        Model classes: each definition enters with the top-level names that it refers to.
    root : path, optional
        Folder of the floors; the checkout of this package by default.

    Returns
    -------
    str
        Hexadecimal digest, equal on every machine and Python version.

    Raises
    ------
    ValueError
        If the function or a class has no source file, or a file cannot be parsed.
    """
    return CodeDigests(root).of(function, models)


class CodeDigests:
    """As `code_digest`, for many functions: a file that several of them share is followed once.

    Files are taken to stay as they are while the object lives.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._walks: dict[Path, _Walk] = {}

    def of(self, function: Callable[..., Any], models: Iterable[type] = ()) -> str:
        """`code_digest` of one function."""
        plain = _plain_function(function)
        path = _source_file(plain, "function")
        if path not in self._walks:
            self._walks[path] = _Walk(self._root)
            self._walks[path].start(path)
        walk = self._walks[path].copy()
        for model in models:
            _take_class(walk, model)
        return walk.digest(f"streams {STREAM_VERSION}", *_closure_constants(plain))


def _take_class(walk: _Walk, model: type) -> None:
    if not inspect.isclass(model):
        raise ValueError(f"models: {model!r} is not a class; give the models' classes")
    walk.start(_source_file(model, "models"), model.__qualname__.split(".")[0])


def source_digest(module_name: str, *, root: Path | None = None, file: str | Path | None = None) -> str:
    """Digest of one module together with the floor modules and names that it imports, transitively.

    Parameters
    ----------
    module_name : str
        Dotted name below `root`.
    root : path, optional
        Folder of the floors; the checkout of this package by default.
    file : path, optional
        The module's file, when it is known.

    Raises
    ------
    ValueError
        If the module has no source file below `root`, or a file cannot be parsed.
    """
    walk = _Walk(root)
    path = _locate(walk.root, module_name) if file is None else Path(file)
    if path is None or not path.is_file():
        raise ValueError(f"module_name = {module_name!r}: no source file for it below {walk.root}")
    walk.start(path)
    return walk.digest()


def _plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    plain = inspect.unwrap(function)
    plain = inspect.unwrap(getattr(plain, "py_func", plain))
    if not (inspect.isfunction(plain) or inspect.ismethod(plain)):
        raise ValueError(f"function = {function!r}: only a function of a Python file has a digest")
    return plain


def _source_file(thing: Any, parameter: str) -> Path:
    try:
        name = inspect.getsourcefile(thing)
    except (TypeError, OSError):
        name = None
    path = Path(name) if name else None
    if path is None or not path.is_file():
        label = getattr(thing, "__qualname__", repr(thing))
        raise ValueError(f"{parameter}: {label} has no source file; define it in a module or a script")
    return path


def _closure_constants(function: Callable[..., Any]) -> Iterator[str]:
    """Plain constants that an inner function closes over: they tell apart what one factory makes."""
    for name, value in inspect.getclosurevars(function).nonlocals.items():
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            yield f"closure {name} {constant_text(value)}"


def _locate(folder: Path, module: str) -> Path | None:
    stem = folder.joinpath(*module.split("."))
    for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
        if path.is_file():
            return path
    return None


def _lies_in(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


class _Walk:
    """Collects the pieces of code that one digest is made of."""

    def __init__(self, root: Path | None) -> None:
        self.root = (ROOT if root is None else Path(root)).resolve()
        self._files: dict[str, Path | None] = {}
        self._sources: dict[Path, Source] = {}
        self._homes: dict[str, Path] = {}  # followed packages outside the floors, and where they lie
        self._script_folders: list[Path] = []
        self._pieces: dict[str, str] = {}
        self._followed: set[tuple[str, Chain]] = set()

    def copy(self) -> _Walk:
        """A walk that goes on from here by itself."""
        other = _Walk(self.root)
        for name, value in vars(self).items():
            if name != "root":
                vars(other)[name] = value.copy()
        return other

    def digest(self, *more: str) -> str:
        lines = sorted([*more, *(f"{piece} {text}" for piece, text in self._pieces.items())])
        return hashlib.blake2b("\n".join(lines).encode(), digest_size=20).hexdigest()

    def start(self, path: Path, name: str | None = None) -> None:
        """Take in the module in `path`, or only one of its top-level names."""
        path = path.resolve()
        folder, module = self._identify(path)
        top = module.split(".")[0]
        if not _lies_in(module, NAMED_FLOOR, *WHOLE_FLOORS) and (name is None or top != FRAMEWORK):
            if top != module or path.name == "__init__.py":
                self._homes[top] = folder
            elif folder not in self._script_folders:
                self._script_folders.append(folder)
            self._files.clear()
        self._files[module] = path
        if name is None:
            self._take_module(module)
        elif self._is_whole(module):
            self._follow(module, (name,))
        else:
            self._follow_name(module, (name,))

    # -- modules and their files

    def _identify(self, path: Path) -> tuple[Path, str]:
        """The folder on the import path, and the dotted name of the module below it."""
        folder = self.root
        if not path.is_relative_to(folder):
            folder = path.parent
            while (folder / "__init__.py").is_file():
                folder = folder.parent
        parts = path.relative_to(folder).with_suffix("").parts
        if len(parts) > 1 and parts[-1] == "__init__":
            parts = parts[:-1]
        return folder, ".".join(parts)

    def _file(self, module: str) -> Path | None:
        if module not in self._files:
            top = module.split(".")[0]
            if _lies_in(module, NAMED_FLOOR, *WHOLE_FLOORS):
                folders = [self.root]
            elif top in self._homes:
                folders = [self._homes[top]]
            else:
                folders = [] if top == FRAMEWORK else self._script_folders
            found = (_locate(folder, module) for folder in folders)
            self._files[module] = next((path for path in found if path is not None), None)
        return self._files[module]

    def _is_named(self, module: str) -> bool:
        return _lies_in(module, NAMED_FLOOR) and not _lies_in(module, *WHOLE_FLOORS)

    def _is_whole(self, module: str) -> bool:
        if _lies_in(module, NAMED_FLOOR, *WHOLE_FLOORS):
            return not self._is_named(module)
        return module.split(".")[0] in self._homes or self._file(module.split(".")[0]) is not None

    def _source(self, module: str) -> Source | None:
        path = self._file(module)
        if path is None:
            return None
        if path not in self._sources:
            try:
                self._sources[path] = parse(path.read_bytes())
            except (SyntaxError, ValueError) as error:
                raise ValueError(f"{path}: not readable as Python ({error})") from None
        return self._sources[path]

    def _absolute(self, module: str, item: Import) -> str | None:
        """The module that an import names; None if it is relative to nothing."""
        if item.level == 0:
            return item.module
        path = self._file(module)
        parts = module.split(".")
        keep = len(parts) - item.level + (path is not None and path.name == "__init__.py")
        if keep < 1:
            return None
        return ".".join([*parts[:keep], *([item.module] if item.module else [])])

    # -- taking in pieces

    def _take_module(self, module: str) -> None:
        """Take in a whole module, the packages that hold it, and what it imports."""
        piece = f"module {module}"
        if piece in self._pieces:
            return
        source = self._source(module)
        self._pieces[piece] = "missing" if source is None else source.digest
        package = module.rpartition(".")[0]
        if package and self._is_whole(package) and self._file(package) is not None:
            self._take_module(package)
        if source is not None:
            for item in source.imports:
                self._take_import(module, item, source.chains)

    def _take_import(self, module: str, item: Import, chains: Iterable[Chain]) -> None:
        """Take in what `chains`, the code that may use an import of `module`, need of it."""
        target = self._absolute(module, item)
        if target is None or not (self._is_whole(target) or self._is_named(target)):
            return
        if item.name == "*" or self._is_whole(target):
            self._take_module(target)
        if item.name == "*":
            return
        path = tuple(target.split("."))
        start = path if item.name is None else (*path, item.name)
        uses = {chain[1:] for chain in chains if chain[0] == item.bound}
        if item.name is None and not item.renamed and uses:
            start = path[:1]  # `import a.b` binds a; the uses say what is taken of it
        for attributes in uses or {()}:
            self._follow(start[0], (*start[1:], *attributes))

    def _follow(self, module: str, attributes: Chain) -> None:
        """Take in what `module.attribute.attribute...` stands for."""
        if (module, attributes) in self._followed:
            return
        self._followed.add((module, attributes))
        inner = f"{module}.{attributes[0]}" if attributes else ""
        if self._is_whole(module):
            self._take_module(module)
            if inner and self._file(inner) is not None:
                self._follow(inner, attributes[1:])
        elif self._is_named(module):
            self._follow_name(module, attributes)

    def _follow_name(self, module: str, attributes: Chain) -> None:
        source = self._source(module)
        if attributes and source is not None and source.binds(attributes[0]):
            self._take_name(module, source, attributes)
        elif attributes and self._file(f"{module}.{attributes[0]}") is not None:
            self._follow(f"{module}.{attributes[0]}", attributes[1:])
        elif not (attributes and source is not None and self._take_starred(module, source, attributes)):
            self._take_module(module)  # the bare module, or a name made at run time: nothing less is safe

    def _take_starred(self, module: str, source: Source, attributes: Chain) -> bool:
        """Look for a name in the modules that `from ... import *` brings in; whether it was found."""
        for item in source.top_imports:
            target = self._absolute(module, item) if item.name == "*" else None
            inner = self._source(target) if target is not None else None
            if target is None or inner is None or target == module:
                continue
            if inner.binds(attributes[0]) or inner.import_of("*"):
                self._follow(target, attributes)
                return True
        return False

    def _take_name(self, module: str, source: Source, attributes: Chain) -> None:
        """Take in the definition of a top-level name and of the names that it refers to."""
        name = attributes[0]
        imports, statements = source.import_of(name), source.definitions(name)
        for item in imports:
            self._take_import(module, item, [attributes])
        piece = f"name {module}:{name}"
        if piece in self._pieces:
            return
        aliases = [f"{item.level} {item.module} {item.name}" for item in imports]
        self._pieces[piece] = "; ".join([*aliases, *(statement.digest for statement in statements)])
        for statement in statements:
            for item in statement.inner_imports:
                self._take_import(module, item, statement.chains)
            for chain in statement.free_chains:
                if source.binds(chain[0]):
                    self._take_name(module, source, chain)
                else:
                    self._take_starred(module, source, chain)
