"""The models inside a Python script: every `torch.nn.Module` that it calls, with its inputs as called.

    discover("net.py")                     what is there
    take("net.py", [], 0, hash, folder)    one of them, on disk, with its inputs

The script runs in a process of its own (`__main__.py`), in the current folder, as `python net.py` would. Nothing of
torch is imported on this side.
"""

from benchlib.discovery.found import Discovery, Found
from benchlib.discovery.runs import NotCalled, discover, no_such_model, take

__all__ = ["Discovery", "Found", "NotCalled", "discover", "no_such_model", "take"]
