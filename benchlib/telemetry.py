"""Nothing phones home: what packages report about their users is switched off before any of them is imported.

`import benchlib` does so, and thereby every process of ours at its start: each imports the library before anything
else, and hands its environment on to what it starts. A package that was imported before that goes on as it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

# The variables that packages read. A value that the user gave them gives way: a trial's record stands for what its
# processes did, and threads that report would run beside what is timed.
OFF: Mapping[str, str] = MappingProxyType(
    {
        "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: a name resolved, ~/.cache/Microsoft and TMPDIR/.ses written
        "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, and what is built on it
        "DO_NOT_TRACK": "1",  # those that keep the convention of consoledonottrack.com
        # openvino_telemetry writes ~/intel and sends at import; it has no switch of its own beside a file in the
        # user's home, and is silent where this variable says that nobody is there to be asked.
        "TF_BUILD": "1",
    }
)


def switch_off() -> None:
    """Sets the variables for this process, its native libraries included, and for all that it starts."""
    os.environ.update(OFF)
