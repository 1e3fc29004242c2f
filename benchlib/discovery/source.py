"""The script's code, as Python runs it, but that `x.forward(…)` outside of classes is seen as a call.

Code inside classes stays as it was written: it is what a model is saved with.
"""

from __future__ import annotations

import ast
import gc
import types
from collections.abc import Iterator

HOOK = "__benchlib_forward__"  # a builtin while the script runs


def compiled(text: bytes, path: str) -> types.CodeType:
    """Raises SyntaxError and ValueError as `compile` does."""
    tree = _Forward().visit(ast.parse(text, path))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def loop_variables(text: bytes) -> set[str]:
    """The names that `for` gives to one thing after another."""
    loops = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.For, ast.AsyncFor, ast.comprehension))]
    return {n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)}


def restore(code: types.CodeType, text: bytes, path: str) -> None:
    """Gives the functions made from `code` what was written, so that what is saved of them knows no hook. They may
    be held by anything: a model's attribute, another function's closure."""
    plain = compile(text, path, "exec", dont_inherit=True)
    written = {id(seen): own for seen, own in zip(_codes(code), _codes(plain), strict=True)}
    for value in gc.get_objects():
        if type(value) is types.FunctionType and id(value.__code__) in written:
            value.__code__ = written[id(value.__code__)]


class _Forward(ast.NodeTransformer):
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr == "forward":
            hook = ast.copy_location(ast.Name(HOOK, ast.Load()), called)
            return ast.copy_location(ast.Call(hook, [called.value, *node.args], node.keywords), node)
        return node


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
