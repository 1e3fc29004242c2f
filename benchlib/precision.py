"""What precision contenders compute with, in words that all runtimes share; and do they agree?

A session's `facts["precision"]` maps a kind of work to how it is done:

computes                        the dtype of the weights, or what a pass made of them: `float16`, `int8`, …
matmul, convolution             of float32: `ieee`, `tf32`, `bf16` or `fp16`
convolution_search              on CUDA: `exhaustive` (cuDNN tries its algorithms) or `heuristic` (it picks one)
fp16_reduction, bf16_reduction  on CUDA: `full`, or `reduced` where sums may be kept in less than float32
denormals, gelu                 `kept` or `zero`; `exact` or `approximated`

Standard library alone: workers use it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

WORDS = {
    "computes": "what is computed in",
    "matmul": "float32 matrix products",
    "convolution": "float32 convolutions",
    "convolution_search": "cuDNN's choice of convolutions",
    "fp16_reduction": "sums of float16 products",
    "bf16_reduction": "sums of bfloat16 products",
    "denormals": "numbers too near zero for full precision",
    "gelu": "Gelu",
}


def on_cuda(allow_tf32: bool) -> str:
    """`tf32` or `ieee`: what NVIDIA's libraries do when asked so. NVIDIA_TF32_OVERRIDE is stronger than any
    library's own setting (cuBLAS documentation, "Tensor Core Usage"; only 0 is defined there)."""
    return "tf32" if allow_tf32 and os.environ.get("NVIDIA_TF32_OVERRIDE") != "0" else "ieee"


def of_onednn(own: str) -> str:
    """What oneDNN does on the CPU: ONEDNN_DEFAULT_FPMATH_MODE (strict, bf16, f16, tf32, any) is the default of all
    that a program does not set itself (oneDNN developer guide, "Floating-point math mode")."""
    mode = os.environ.get("ONEDNN_DEFAULT_FPMATH_MODE", "strict").lower()
    return own if own != "ieee" or mode == "strict" else mode


def precision_differences(contenders: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What the contenders of a trial do not do alike, a sentence each; empty when they agree.

    Args:
        contenders: what each says of its precision, by its label. One that says nothing of a kind of work (it has no
            such setting) differs from nobody.
    """
    differences = []
    for kind, words in WORDS.items():
        values = {label: precision[kind] for label, precision in contenders.items() if kind in precision}
        if len(set(values.values())) > 1:
            differences.append(f"{words}: " + ", ".join(f"{value} in {label}" for label, value in values.items()))
    return differences
