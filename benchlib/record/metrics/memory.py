"""Memory by phase, in processes of their own; the method stands in the name. All in bytes.

Of each figure of the way there is the reference's, under the name with `_reference` at its end.
"""

_VMHWM = (
    "VmHWM of fresh processes, reset before each phase through /proc/self/clear_refs, minus VmRSS after interpreter "
    "and imports (on CUDA also the empty context); counts mapped files and library code once touched"
)
_PHASES = {
    "load": "while the saved model is opened for the export",
    "export": "while it is exported; of a compiler, the first call with nothing compiled before (one process, without "
    "those that it starts itself)",
    "session": "while the artifact is opened and the inputs are bound",
    "first": "during the first call (a compiler finds its work done)",
    "steady": "during 20 more calls",
    "peak": "of session, first and steady together",
}
_OTHERS = (
    ("memory_rss_baseline", "resident set after interpreter and imports", "VmRSS", "lower"),
    (
        "memory_pss_end",
        "memory held after the steady calls, pages shared with other processes in parts; nothing is subtracted",
        "Pss of /proc/self/smaps_rollup",
        "lower",
    ),
    (
        "memory_file_untouched",
        "what of the artifact's files is mapped and was never read into memory",
        "Size − Rss of their mappings in /proc/self/smaps, after the steady calls",
    ),
    (
        "memory_cuda_allocated_peak",
        "the most that torch's CUDA allocator had given out, from session to steady",
        "torch.cuda.max_memory_allocated, reset before each phase; no comparison with NVML's figures",
        "lower",
    ),
    (
        "memory_cuda_reserved_peak",
        "the most that torch's CUDA allocator had taken from the device",
        "torch.cuda.max_memory_reserved, reset before each phase; no comparison with NVML's figures",
        "lower",
    ),
    (
        "memory_nvml_used",
        "device memory of the process after the steady calls, minus that of its empty context",
        "NVML, per process; no peak, but arenas never shrink; no comparison with torch's allocator",
        "lower",
    ),
)

_PEAKS = tuple(
    row
    for phase, text in _PHASES.items()
    for row in (
        (f"memory_vmhwm_{phase}", "bytes", f"peak {text}; the median over processes", _VMHWM, "lower"),
        (f"memory_vmhwm_{phase}_max", "bytes", f"peak {text}; the maximum over processes", _VMHWM, "lower"),
    )
)
_MEDIANS = tuple((name, "bytes", f"{formula}; the median over processes", *more) for name, formula, *more in _OTHERS)

ROWS = (
    *_PEAKS,
    *_MEDIANS,
    *((f"{name}_reference", unit, f"of the reference: {formula}", *more)
      for name, unit, formula, *more in (*_PEAKS, *_MEDIANS)),
    ("memory_not_measured", "", "why memory was asked for and a figure of it is missing"),
)  # fmt: skip
