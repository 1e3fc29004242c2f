"""One record per trial: what was asked, what was found, what came of it.

{"schema": 1, "key", "name", "study",
 "status": ok | inaccurate | failed | timeout | crashed | oom | refused | skipped,
 "stage":  where it ended, for all but ok, refused and skipped,
 "reason": one line: the rule that refused, what is missing, the message of the failure,
 "error":  {"type", "message", "cluster", "traceback", "log"} of a failure,
 "reproduce": the command that repeats the trial,
 "trial":  every parameter,
 "metrics": {name: value}, each name declared in `benchlib.record.metrics`,
 "steps":  {"load": {"seconds", "starting": seconds of them that starting workers took, "outcome"}, …},
 "contenders": what each contender was and how it was opened,
 "phases": {"reference" | "own": {phase: [seconds, one per process; of load and export the single one]}},
 "course": [{"contender", "pair", "flags", "levels", …}: how steady each process was],
 "profile": rows of {"operator", "provider", "calls", "seconds"} per call of the model, where one was asked for,
 "passes": [{"name", "without": rules taken out, "options", "seconds", "size_before", "size_after", "nodes_before",
            "nodes_after", "operators_before", "operators_after", …: what the pass says itself}], in order,
 "operators": {operator: number of nodes} of the graph that was run; with the domain where it is not ONNX's own
            (com.microsoft.FusedMatMul); {} where there is no graph,
 "graph":  {"nodes", "initializers", "opset", "size", "inputs", "outputs"} of the same,
 "export_report": of an export that failed, {"exception", "message", "smallest": the smallest submodule that fails
            ({"path", "class", "exception", "message", "tried", "complete"}; {} where none was found), "reproduce"},
 "outputs": a row for each output and set of inputs of the trial's own way (benchlib.accuracy): {"inputs": number of
            the set, 0 being the recorded one, "output": position, "name", "shape", "dtype", "passes": the rule by
            which it passes (tolerance, eager's error, exact; "" where it does not), "max_abs", "max_rel",
            "mean_abs", "q999_abs", "rmse", "rmse_eager", "rmse_ratio", "cosine", "share" of the tolerance that the
            worst element uses, "beyond" and "nonfinite": counts of elements, "atol": the absolute tolerance,
            "top1", "top5": agreement of logits}; what does not apply is not there,
 "fingerprint": {part: …},
 "memory": of each contender, where it was asked for, bytes per process and phase (`measure.memory.measure`):
           [{"label", "problem", "settings", "sessions": [{phase: {"peak", "rss", "pss", …}}], "exports": […]}]; a
           phase's peak counts from the resident set ("rss") of the process's phase "baseline",
 "energy": where it was asked for, {"method", "reason", "contenders": [{"label", "problem",
           "repeats": [{"idle_seconds", "idle_joules", "seconds", "joules", "calls"}]}]},
 "checks": {name: "passed" | "failed: in words, with figures" | "not applicable: why"}, see benchlib.stages.checks,
 "suspect": [names of the checks that failed]}
"""

from __future__ import annotations

SCHEMA = 1
STATUSES = ("ok", "inaccurate", "failed", "timeout", "crashed", "oom", "refused", "skipped")
STAGES = ("load", "export", "pass", "open", "run", "check", "measure", "record")
