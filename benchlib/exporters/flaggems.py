"""torch_bench's `flaggems`."""

from __future__ import annotations

from benchlib.exporters._absent import absent

exporter = absent(
    "flaggems",
    "eager with the Triton kernels of FlagGems",
    "flaggems needs the package flag_gems and a CUDA device; a plug-in of your own can call flag_gems.enable()",
)
