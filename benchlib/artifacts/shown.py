"""Entries in words: a line each, or everything that is known of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchlib.artifacts import place
from benchlib.artifacts.entry import DecidedBy, Entry, entries
from benchlib.artifacts.files import disk_size, is_log
from benchlib.registry import Facts, Options

_TIMES = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SIZES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_UNSAID: tuple[Any, ...] = (None, "", False, {}, [])


def listing(found: Iterable[Entry]) -> str:
    """A line for each entry: address, kind, what made it, size, when it was last used, status."""
    rows = [(e.address, e.kind, made_by(e), in_bytes(e.size), _ago(e.used), e.status) for e in found]
    return _table(("address", "kind", "made by", "size", "used", "status"), rows)


def totals() -> str:
    """The whole cache by kind, and what else lies in it; of a folder that is no cache the entries alone."""
    found, root = entries(), place.root(make=False)
    whole = place.is_cache(root)
    folders = (p for p in root.iterdir() if p.is_dir()) if whole else {e.path.parent for e in found}
    rows = []
    for folder in sorted(folders):
        own = [e for e in found if e.kind == folder.name]
        statuses = ", ".join(f"{n} {s}" for s in ("lean", "broken") if (n := sum(e.status == s for e in own)))
        if count := len(own) or sum(not p.name.startswith(".") for p in folder.iterdir()):
            size = disk_size(folder) if whole else sum(e.size for e in own)
            rows.append((folder.name, str(count), in_bytes(size), statuses))
    size = disk_size(root) if whole else sum(e.size for e in found)
    rows.append(("together", "", in_bytes(size), f"of {in_bytes(place.size_limit())}"))
    return _table(("kind", "number", "size", ""), rows)


def statement(entry: Entry) -> str:
    """All that an entry holds: what it is, its error, stages, facts, files, and what decided it."""
    state = entry.state
    head = {
        "address": f"{entry.kind}/{entry.address}",
        "status": entry.status,
        "made by": made_by(entry),
        "trial": state.get("trial"),
        "created": _date(state["created"]) if state else "",
        "used": _date(entry.used),
        "size": in_bytes(entry.size) + (f" of {in_bytes(state['size'])}" if entry.status == "lean" else ""),
        "folder": entry.path,
    }
    facts = {k: v for k, v in _flat(entry.facts).items() if k != "stages"}
    parts = [
        _lines(head),
        _part("error", _lines(state.get("error", {}))),
        _part("stages", _stages(state.get("stages", []))),
        _part("facts", _lines(facts)),
        _part("files", _files(entry)),
        _part("logs", "\n".join(name for name in entry.files if is_log(name))),
        _part("decided by", _lines(entry.decided_by)),
    ]
    return "\n\n".join(filter(None, parts))


def made_by(entry: Entry) -> str:
    """What made an entry, in a few words, from what decided it."""
    maker = _MAKERS.get(entry.state.get("of", entry.kind))
    return ", ".join(filter(None, maker(entry.decided_by, _flat(entry.facts)))) if maker and entry.decided_by else ""


def in_bytes(size: float) -> str:
    """`512 bytes`, `1.5 KiB`, `20 GiB`."""
    for factor, unit in _SIZES:
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 999.5 * factor else f"{size / factor:,.0f} {unit}"
    return f"{size:.0f} bytes"


def _model(decided: DecidedBy, facts: Facts) -> list[str]:
    source, parameters = decided.get("source") or [""], decided.get("parameters", {})
    return [str(source[0]), *_options(parameters)]


def _artifact(decided: DecidedBy, facts: Facts) -> list[str]:
    passes = [_pass(p) for p in decided.get("passes") or [] if p]
    way = "+".join([str(decided.get("exporter", "")).rpartition(":")[2], *passes])  # a user's own is `file.py:name`
    opset = decided.get("target_opset") or facts.get("onnx_opset")
    return [
        way, "dynamic" if decided.get("axes") or decided.get("dynamic") else "", f"opset {opset}" if opset else "",
        *_options(decided.get("options", {})),
    ]  # fmt: skip


def _outputs(decided: DecidedBy, facts: Facts) -> list[str]:
    way = decided.get("way", {})
    made = "+".join(filter(None, [way.get("exporter"), way.get("opt_patterns")]))
    return [
        f"{made} on {way.get('runtime', '')}",
        decided.get("device", ""),
        "float64" if decided.get("against") else "",
    ]


_MAKERS: dict[str, Callable[[DecidedBy, Facts], list[str]]] = {
    "models": _model,
    "artifacts": _artifact,
    "outputs": _outputs,
}


def _pass(call: Any) -> str:
    if isinstance(call, Mapping):
        name, without = call.get("name", call.get("pass", "")), call.get("without") or ()
    else:
        name, without = (call if isinstance(call, str) else call[0]), ()
    return "-".join([str(name), *map(str, without)])


def _options(given: Options) -> list[str]:
    return [f"{k}={_value(v)}" for k, v in given.items() if v not in _UNSAID]


def _stages(stages: Any) -> str:
    """A line per stage: a list of mappings, or a mapping of them by name."""
    if isinstance(stages, Mapping):
        stages = [{"stage": k, **(v if isinstance(v, Mapping) else {"seconds": v})} for k, v in stages.items()]
    names = list(dict.fromkeys(name for stage in stages for name in stage))
    return _table(names, [tuple(_fact(name, stage.get(name, "")) for name in names) for stage in stages])


def _files(entry: Entry) -> str:
    rows = [
        (name, in_bytes(file["size"]), file["sha256"], "" if (entry.path / name).is_file() else "dropped or missing")
        for name, file in entry.files.items()
    ]
    return _table(("file", "size", "sha256", ""), rows)


def _fact(name: str, value: Any) -> str:
    """A fact with the unit that the end or beginning of its name tells."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name.endswith(("filesize", "_size", "size_before", "size_after")) and name != "params_size":
            return in_bytes(value)
        if name.startswith("time_") or name == "seconds":
            return f"{value:.3g} s"
    return _value(value)


def _value(value: Any) -> str:
    """A histogram as `12 MatMul, 4 Add`, the largest first; other values as they are."""
    if isinstance(value, Mapping):
        if value and all(isinstance(n, int) and not isinstance(n, bool) for n in value.values()):
            return ", ".join(f"{n} {k}" for k, n in sorted(value.items(), key=lambda item: -item[1]))
        return ", ".join(f"{k}={_value(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return str(value)


def _part(title: str, text: str) -> str:
    return f"{title}\n" + "\n".join(f"  {line}" for line in text.splitlines()) if text else ""


def _flat(facts: Facts) -> Facts:
    """The facts of an entry with those metrics and details that stand in mappings of their own."""
    inner = [facts[name] for name in ("metrics", "details") if isinstance(facts.get(name), Mapping)]
    outer = {name: value for name, value in facts.items() if facts[name] not in inner}
    return {**outer, **{name: value for mapping in inner for name, value in mapping.items()}}


def _lines(facts: Mapping[str, object]) -> str:
    shown = {name: _fact(name, value) for name, value in facts.items() if value not in _UNSAID}
    width = max(map(len, shown), default=0)
    return "\n".join(
        f"{name:<{width}}  {text.rstrip()}".replace("\n", "\n" + " " * (width + 2)) for name, text in shown.items()
    )


def _table(heads: Iterable[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    every = [tuple(heads), *rows]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip() for row in every)


def _ago(moment: float) -> str:
    if not moment:
        return ""
    past = max(1.0, time.time() - moment)
    length, unit = next(t for t in _TIMES if past >= t[0])
    return f"{past / length:.0f} {unit} ago"


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else ""
