"""Executes a plan: one trial at a time through Papermill, with deadlines, resume and a row for every trial.

`benchlib.sweep("params/x.yaml")` is the way in from Python (`benchlib.api`).
"""
