"""What the record says of the outputs, and of what a trace decides on the inputs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class OutputComparison:
    """One output at one set of inputs against the ground truth; what does not apply is None."""

    output: int  # position
    name: str
    shape: list[int]
    dtype: str
    passes: str = ""  # the rule by which it passes: tolerance, eager's error, exact, cosine …; "" where it does not
    inputs: int | str = 0  # number of the set, 0 being the recorded one; or other shapes, in words
    max_abs: float | None = None
    max_rel: float | None = None
    mean_abs: float | None = None
    q999_abs: float | None = None
    rmse: float | None = None
    rmse_eager: float | None = None  # eager's own against the ground truth
    rmse_ratio: float | None = None
    cosine: float | None = None
    share: float | None = None  # of its tolerance that the worst element uses
    beyond: int | None = None  # elements beyond the tolerance
    nonfinite: int | None = None  # elements that are NaN or infinite on one side alone
    atol: float | None = None  # the absolute tolerance, scaled
    top1: float | None = None  # agreement of ranked classes
    top5: float | None = None
    worst_slice: str | None = None  # in words ("channel 5"), of all sets of inputs together; "": the whole output
    slice_share: float | None = None  # of its bound that the worst slice uses


@dataclass
class Decision:
    """Where the model's Python asked one of its tensors for a value while it was traced, which a trace keeps as a
    constant (`benchlib.worker.tracing`)."""

    file: str  # relative to where it was imported from
    line: int
    code: str  # of that line
    kind: str  # what was asked for: bool, int, float, index, item, tolist, numpy, len …; graph: operators took it
    value: str  # the answer for the recorded inputs
    origin: str  # input; shape: sizes, weights and constants alone
    inputs: list[str] = field(default_factory=list)  # flat names of those that it comes from
    outcome: str = ""  # what became of it, in words
    settled: bool = True  # False: it matters, and no compared input decides otherwise
    times: int = 1  # in one call
    otherwise: list[int] = field(default_factory=list)  # numbers of the compared sets that decide otherwise
