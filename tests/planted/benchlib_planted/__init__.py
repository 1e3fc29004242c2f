"""Models, an exporter and a runtime with known faults and known latencies, without torch.

They are ordinary plug-ins: with this folder's parent on PYTHONPATH the entry points beside it announce them,
and they go the whole way from YAML to report.
"""
