"""What the records say about the machine that measured."""

from __future__ import annotations

import pandas as pd

from benchlib.plan.in_words import counted
from benchlib.report import prose
from benchlib.report.markup import html

MACHINE = {
    "processor": "processor_name",
    "cores for the trials": "cpu",
    "logical cores": "cpu_logical",
    "memory": "cpu_ram_size",
    "GPU": "gpu",
    "threads": "num_cores",
    "system": "system",
    "kernel": "kernel",
    "Python": "version",
    "torch": "version_torch",
    "onnx": "version_onnx",
    "onnxruntime": "version_onnxruntime",
    "onnxscript": "version_onnxscript",
    "transformers": "version_transformers",
    "timm": "version_timm",
    "benchlib": "version_benchlib",
    "measured on": "date_start",
}


_FACTS = """\
<dl class="facts">{% for label, text in facts %}<div><dt>{{ label }}</dt><dd>{{ text }}</dd></div>{% endfor %}</dl>"""


def machine_facts(results: pd.DataFrame) -> str:
    """The facts as a list; where several machines measured, how many trials have which value. "" without any."""
    facts = []
    for label, name in MACHINE.items():
        found = results[name].dropna().astype(object)
        if len(found):
            values = found.value_counts(sort=True)
            texts = [
                prose.machine_text(name, v) + (f" ({counted(n, 'trial')})" if len(values) > 1 else "")
                for v, n in values.items()
            ]
            facts.append((label, ", ".join(texts)))
    return html(_FACTS, facts=facts) if facts else ""
