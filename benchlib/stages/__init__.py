"""The six steps that the trial notebook calls: load, export, open, check, measure, record."""

from benchlib.stages.steps import TrialRun, begin

__all__ = ["TrialRun", "begin"]
