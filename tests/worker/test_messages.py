"""What goes over the wire: a class for each request and reply, the same on both ends, and no cost beside."""

import json
import socket
import typing
from pathlib import Path

import pytest

from benchlib.measure import noise
from benchlib.measure.samples import block_of
from benchlib.record.metadata import Artifact, InputSet, SavedModel, Session, part_facts, session_of
from benchlib.typed_json import from_json, to_json
from benchlib.worker import messages, service
from benchlib.worker.channel import Channel
from benchlib.worker.client import Reply
from benchlib.worker.messages import ExplainFailure, ExportModel, OpenSession, RunBlock, TimedBlock

service.know_all_verbs()


def test_each_request_has_a_verb_and_each_verb_its_request():
    assert set(messages.REQUESTS.values()) == set(service.VERBS)
    assert all(kind.verb == name for name, kind in messages.REQUESTS.items())


@pytest.mark.parametrize("kind", service.VERBS, ids=lambda kind: kind.verb)
def test_a_verb_answers_with_the_class_that_its_request_declares(kind):
    hints = typing.get_type_hints(service.VERBS[kind])
    assert hints["request"] is kind and hints["return"] is kind.reply


def over_the_wire(kind, value):
    return from_json(kind, json.loads(json.dumps(to_json(value))))


def test_requests_arrive_as_they_were_sent():
    asked = OpenSession(
        "onnxruntime", Path("m.onnx"), Path("in.npz"), "script", positional=("x", "y"), runtime_args={"a": [1, None]}
    )
    arrived = messages.request_named("open", json.loads(json.dumps(to_json(asked))))
    assert arrived == asked and arrived.positional == ("x", "y")
    export = ExportModel("script", Path("model"), Path("m"), axes={"x": {0: "batch"}})
    nested = ExplainFailure(export, 2.5)
    assert messages.request_named("explain_failure", json.loads(json.dumps(to_json(nested)))) == nested
    with pytest.raises(KeyError, match="no_such_verb"):
        messages.request_named("no_such_verb", {})


def test_metadata_is_the_same_on_both_ends():
    metrics, details = part_facts({"params_size": 7, "model_class": "Net", "mine": [1, 2]})
    sets = {1: InputSet("ab", "drawn")}
    saved = SavedModel(("x",), {"x": {0: "batch"}}, sets, "cd", expected={0: "ef"}, metrics=metrics, details=details)
    assert over_the_wire(SavedModel, saved) == saved
    assert (saved.metrics, saved.details) == ({"params_size": 7, "model_class": "Net"}, {"mine": [1, 2]})
    session = session_of({"providers": "CPU", "arena": {"grows": True}}, time_import=0.5, time_session=0.25)
    assert over_the_wire(Session, session) == session
    assert (session.providers, session.time_import, session.details) == ("CPU", 0.5, {"arena": {"grows": True}})
    artifact = Artifact(Path("model.onnx"), 2.0, {"Add": 3}, {"batch": 2})
    assert over_the_wire(Artifact, artifact) == artifact


class Counting:
    """A socket that counts what it is asked for."""

    def __init__(self, sock):
        self.sock, self.sent, self.received = sock, 0, 0

    def sendall(self, data):
        self.sent += 1
        self.sock.sendall(data)

    def recv(self, size):
        self.received += 1
        return self.sock.recv(size)

    def __getattr__(self, name):
        return getattr(self.sock, name)


def test_a_block_of_a_thousand_samples_costs_each_side_one_system_call():
    ours, theirs = map(Counting, socket.socketpair())
    block = TimedBlock(list(range(10**6, 10**6 + 1000)), 1, 2, 3, noise={"steal": 0})
    Channel(theirs).send(to_json(block))
    text = Channel(ours).receive_text()
    assert (theirs.sent, ours.received) == (1, 1)
    assert Reply(RunBlock, text).value == block


def test_counters_stay_the_numbers_that_they_were():
    """Flags are bits of a whole number."""
    counted = {"gpu_reasons": 4, "gpu_reasons_before": 0, "collections": 3, "gpu_clock": 1410.5}
    block = TimedBlock([10**6] * 3, 0, 3 * 10**6, 1, noise=counted)
    reply = Reply(RunBlock, json.dumps(to_json(block)).encode()).value
    assert [type(value) for value in reply.noise.values()] == [int, int, int, float]
    assert "gpu_throttled" in noise.flags(block_of(reply, 0, 0))


def test_a_reply_is_decoded_only_when_it_is_looked_at():
    reply = Reply(RunBlock, b"{half")
    with pytest.raises(ValueError):
        _ = reply.value


def test_a_problem_names_what_went_wrong():
    problem = service.problem_of(MemoryError("no room"))
    assert (problem.kind, problem.type, problem.message) == ("oom", "MemoryError", "no room")
    assert over_the_wire(messages.Problem, problem) == problem
