"""The JSON schema of a study, for editors: `python -m benchlib.plan.schema > params/schema.json`."""

from __future__ import annotations

import json
from typing import Any

from benchlib.plan.study import KEYS, NAME
from benchlib.registries import exporters, runtimes
from benchlib.trial import Trial


def schema() -> dict[str, Any]:
    """Generated from the parameters of a trial; a test keeps `params/schema.json` equal to it."""
    model = Trial.model_json_schema()
    parameters = {name: {k: v for k, v in field.items() if k != "title"} for name, field in model["properties"].items()}
    parameters["exporter"] |= {"enum": ["", *filter(exporters.is_ours, exporters.names())]}
    parameters["runtime"] |= {"enum": ["", *filter(runtimes.is_ours, runtimes.names())]}
    setting = {"type": "object", "properties": parameters, "additionalProperties": False}
    axis = {
        name: {
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": [field, {"$ref": "#/$defs/setting"}]},
            "description": field.get("description", ""),
        }
        for name, field in parameters.items()
    }
    keys: dict[str, Any] = {
        "name": {
            "type": "string",
            "pattern": NAME.pattern,
            "description": "the folder of the results; the file's name when absent",
        },
        "title": {"type": "string", "description": "the question that the study answers"},
        "defaults": {"$ref": "#/$defs/setting", "description": "parameters of every trial"},
        "matrix": {
            "type": "object",
            "properties": axis,
            "additionalProperties": False,
            "description": "each combination is a trial",
        },
        "exclude": {"type": "array", "items": {"$ref": "#/$defs/setting"}, "description": "combinations to leave out"},
        "include": {"type": "array", "items": {"$ref": "#/$defs/setting"}, "description": "trials beside the matrix"},
        "runoff": {
            "type": "boolean",
            "default": True,
            "description": "whether direct pairs decide after the matrix which way is fastest",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a study",
        "type": "object",
        "properties": {key: keys[key] for key in KEYS},
        "additionalProperties": False,
        "$defs": {"setting": setting, **model.get("$defs", {})},
    }


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1, ensure_ascii=False))
