"""A build sequence of one's own, for `--sequence`: export the model, and leave the graph as the exporter wrote it."""


def sequence() -> list[str]:
    """The exporter, then the passes: here none."""
    return ["onnx_dynamo"]
