"""`python -m tests.bench [NAME …]`: runs the benchmarks, prints every figure, ends with 1 when one is missed.

Options may follow the name of a benchmark that has some.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

BENCHMARKS = (
    *("import_time", "instruments", "trial_cost", "against_loops", "other_tools"),
    *("openvino_app", "known_latencies", "known_ratios", "a_over_a", "noise", "discipline", "study_cost", "runoff"),
    "discovery_cost",
)
BY_NAME = ("busy_host",)  # take hours, in parts
PLANTED = Path(__file__).parents[1] / "planted"


def main(words: list[str]) -> int:
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
            for figure in module.figures(**(module.options(options) if hasattr(module, "options") else {})):
                print(figure.line(), flush=True)
                missed += figure.met is False
    print(f"\n{missed} missed" if missed else "\nnone missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
