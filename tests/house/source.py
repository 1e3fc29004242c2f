"""What the syntax trees of a package say: signatures, look-ups, imports inside functions, docstrings, length."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_SECTIONS = re.compile(r"^\s*(Args|Returns|Yields|Raises|Attributes|Parameters)\s*(:|\n\s*-{3,})\s*$", re.MULTILINE)
_LOOK_UPS = ("get",)  # methods that take a key, beside `mapping["key"]`


@dataclass
class Counts:
    """Of one module, or the sum over several."""

    functions: int = 0
    dict_signatures: int = 0
    wide_functions: int = 0
    look_ups: int = 0
    local_imports: int = 0  # import statements inside functions
    own_local_imports: int = 0  # … of the package's own modules
    docstrings: int = 0  # of functions and methods
    sections: int = 0  # docstrings with Args, Returns, Raises …
    comments: int = 0  # lines that hold nothing but a comment

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))


def count(path: Path, package: str) -> Counts:
    """The counts of one file.

    Args:
        path: a Python file.
        package: the name whose imports are the package's own.
    """
    text = path.read_text()
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, FunctionNode)]
    imports = {id(n): n for f in functions for n in ast.walk(f) if isinstance(n, ast.Import | ast.ImportFrom)}
    docstrings = [doc for f in functions if (doc := ast.get_docstring(f))]
    return Counts(
        functions=len(functions),
        dict_signatures=sum(map(has_dict_signature, functions)),
        wide_functions=sum(count_parameters(f) > 5 for f in functions),
        look_ups=sum(map(_is_look_up, ast.walk(tree))),
        local_imports=len(imports),
        own_local_imports=sum(_is_own(node, package) for node in imports.values()),
        docstrings=len(docstrings),
        sections=sum(bool(_SECTIONS.search(doc)) for doc in docstrings),
        comments=_count_comments(text),
    )


def has_dict_signature(function: FunctionNode) -> bool:
    """Whether a parameter or the return value is annotated with a mapping of unknown contents.

    That is `dict` alone, or `dict`, `Mapping` or `MutableMapping` with `Any` among their arguments, at any depth
    (`list[dict[str, Any]] | None`). A `dict[str, float]` says what it holds and is not counted.
    """
    return any(_is_unknown_mapping(node) for annotation in _annotations(function) for node in _walk(annotation))


def count_parameters(function: FunctionNode) -> int:
    """How many parameters a caller can fill: `self` and `cls` left out, `*args` and `**kwargs` one each."""
    a = function.args
    named = [*a.posonlyargs, *a.args, *a.kwonlyargs]
    return sum(p.arg not in ("self", "cls") for p in named) + bool(a.vararg) + bool(a.kwarg)


def long_functions(path: Path, limit: int) -> list[tuple[str, int, int]]:
    """Name, line and length of each function over `limit` lines, its signature, docstring, comments and blank lines
    included, decorators left out."""
    return [
        (node.name, node.lineno, node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, FunctionNode) and node.end_lineno - node.lineno + 1 > limit
    ]


def _annotations(function: FunctionNode) -> Iterator[ast.expr]:
    a = function.args
    for parameter in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg):
        if parameter and parameter.annotation:
            yield parameter.annotation
    if function.returns:
        yield function.returns


def _walk(annotation: ast.expr) -> Iterator[ast.expr]:
    """All types that an annotation names, each subscripted one once (the `dict` of `dict[…]` is not given again)."""
    yield annotation
    for child in ast.iter_child_nodes(annotation):
        if isinstance(child, ast.expr) and not (isinstance(annotation, ast.Subscript) and child is annotation.value):
            yield from _walk(child)


def _is_unknown_mapping(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "dict"
    if isinstance(node, ast.Subscript) and _last_name(node.value) in ("dict", "Mapping", "MutableMapping"):
        return any(_last_name(part) == "Any" for part in ast.walk(node.slice))
    return False


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_look_up(node: ast.AST) -> bool:
    """`mapping["key"]` or `mapping.get("key")`, with a constant text."""
    if isinstance(node, ast.Subscript):
        return _is_text(node.slice)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOK_UPS:
        return bool(node.args) and _is_text(node.args[0])
    return False


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_own(node: ast.Import | ast.ImportFrom, package: str) -> bool:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return any(name == package or name.startswith(f"{package}.") for name in names)


def _count_comments(text: str) -> int:
    lines = text.splitlines()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(t.type == tokenize.COMMENT and lines[t.start[0] - 1].lstrip().startswith("#") for t in tokens)
