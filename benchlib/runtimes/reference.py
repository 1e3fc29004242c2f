"""onnx's reference evaluator: every operator as the standard defines it, in numpy. Slow and right, it tells an error of
an exporter, which it shares, from one of a runtime, which it does not.

It knows the operators of the standard alone, none of onnxruntime's own (com.microsoft).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchlib import tensors
from benchlib.registry import Facts, Runtime
from benchlib.runtimes import OpenRequest, _onnx_versions
from benchlib.runtimes._ort_session import feeds
from benchlib.tensors import FlatArrays, Inputs

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")  # numpy's wheels have OpenBLAS
COMPLEX = (14, 15)  # onnx.TensorProto.COMPLEX64 and COMPLEX128


class ReferenceSession:
    """An evaluator over a graph."""

    def __init__(self, evaluator: Any, request: OpenRequest):
        self.evaluator = evaluator
        kinds = dict(zip(evaluator.input_names, evaluator.input_types, strict=True))
        self.nested = [name for name, kind in kinds.items() if kind.WhichOneof("value") != "tensor_type"]
        self.complex = [name for name, kind in kinds.items() if kind.tensor_type.elem_type in COMPLEX]
        self.facts: Facts = {
            "providers": "CPU",
            "threads": blas_threads(),
            "interop_threads": 1,
            "input_names": [name for name in evaluator.input_names if name not in evaluator.rt_inits_],
            "precision": {"matmul": "ieee", "convolution": "ieee", "denormals": "kept", "gelu": "exact"},
        }

    def bind(self, inputs: Inputs, flat: FlatArrays) -> Callable[[], Any]:
        """A call of `ReferenceEvaluator.run` on the arrays themselves. bfloat16 is numpy's own by ml_dtypes inside,
        and bits again outside."""
        names = self.facts["input_names"]
        feed = tensors.apply(_given, feeds(names, inputs, flat, self.nested, self.complex))
        return lambda: [tensors.apply(_given_back, found) for found in self.evaluator.run(None, feed)]


def open(request: OpenRequest) -> ReferenceSession:
    """Raises RuntimeError for a graph with an operator that the standard does not have."""
    from onnx.reference import ReferenceEvaluator

    try:
        evaluator = ReferenceEvaluator(request.artifact)
    except (RuntimeError, TypeError) as error:
        first = str(error).strip().partition("\n")[0]
        raise RuntimeError(f"onnx's reference evaluator cannot open the graph: {first}") from error
    _onnx_versions.check_onnx(evaluator.opsets)
    return ReferenceSession(evaluator, request)


def blas_threads() -> int:
    """The threads that numpy's matrix products use. A process reads them from its environment when numpy is loaded, and
    workers are started with them (`worker.process.environment`); where it says nothing, they are as many as the cores
    that may be used."""
    said = (os.environ.get(name, "") for name in BLAS_THREADS)
    return next((int(text) for text in said if text.isdigit()), len(os.sched_getaffinity(0)))


def _given(array: np.ndarray) -> np.ndarray:
    if tensors.dtype_of(array) != "bfloat16":
        return array
    import ml_dtypes

    return np.asarray(array).view(ml_dtypes.bfloat16)


def _given_back(found: Any) -> Any:
    if str(getattr(found, "dtype", "")) != "bfloat16":
        return found
    return tensors.labelled(found.view(np.uint16), "bfloat16")


def refuse(trial: Any) -> str | None:
    if trial.rtopt != "all":
        return f"runtime reference optimises no graph (rtopt: {trial.rtopt})"
    return None


runtime = Runtime(
    name="reference",
    summary="onnx's reference evaluator",
    opens=("onnx",),
    open=open,
    packages=("onnx",),
    providers={"CPU": "cpu"},
    refuse=refuse,
)
