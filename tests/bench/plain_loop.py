"""Times an ONNX model as anybody would: written by hand, knows nothing of benchlib.

python plain_loop.py CALLS MODEL.onnx INPUTS.npz THREADS
"""

import gc
import sys
import time

import numpy as np
import onnxruntime as ort

calls, threads = int(sys.argv[1]), int(sys.argv[4])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
stored = np.load(sys.argv[3])
arrays = [stored[name] for name in stored.files if not name.startswith("__")]
feed = {i.name: array for i, array in zip(session.get_inputs(), arrays, strict=True)}

for _ in range(max(5, calls // 10)):
    session.run(None, feed)
samples = np.empty(calls)
gc.disable()
for k in range(calls):
    begin = time.perf_counter_ns()
    result = session.run(None, feed)
    samples[k] = time.perf_counter_ns() - begin
print(f"median of {calls} calls: {np.median(samples) / 1e6:.4f} ms")
