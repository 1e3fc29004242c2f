"""torch_bench's `cortgrad`: `cort` behind aot_autograd."""

from __future__ import annotations

from benchlib.exporters._absent import absent

exporter = absent(
    "cortgrad",
    "cort with gradients",
    "cortgrad is experimental-experiment's backend of torch.compile; install that package and use exporter custom",
)
