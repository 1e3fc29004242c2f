"""Times an ONNX model as anybody would: written by hand, knows nothing of benchlib.

python plain_loop.py CALLS MODEL.onnx THREADS INPUTS.npz …
"""

import gc
import itertools
import sys
import time

import numpy as np
import onnxruntime as ort

calls, threads = int(sys.argv[1]), int(sys.argv[3])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
feeds = []
for file in sys.argv[4:]:
    stored = np.load(file)
    arrays = [stored[name] for name in stored.files if not name.startswith("__")]
    feeds.append({i.name: array for i, array in zip(session.get_inputs(), arrays, strict=True)})
turns = itertools.cycle(feeds)

for feed in itertools.islice(turns, max(5, calls // 10)):
    session.run(None, feed)
samples = np.empty(calls)
gc.disable()
for k, feed in zip(range(calls), turns):  # noqa: B905 - the turns have no end
    begin = time.perf_counter_ns()
    result = session.run(None, feed)
    samples[k] = time.perf_counter_ns() - begin
print(f"median of {calls} calls: {np.median(samples) / 1e6:.4f} ms")
