"""The words of the report: what statuses and verdicts mean, and the glossary."""

from __future__ import annotations

STATUS_WORDS = {
    "ok": "ran, computes the same as what counts as right, and was timed",
    "unverified": "ran, but could not be compared with what counts as right: it is never called fastest",
    "inaccurate": "ran, but computes something else: no speedup is published",
    "failed": "raised an error; the stage says where",
    "timeout": "did not end a stage by its deadline",
    "crashed": "its process died by a signal or an exit code",
    "oom": "ran out of memory",
    "refused": "a rule forbids this combination; nothing was started",
    "skipped": "this machine lacks what the trial needs",
    "not run": "planned, but no record is there yet",
}

VERDICT_WORDS = {
    "faster": "the whole interval of the speedup lies above 1; at level quick the speedup is over 1.1 besides",
    "slower": "the whole interval of the speedup lies below 1; at level quick the speedup is under 1 ÷ 1.1 besides",
    "same": "the whole interval lies within the margin around 1: equal for all practical purposes",
    "inconclusive": "the interval allows more than one answer, or the level decides no such small difference",
    "disturbed": "the host was busy while it was measured: the interval stays, nothing is decided by it",
}

PROCESSES_DIFFER = (
    "whole processes of one way took different times, by more than what happened within explains; the interval of its "
    "latency covers only the processes that were run"
)

NO_VERDICTS = "smoke"  # the level that decides nothing

NOT_STANDING = (
    "does not stand when all comparisons of this study are counted: of so many, some differ as much by chance "
    "(false discovery rate above 5 %)"
)

GLOSSARY = {
    "study": "a set of trials that answers one question: a matrix in a YAML file, and its results",
    "trial": "one model, run in one way, under one set of conditions; one executed notebook",
    "way": "how a model is run: exporter, passes and runtime together",
    "exporter": "what turns a PyTorch module into something that runs",
    "pass": "a step over an exported graph: it optimises, or lowers the precision",
    "runtime": "what executes an exported model",
    "reference": "the way that speedup compares with; plain PyTorch (eager) unless the study says otherwise",
    "contender": "one of the ways that are timed against each other inside a trial",
    "pair": "one process of the reference and one of the way, timed in turns: what a trial repeats",
    "block": "consecutive calls of one contender between two stops of its process",
    "reference load": "two fixed pieces of work that tell how fast the machine is just now",
    "run-off": "direct pairs after the matrix: the best way of a model against each that it is not clearly ahead of",
    "A/A control": "a trial whose way is its own reference: its interval shows how far mere noise reaches",
    "too few to tell": "fewer samples or processes than a finding needs: nothing was found, and nothing was ruled out",
    "processes differ": PROCESSES_DIFFER,
    "suspect": "a figure for which a check of identity or possibility failed, such as CPU time against wall time",
    "calibration": "pairs of identical processes timed against each other: the differences that they show are noise",
    "false discovery rate": "the share of mistakes among all that is called a difference in a study",
    "dynamic": "exported with free shapes, then checked at shapes that the export had not seen; else: static",
    "not comparable": "the contenders compute in different precisions: whichever is faster, no speedup is published",
    "fused node": "one operator of onnxruntime's own that does the work of several",
    "peak": "the most that the machine was ever seen to do: a maximum, which nothing that disturbs can raise",
    "record": "everything that was asked, found, measured and checked in one trial",
    "key": "a hash of what was asked; the same question has the same key",
}
