"""Many scripts run under discovery in little time: `python -m tests.discovery.warm`, a request per line of its input.

Each runs in a fork of this process, which has imported what takes long, as `benchlib/discovery/__main__.py` runs it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from pathlib import Path

import torch._dynamo
import torch.export  # noqa: F401
import torchvision.transforms  # noqa: F401
import transformers

from benchlib.discovery import __main__ as runner

LAZY = ("pipeline", "GPT2LMHeadModel", "T5ForConditionalGeneration", "BertForSequenceClassification")


def main() -> None:
    for name in LAZY:
        getattr(transformers, name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork() or serve(request)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def serve(request: dict) -> int:
    """Runs a script, in the fork, to the end of it."""
    output = os.open(Path(request["folder"]) / "output", os.O_WRONLY | os.O_CREAT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    status = 1
    try:
        runner.main(**request)
        threading._shutdown()
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
