"""The number of the record's form, and how a record of an earlier one is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from benchlib import typed_json
from benchlib.record.metadata import PassStep, session_of

SCHEMA = 2


def current(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A stored record, of this schema or an earlier one, as this schema has it.

    Args:
        data: parsed JSON; it is left as it is.

    Raises:
        TypeError, KeyError, AttributeError, ValueError: for data that is no record.
    """
    return data if data.get("schema", 1) >= SCHEMA else _from_schema_1(data)


def _from_schema_1(data: Mapping[str, Any]) -> dict[str, Any]:
    """Until November 2026: session facts lay beside a contender's label, a pass's own words beside its sizes, and what
    was not there was an empty mapping."""
    record = {name: value for name, value in data.items() if value is not None}
    record |= {"schema": SCHEMA, "first_schema": data.get("schema", 1)}
    record["stability"] = [_renamed(process, pair="replicate") for process in record.pop("course", None) or ()]
    record["contenders"] = [_contender_of_schema_1(c) for c in record.get("contenders", ())]
    record["passes"] = [_with_details(PassStep, step) for step in record.get("passes", ())]
    for name in ("error", "graph", "export_report", "energy"):
        if not record.get(name):
            record.pop(name, None)
    if error := record.get("error"):
        record["error"] = {"stage": record.get("stage", ""), "type": "", "message": record.get("reason", ""), **error}
    if report := record.get("export_report"):
        smallest = report.get("smallest") or None
        record["export_report"] = {**report, "smallest": smallest and _renamed(smallest, **{"class": "class_name"})}
    return record


def _contender_of_schema_1(data: Mapping[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in data.items() if name not in ("label", "way", "device_times")}
    session = typed_json.to_json(session_of(facts)) if facts else None
    device_times = [times for times in data.get("device_times", ()) if times]
    return {
        "label": data.get("label", ""),
        "way": data.get("way", {}),
        "session": session,
        "device_times": device_times,
    }


def _with_details(kind: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(kind)}
    own = {name: value for name, value in data.items() if name in known}
    return {**own, "details": {name: value for name, value in data.items() if name not in known}}


def _renamed(data: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in data.items()}
