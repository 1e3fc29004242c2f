"""What the record says of a trial that ended early, and of its export."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Failure:
    """Why a trial ended early, or what it computes wrongly."""

    stage: str  # one of STAGES
    type: str  # of the exception, or a word of ours: Timeout, Mismatch, Inaccurate
    message: str
    cluster: str = ""  # a name for all failures of one kind
    traceback: str = ""
    log: str = ""  # the end of what the worker printed


@dataclass
class SmallestFailure:
    """The smallest submodule whose export fails too (`benchlib.exporters._bisect`)."""

    path: str  # "": the model itself
    class_name: str
    exception: str
    message: str  # its first line
    tried: int = 0  # attempts
    complete: bool = True  # false: time ran out before all children were tried


@dataclass
class ExportReport:
    """Of an export that failed: what failed in it, and how it is repeated."""

    exception: str
    message: str
    smallest: SmallestFailure | None = None
    reproduce: str = ""
