"""Which module of a package imports which, as the source says: circles, and arrows that run upward."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

# The rooms from the top down: what imports only from its own floor or below runs downward.
FLOORS = (
    ("__main__", "cli", "cli_answer", "cli_cache", "cli_choose", "cli_discover", "cli_doctor", "cli_list",
     "cli_options", "cli_places", "cli_scripts", "api", "doctor"),
    ("choosing",),
    ("execution", "sweep", "report", "calibrate"),
    ("stages", "plan", "fingerprint"),
    ("measure", "host", "discovery"),
    ("worker",),
    ("exporters", "passes", "runtimes", "mistakes", "trial", "trial_groups", "trial_key", "trial_values",
     "model_labels", "labels"),
    ("models", "way"),
    ("registries", "accuracy"),
    ("record", "artifacts", "import_closure", "standins", "user_file"),
    ("by_value", "dtypes", "errors", "files", "kernels", "label_line", "layouts", "machine", "onnx_facts",
     "onnx_links", "option", "parser", "precision", "registry", "remembered", "structures", "telemetry",
     "template_files", "tensors", "typed_json", "yaml_file"),
)  # fmt: skip


def import_edges(package: Path) -> dict[str, set[str]]:
    """Every module of `package` with the modules of it that its source names in an import.

    Imports inside functions count, and those for type checkers alone. `from a import b` leads to `a.b` where that is
    a module, else to `a`.

    Args:
        package: the package's folder; modules are called by its name.
    """
    files = module_files(package)
    return {name: {target for target in _targets(name, path, files) if target != name} for name, path in files.items()}


def module_files(package: Path) -> dict[str, Path]:
    """The file of each module of a package by its dotted name."""
    files = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


def circles(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of two or more modules (Tarjan 1972), the largest first."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(edges[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            at = stack.index(node)
            components.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return sorted((c for c in components if len(c) > 1), key=len, reverse=True)


def between_rooms(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The same between rooms: the folders and files directly under the package. The package itself is none."""
    rooms: dict[str, set[str]] = {}
    for name, targets in edges.items():
        if room := _room(name):
            rooms.setdefault(room, set()).update({_room(target) for target in targets} - {room, ""})
    return rooms


def upward_arrows(edges: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The pairs (from, to) of rooms where one imports another of a higher floor."""
    return [
        (room, target)
        for room, targets in sorted(between_rooms(edges).items())
        for target in sorted(targets)
        if _floor(target) < _floor(room)
    ]


def unplaced_rooms(edges: Mapping[str, set[str]]) -> list[str]:
    """Rooms that no floor lists: their arrows are not judged."""
    return sorted(set(between_rooms(edges)) - {room for floor in FLOORS for room in floor})


def _targets(name: str, path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                if f"{base}.{alias.name}" in files:
                    yield f"{base}.{alias.name}"
                elif base in files:
                    yield base


def _room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def _floor(room: str) -> float:
    return next((i for i, floor in enumerate(FLOORS) if room in floor), float("inf"))
