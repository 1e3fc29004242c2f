"""`python -m benchlib cache …`: what is kept, and making room."""

from __future__ import annotations

import re
import sys
import time
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from benchlib import artifacts
from benchlib.artifacts import shown
from benchlib.cli_options import CacheDir, Quiet, use_cache
from benchlib.errors import UnknownName, UserError

app = typer.Typer(
    help="The cache of models, artifacts and outputs: what is kept, and making room.", no_args_is_help=True
)
Kind = Annotated[str | None, typer.Option("--kind", help="artifacts, models, outputs, failures, …; without it, all")]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@app.command("list")
def list_(
    pattern: Annotated[str, typer.Argument(help="part of an address, or a pattern such as 'bert*'")] = "",
    kind: Kind = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="addresses alone")] = False,
    cache_dir: CacheDir = None,
) -> None:
    """What is kept: address, kind, what made it, size, when it was last used, status."""
    use_cache(cache_dir)
    found = [e for e in _of_kind(kind) if pattern in e.address or fnmatchcase(e.address, pattern)]
    if quiet:
        print("".join(f"{e.kind}/{e.address}\n" for e in found), end="")
    else:
        some = " like that" if pattern or kind else ""
        print(shown.listing(found) or f"nothing{some} in {artifacts.root(make=False)}")


@app.command()
def stats(
    address: Annotated[str | None, typer.Argument(help="an entry, as `list` shows it; without one, totals")] = None,
    cache_dir: CacheDir = None,
) -> None:
    """The whole cache by kind; or all that is known of one entry."""
    use_cache(cache_dir)
    print(shown.statement(artifacts.by_address(address)) if address else shown.totals())


@app.command()
def delete(
    addresses: Annotated[
        list[str] | None, typer.Argument(help="entries, as `list` shows them; or kind/address")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="all entries")] = False,
    older_than: Annotated[str, typer.Option(help="those not used for this long: 12h, 7d, 4w")] = "",
    kind: Kind = None,
    quiet: Quiet = False,
    cache_dir: CacheDir = None,
) -> None:
    """Deletes entries, but for those that a running trial uses."""
    use_cache(cache_dir)
    if bool(addresses) == (every or bool(older_than) or kind is not None):
        raise UserError("cache delete: give addresses, or some of --all, --older-than and --kind")
    if addresses:
        chosen = [artifacts.by_address(address) for address in addresses]
    else:
        before = time.time() - (_seconds(older_than) if older_than else 0)
        chosen = [e for e in _of_kind(kind) if e.used <= before]
    sizes = {entry.path: entry.size for entry in chosen}
    gone = [sizes.pop(entry.path) for entry in chosen if entry.path in sizes and artifacts.delete(entry)]
    kept = len(sizes)
    in_use = f"; {kept} stay: a running process uses them" if kept else ""
    _say(quiet, f"deleted {_number(len(gone))}, {shown.in_bytes(sum(gone))} freed{in_use}")


@app.command()
def clean(
    lean: Annotated[
        bool, typer.Option("--lean", help="drop the files of all entries too, and keep what is known of them")
    ] = False,
    quiet: Quiet = False,
    cache_dir: CacheDir = None,
) -> None:
    """Drops broken entries, and what processes that died left unfinished."""
    use_cache(cache_dir)
    done = artifacts.clean(files_too=lean)
    parts = [f"{done[what]} {what}" for what in ("broken", "unfinished")]
    parts += [f"{done['lean']} made lean"] if lean else []
    _say(quiet, f"{', '.join(parts)}; {shown.in_bytes(done['bytes'])} freed")


@app.command()
def location(cache_dir: CacheDir = None) -> None:
    """The folder of the cache."""
    use_cache(cache_dir)
    print(artifacts.root(make=False))


def _of_kind(kind: str | None) -> list[artifacts.Entry]:
    found = artifacts.entries()
    kinds = {e.kind for e in found}
    if kind is not None and found and kind not in kinds | set(artifacts.KINDS):
        raise UnknownName("kind", kind, kinds)
    return [e for e in found if kind in (None, e.kind)]


def _seconds(text: str) -> float:
    if not (found := re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)):
        raise UserError(f"--older-than: '{text}' is no time such as 30m, 12h, 7d or 4w")
    return float(found[1]) * _UNITS[found[2]]


def _number(count: int) -> str:
    return f"{count} entr{'y' if count == 1 else 'ies'}"


def _say(quiet: bool, line: str) -> None:
    if not quiet:
        print(line, file=sys.stderr)
