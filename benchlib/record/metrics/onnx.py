"""The exported artifact."""

ROWS = (
    ("filename", "", "the artifact"),
    ("artifact", "", "the artifact's address in the cache"),
    ("artifact_cached", "", "the artifact was in the cache; time_export is that of the export which made it"),
    (
        "export_cached",
        "",
        "its export was in the cache, whatever the passes behind it: only one that ran here has a time here",
    ),
    (
        "exports",
        "count",
        "exports that the trial ran itself; 0: every graph came from the cache",
        "of all contenders; passes over a graph are not counted",
        "lower",
    ),
    ("artifact_hash", "", "sha256 of the artifact's files"),
    ("artifact_size", "bytes", "size of an artifact that is no ONNX file", "", "lower"),
    ("onnx_model", "", "the artifact is an ONNX file"),
    ("onnx_filesize", "bytes", "size of the ONNX file and its external data", "", "lower"),
    ("onnx_n_inputs", "count", "inputs of the graph"),
    ("onnx_n_outputs", "count", "outputs of the graph"),
    ("onnx_input_names", "", "names of the graph's inputs, joined by |"),
    (
        "graph_inputs_used",
        "",
        "names of the inputs whose values the graph's outputs are computed from, joined by |",
        "of ONNX and TorchScript",
    ),
    ("onnx_output_names", "", "names of the graph's outputs, joined by |"),
    ("onnx_n_nodes", "count", "nodes of the graph, subgraphs included"),
    ("onnx_n_initializer", "count", "initializers of the graph"),
    (
        "onnx_n_casts",
        "count",
        "Cast nodes of the graph, subgraphs included",
        "what a change of precision adds of them is work that the model did not have",
        "lower",
    ),
    ("onnx_opset", "", "version of the default operator set"),
    ("onnx_optimized", "", "the exporter or a pass optimised the graph"),
)
