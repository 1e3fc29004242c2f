"""Wrong outputs that are caught, and right ones that pass: what the comparison says of both, in each dtype.

The mutants are those of `tests/accuracy/test_wrong.py`, of outputs off by what the dtype leaves; without the mutant the
same outputs have to pass. The right implementations are those of `tests/accuracy/test_healthy.py`: eager with and
without mkldnn, with one and two threads, computed in float32, and onnxruntime with its optimisation off and all.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.accuracy import test_healthy as healthy
from tests.accuracy import test_wrong as wrong
from tests.bench.figure import Figure

SEEDS, ONNX_EVERY = 20, 5  # weights and inputs drawn; by onnxruntime too at one in so many seeds


def figures(seeds: int = SEEDS, models: tuple[str, ...] = tuple(healthy.MODELS)) -> Iterator[Figure]:
    for dtype in wrong.ERRORS:
        names = [name for name, of in wrong.CASES if of == dtype]
        checks = {name: wrong.check_of(name, dtype) for name in names}
        missed = [name for name, check in checks.items() if check.equal and not check.unverified]
        yield _share(f"mutants caught in {dtype}", len(names) - len(missed), len(names), missed)
        alarms = [name for name in names if not wrong.check_of(name, dtype, mutate=False).equal]
        yield _share(
            f"the same outputs without a mutant that pass, in {dtype}", len(names) - len(alarms), len(names), alarms
        )
    for dtype in healthy.DTYPES:
        yield _right_ones(dtype, seeds, models)


def _right_ones(dtype: str, seeds: int, models: tuple[str, ...]) -> Figure:
    """Right implementations of every model over many seeds."""
    passed, tried, failures, used = 0, 0, [], 0.0
    for name in (n for n in models if dtype != "float16" or n not in healthy.HALF_HAS_NOT):
        for seed in range(seeds):
            tried += 1
            try:
                shares = healthy.hold(name, dtype, seed, onnx=dtype == "float32" and seed % ONNX_EVERY == 0)
            except AssertionError as error:
                failures.append(str(error).partition("\n")[0])
                continue
            passed, used = passed + 1, max(used, *shares.values())
    what = f"right implementations that pass in {dtype}, {seeds} seeds"
    return _share(what, passed, tried, failures, f"the worst slice uses {used:.2f} of its bound")


def _share(what: str, count: int, of: int, missed: list[str], remark: str = "") -> Figure:
    return Figure(what, f"{count} of {of}", f"{of} of {of}", count == of, "; ".join([remark, *missed]).strip("; "))
