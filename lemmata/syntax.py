"""What one Python source file says, read from its syntax tree: digest, imports, definitions, references.

The digest comes from an own serialisation of the tree (node class names and fields in a fixed order), since
the output of `ast.dump` differs between Python versions. Comments, docstrings and layout are no part of it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

Chain: TypeAlias = tuple[str, ...]
"""A name with the attributes taken of it: ("np", "linalg", "norm")."""
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
"""Nodes with a scope of their own."""
_SILENT_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


@dataclass(frozen=True)
class Import:
    """One imported name: `import module [as bound]` (no `name`) or `from module import name [as bound]`."""

    level: int
    module: str
    name: str | None
    bound: str
    renamed: bool


@dataclass(frozen=True, eq=False)
class Statement:
    """A top-level statement: what it binds and refers to is worked out when it is asked for."""

    node: ast.stmt

    @cached_property
    def binds(self) -> frozenset[str]:
        """The names that it binds or may change."""
        return frozenset(_affected(self.node))

    @cached_property
    def free_chains(self) -> frozenset[Chain]:
        """The names that it refers to: a local variable is no reference to a top-level name."""
        return frozenset(_references(self.node))

    @cached_property
    def chains(self) -> frozenset[Chain]:
        """All names that it reads, local ones included."""
        return frozenset(_references(self.node, scoped=False))

    @cached_property
    def inner_imports(self) -> tuple[Import, ...]:
        """The imports inside it."""
        return tuple(item for part in ast.walk(self.node) for item in _imports(part))

    @cached_property
    def digest(self) -> str:
        return tree_digest(self.node)


@dataclass(frozen=True, eq=False)
class Source:
    """A parsed file."""

    tree: ast.Module

    @cached_property
    def digest(self) -> str:
        return tree_digest(self.tree)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The top-level statements, other than imports."""
        nodes = (node for node in self.tree.body if not isinstance(node, ast.Import | ast.ImportFrom))
        return tuple(map(Statement, nodes))

    @cached_property
    def top_imports(self) -> tuple[Import, ...]:
        """The imports that bind module names."""
        definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        nodes = (node for node in self.tree.body if not isinstance(node, definitions))
        return tuple(item for node in nodes for part in ast.walk(node) for item in _imports(part))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """All imports, those inside functions included."""
        return tuple(item for part in ast.walk(self.tree) for item in _imports(part))

    @cached_property
    def chains(self) -> frozenset[Chain]:
        """All names that the file reads."""
        return frozenset(_references(self.tree, scoped=False))

    def definitions(self, name: str) -> list[Statement]:
        """The top-level statements, other than imports, that bind or change `name`."""
        return [statement for statement in self.statements if name in statement.binds]

    def import_of(self, name: str) -> list[Import]:
        """The top-level imports that bind `name`."""
        return [item for item in self.top_imports if item.bound == name]

    def binds(self, name: str) -> bool:
        """Whether the file gives `name` a meaning (other than by a star import)."""
        return bool(self.import_of(name) or self.definitions(name))


@functools.lru_cache(maxsize=1024)
def parse(content: bytes) -> Source:
    """Read a file's content.

    Raises
    ------
    SyntaxError, ValueError
        If it is no Python source.
    """
    return Source(ast.parse(content))


# ---- the stable serialisation


def tree_digest(node: ast.AST) -> str:
    """Digest of a syntax tree that no comment, docstring, layout or Python version changes."""
    return hashlib.blake2b(tree_text(node).encode(), digest_size=16).hexdigest()


def tree_text(node: ast.AST) -> str:
    """Serialise a tree as `Class(field=value,...)`, fields by name, empty fields left out, ASCII only."""
    if isinstance(node, ast.Constant):
        return f"Constant({constant_text(node.value)})"
    values: dict[str, Any] = {name: getattr(node, name, None) for name in node._fields}
    if isinstance(node, ast.JoinedStr):
        values["values"] = _joined(node.values)
    parts = [
        f"{name}={_value_text(values[name])}"
        for name in sorted(values)
        if name not in _SILENT_FIELDS and values[name] is not None and values[name] != []
    ]
    return f"{type(node).__name__}({','.join(parts)})"


def constant_text(value: object) -> str:
    """A constant with its type, in characters that no Python version prints differently."""
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{type(value).__name__} {value!a}"
    return f"int {value:#x}"


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return f"[{','.join(_value_text(item) for item in items if not _is_bare_string(item))}]"
    return tree_text(value) if isinstance(value, ast.AST) else constant_text(value)


def _is_bare_string(node: Any) -> bool:
    """A docstring, or any other string that stands alone as a statement: it has no effect."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _joined(parts: Iterable[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string with neighbouring texts made one (Python versions cut them differently)."""
    result: list[ast.expr] = []
    for part in parts:
        last = result[-1] if result else None
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
            result[-1] = ast.Constant(f"{last.value}{part.value}")
        elif not (isinstance(part, ast.Constant) and part.value == ""):
            result.append(part)
    return result


# ---- imports, bindings, references


def _imports(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            yield Import(0, alias.name, None, bound, alias.asname is not None)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            renamed = alias.asname is not None
            yield Import(node.level, node.module or "", alias.name, alias.asname or alias.name, renamed)


def _affected(node: ast.stmt) -> Iterator[str]:
    """Top-level names that a statement binds, or may change (`TABLE[k] = v`, `TABLE.update(...)`)."""
    yield from _bound(node)
    for part in _same_scope(node):
        if isinstance(part, ast.Expr):
            yield from (chain[0] for chain in _references(part))
        elif isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load):
            yield from (chain[0] for chain in _references(part.value))


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a node binds in the scope in which it stands."""
    for part in _same_scope(node):
        match part:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                yield part.id
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield part.name
            case ast.Import() | ast.ImportFrom():
                yield from (item.bound for item in _imports(part))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                walruses = (inner for inner in ast.walk(part) if isinstance(inner, ast.NamedExpr))
                yield from (walrus.target.id for walrus in walruses)
            case _:
                pass


def _same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A node and its descendants, without entering functions, classes and comprehensions."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, _SCOPES):
            waiting += ast.iter_child_nodes(part)


def _local_names(function: _Function) -> frozenset[str]:
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    named += [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    body = function.body if isinstance(function.body, list) else [function.body]
    inner = [part for statement in body for part in _same_scope(statement)]
    outer = {name for part in inner if isinstance(part, ast.Global | ast.Nonlocal) for name in part.names}
    bound = {name for statement in body for name in _bound(statement)}
    return frozenset({argument.arg for argument in named} | (bound - outer))


def _references(
    node: ast.AST, hidden: frozenset[str] = frozenset(), *, scoped: bool = True
) -> Iterator[Chain]:
    """Names (with their attributes) that a node reads; if `scoped`, only those that no local name hides."""

    def inside(parts: Iterable[ast.AST | None], locals_: Iterable[str] = ()) -> Iterator[Chain]:
        names = hidden.union(locals_) if scoped else hidden
        for part in parts:
            if part is not None:
                yield from _references(part, names, scoped=scoped)

    match node:
        case ast.Name() | ast.Attribute():
            base, attributes = _unrolled(node)
            if not isinstance(base, ast.Name):
                yield from inside([base])
            elif base.id not in hidden and (attributes or isinstance(base.ctx, ast.Load)):
                yield (base.id, *attributes)
        case ast.Global():
            yield from ((name,) for name in node.names)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            body = node.body if isinstance(node.body, list) else [node.body]
            if not isinstance(node, ast.Lambda):
                yield from inside([*node.decorator_list, node.returns])
                yield from _quoted(node.returns)
            yield from inside([node.args])
            yield from inside(body, _local_names(node))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            targets = [name for part in node.generators for name in _bound(part.target)]
            yield from inside([node.generators[0].iter])
            others = [part.iter for part in node.generators[1:]]
            conditions = [condition for part in node.generators for condition in part.ifs]
            yield from inside([*results, *others, *conditions], targets)
        case ast.AnnAssign() | ast.arg():
            yield from _quoted(node.annotation)
            yield from inside(ast.iter_child_nodes(node))
        case _:
            yield from inside(ast.iter_child_nodes(node))


def _unrolled(node: ast.expr) -> tuple[ast.expr, Chain]:
    """The expression at the root of an attribute chain, and the attributes."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    return node, tuple(attributes)


def _quoted(annotation: ast.expr | None) -> Iterator[Chain]:
    """References in the quoted parts of an annotation."""
    for part in ast.walk(annotation) if annotation is not None else ():
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from _references(ast.parse(part.value, mode="eval"), scoped=False)
            except (SyntaxError, ValueError):
                continue
