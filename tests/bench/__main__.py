"""`python -m tests.bench [--publish] [NAME …]`: runs the benchmarks and prints every figure; 1 when one is missed.

With `--publish` the figures go into the pages of `docs/` that have a place for them (`tests.bench.page`).
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
    *("discovery_cost", "coverage"),
)
PLANTED = Path(__file__).parents[1] / "planted"


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if argument != "--publish"]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
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
            for figure in module.figures():
                print(figure.line(), flush=True)
                missed += figure.met is False
                figures.append(figure)
            if "--publish" in arguments:
                page.publish(name, figures)
    print(f"\n{missed} missed" if missed else "\nnone missed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
