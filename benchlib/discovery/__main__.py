"""The process that runs a script: `python benchlib/discovery/__main__.py JSON`, started by `benchlib.discovery.runs`.

The script is `__main__`, with its own arguments, its folder first on the import path, and nothing of torch imported
before it imports torch itself.
"""

import ast
import builtins
import importlib.abc
import importlib.machinery
import json
import os
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    # Started by path: this folder is sys.path[0]; the library stands last, behind all that is the script's.
    sys.path[0] = os.path.dirname(os.path.dirname(here))

from benchlib.discovery import names, processes, seeds
from benchlib.discovery.journal import ChildStarted, Ended, Journal
from benchlib.discovery.reads import Reads
from benchlib.discovery.taking import taker
from benchlib.discovery.watch import Watch
from benchlib.worker import process


class AfterImport(importlib.abc.MetaPathFinder):
    """Finds modules where they are found anyway, and calls each function of `then` with its module once that has been
    imported."""

    def __init__(self, *then: Mapping[str, Callable[[Any], None]]):
        self._then = {name: [calls[name] for calls in then if name in calls] for calls in then for name in calls}

    def start(self) -> None:
        """From now on; of what is there already, as an environment may import torch at the start of Python, at once."""
        for name in self._then.keys() & sys.modules.keys():
            self._call(sys.modules[name], self._then.pop(name))
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name not in self._then:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):  # not at once: a script may ask whether torch is there before it imports it
            then = self._then.pop(name, ())
            execute(module)
            self._call(module, then)

        spec.loader.exec_module = exec_module
        return spec

    @staticmethod
    def _call(module, then):
        for call in then:
            call(module)


def main(script: str, args: list, folder: str, max_depth: int, wanted: str, into: str) -> None:
    reads = Reads(script, args, [folder, os.environ["BENCHLIB_CACHE"]])
    journal, text = Journal(Path(folder), reads.mark, reads.end_call), Path(script).read_bytes()
    try:
        tree = ast.parse(text, script)
        code, loops = compile(tree, script, "exec", dont_inherit=True), names.loop_variables(tree)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        journal.say(Ended(f"{at(script, line)}{type(error).__name__}: {getattr(error, 'msg', error)}"))
        return
    take = taker(journal, Path(into), script) if wanted else None
    watch = Watch(journal, script, max_depth, loops, wanted, take)
    AfterImport(seeds.AFTER, {"torch": watch.install}, reads.after).start()
    processes.watch(script, lambda: journal.say(ChildStarted()))
    sys.setrecursionlimit(3 * sys.getrecursionlimit())  # a call of a module goes through frames of ours too
    library = sys.path.pop(0)
    sys.path += [library, os.path.join(library, "benchlib", "standins")]
    sys.path.insert(0, os.path.dirname(script))
    sys.argv = [script, *args]
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=builtins, __spec__=None, __annotations__={})
    sys.modules["__main__"] = module
    seeds.fix_python()
    reads.start()
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        if error.code not in (None, 0):
            journal.say(Ended(f"{at(script, line_of(error, script))}sys.exit({error.code!r})"))
        else:
            journal.say(reads.told())
            journal.say(Ended(""))
        raise
    except BaseException as error:
        traceback.print_exc()
        message = " ".join(str(error).split())[:300]
        what = f"{type(error).__name__}: {message}" if message else type(error).__name__
        journal.say(Ended(f"{at(script, line_of(error, script))}{what}"))
        sys.exit(1)
    journal.say(reads.told())
    journal.say(Ended(""))


def line_of(error: BaseException, script: str) -> int | None:
    """The last line of the script that the error went through."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
    return lines[-1] if lines else None


def at(script: str, line: int | None) -> str:
    return f"{os.path.basename(script)}{f':{line}' if line else ''}: "


if __name__ == "__main__":
    process.die_with_parent()
    main(**json.loads(sys.argv[1]))
