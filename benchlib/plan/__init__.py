"""From a YAML file, or from command-line options, to a plan: every trial of the matrix, planned, refused or skipped.

`study` reads and checks, `expand` multiplies out, `selections` opens `timm/Head`, `rules` refuses, `schema`
tells editors.
"""
