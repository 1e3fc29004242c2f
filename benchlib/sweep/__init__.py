"""Executes a plan: one trial at a time through Papermill, with deadlines, resume and a row for every trial.

`benchlib.sweep("params/x.yaml")` runs a study from Python (see `benchlib.api.sweep`): the room and the verb
have one name, so this module can be called.
"""

import sys
import types


class _Sweep(types.ModuleType):
    def __call__(self, *arguments, **options):
        from benchlib.api import sweep

        return sweep(*arguments, **options)


sys.modules[__name__].__class__ = _Sweep
