"""What is kept of a trial, and what is known of the things that it makes, as typed values.

`record` has the record and its parts, `metadata` the saved model, the artifact and the session, `metrics` the declared
metrics, `scrap` the way into a notebook and back.
"""

from benchlib.record.record import NOT_RUN, SCHEMA, STAGES, STATUSES, Failure, Record

__all__ = ["NOT_RUN", "SCHEMA", "STAGES", "STATUSES", "Failure", "Record"]
