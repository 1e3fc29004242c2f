"""`python -m tests.bench [NAME …] [--publish]`: runs the benchmarks and prints every figure; 1 when one is missed.

With `--publish` the figures go into the pages of `docs/` that have a place for them (`tests.bench.page`). Other options
may follow the name of a benchmark that has some.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

from tests.bench import page

BENCHMARKS = (
    *("import_time", "instruments", "trial_cost", "against_loops", "other_tools"),
    *("openvino_app", "known_latencies", "known_ratios", "a_over_a", "noise", "discipline", "study_cost", "runoff"),
    *("discovery_cost", "coverage", "mutants"),
)
PUBLISH = "--publish"
BY_NAME = ("busy_host",)  # take hours, in parts
PLANTED = Path(__file__).parents[1] / "planted"


def main(words: list[str]) -> int:
    publishes, words = PUBLISH in words, [word for word in words if word != PUBLISH]
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    names, options = words[:first], words[first:]
    unknown = [name for name in names if name not in (*BENCHMARKS, *BY_NAME)]
    if unknown:
        known = ", ".join((*BENCHMARKS, *BY_NAME))
        print(f"no benchmark is called {', '.join(unknown)}; there are {known}", file=sys.stderr)
        return 2
    if options and names not in [[name] for name in BY_NAME]:
        print(f"options follow one of {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    missed = 0
    with tempfile.TemporaryDirectory(prefix="benchlib-bench-") as private:
        os.environ["BENCHLIB_CACHE"] = f"{private}/cache"
        # The planted plug-ins are announced to this process and to those it starts, before a registry is read.
        sys.path.insert(0, str(PLANTED))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PLANTED), os.environ.get("PYTHONPATH", "")]))
        for name in names or BENCHMARKS:
            module = importlib.import_module(f"tests.bench.{name}")
            print("", f"{name}: {module.__doc__.splitlines()[0]}", sep="\n", flush=True)
            figures = []
            for figure in module.figures(**(module.options(options) if hasattr(module, "options") else {})):
                print(figure.line(), flush=True)
                missed += figure.met is False
                figures.append(figure)
            if publishes:
                page.publish(name, figures)
    print(f"\n{missed} missed" if missed else "\nnone missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
