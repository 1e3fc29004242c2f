"""What a reviewer writes who believes nothing: the figures of one executed notebook from its raw samples.

python reviewer.py TRIAL.ipynb     prints one JSON object; numpy and scipy's t alone, nothing of this project.
"""

import base64, json, sys, zlib
import numpy as np
from scipy.stats import t

MIME = "application/scrapbook.scrap.json+json"
outputs = [o for c in json.load(open(sys.argv[1]))["cells"] for o in c.get("outputs", ())]
scraps = {s["name"]: s["data"] for s in (o["data"][MIME] for o in outputs if MIME in o.get("data", ()))}
record, stored = scraps["benchlib.record"], scraps["benchlib.samples"]
e = {name: np.array(column) for name, column in stored["epochs"].items()}
every = np.split(np.frombuffer(zlib.decompress(base64.b64decode(stored["ns"])), "<u8"), np.cumsum(e["calls"])[:-1])
calls = [np.maximum(ns[s:] - float(x), 0) / i / 1e9 for ns, s, x, i in zip(every, e["skip"], e["empty"], e["inner"])]
own, pairs, steady = len(stored["contenders"]) - 1, np.unique(e["pair"]), e["phase"] == "steady"
taken = [np.concatenate([calls[k] for k in np.flatnonzero(steady & (e["contender"] == own) & (e["pair"] == p))]) for p in pairs]
def interval(logs, moves=0.0):  # the geometric mean and its 95 % t interval, with what moves from trial to trial
    half = np.hypot(t.ppf(0.975, len(logs) - 1) * np.std(logs, ddof=1) / np.sqrt(len(logs)), moves * (1 - np.exp(-abs(np.mean(logs)))))
    return [float(v) for v in np.exp([np.mean(logs), np.mean(logs) - half, np.mean(logs) + half])]
def ratio(p):  # the median over the rounds of a pair of the log ratio of the round's medians
    mid = {(e["round"][k], e["contender"][k]): np.median(calls[k]) for k in np.flatnonzero(steady & (e["pair"] == p))}
    return np.median([np.log(mid[r, 0] / mid[r, own]) for r, c in mid if c == 0])
found = {"latency": interval([np.log(np.median(s)) for s in taken]), "speedup": interval([ratio(p) for p in pairs], np.hypot(0.12, 0.7 * (record["metrics"].get("host_busy") or 0)))}
mine = np.flatnonzero(steady & (e["contender"] == own))  # the time between calls counts, but for 10 µs to read clocks
idle = e["end"] - e["start"] - np.array([ns.sum() for ns in every], float) - 1e4 - stored["noise"]["keeping"]
between = np.maximum(idle[mine], 0).sum() / 1e9
number, inside = sum(len(calls[k]) * e["inner"][k] for k in mine), sum(calls[k].sum() * e["inner"][k] for k in mine)
found["throughput"] = float(record["trial"]["batch_size"] * number / (inside + between))
found["export"], found["max error"] = record["phases"]["own"]["export"][0], record["metrics"]["discrepancies_abs"]
print(json.dumps(found))
