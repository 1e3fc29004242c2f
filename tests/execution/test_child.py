"""Both ends of a sweep in a process of its own: what goes over, what comes back, and how a child's end is told."""

import json
import os
import signal
import sys
import textwrap

import pytest

from benchlib.errors import ChildDied, Interrupted, UserError
from benchlib.execution import child
from benchlib.execution.child import Ended, Finished, Line, Order, Stopped, carry_out, from_json, to_json
from benchlib.plan.expand import expand
from benchlib.plan.study import from_arguments
from benchlib.trial import Trial

SPEAKS = """
import json, os, signal, socket, sys, time
from benchlib.worker.channel import Channel

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started these tests with it ignored

channel = Channel(socket.socket(fileno=int(sys.argv[1])))
order = channel.receive()


def tell(message, **fields):
    channel.send({"message": message, **fields})


"""


@pytest.fixture
def order():
    arguments = {"model": ["explicit/mlp"], "exporter": ["eager", "script"], "device": ["cpu", "cuda"], "timeout": [5]}
    arguments |= {"reference": [{"exporter": "script", "rtopt": "off"}], "tolerance": [{"rtol": 0.1, "reason": "é"}]}
    return Order(expand(from_arguments("run", arguments)), "outputs/run", "all", ["a key"])


@pytest.fixture
def speaking(monkeypatch, tmp_path):
    """Puts a few lines of Python in the child's place, which `tell`."""

    def put(code: str) -> None:
        script = tmp_path / "child.py"
        script.write_text(SPEAKS + textwrap.dedent(code))
        monkeypatch.setattr(child, "COMMAND", (sys.executable, str(script)))

    return put


def test_an_order_comes_over_whole_and_is_not_judged_again(order, monkeypatch):
    text = json.dumps(order.to_json())
    keys = [planned.key for planned in order.plan.trials]
    monkeypatch.setattr(Trial, "__init__", lambda *_, **__: pytest.fail("a resolved trial is taken as it is"))
    there = Order.from_json(json.loads(text))
    assert there == order
    assert [planned.trial.key() for planned in there.plan.trials] == keys
    assert [planned.name for planned in there.plan.trials] == [planned.name for planned in order.plan.trials]
    assert there.plan.resolved() == order.plan.resolved()


@pytest.mark.parametrize(
    "message", [Line("a — b"), Finished("k", "ok"), Stopped("user", ["a", "b\nc"]), Ended({"k": "ok", "l": "failed"})]
)
def test_a_message_comes_back_as_it_was(message):
    assert from_json(json.loads(json.dumps(to_json(message)))) == message


@pytest.mark.process
def test_lines_come_as_they_are_told(order, speaking):
    speaking("""
        tell("Line", text=order["plan"]["trials"][0]["key"])
        tell("Finished", key="k", status="ok")
        tell("Ended", statuses={"k": "ok"})
        print("of the system's own", file=sys.stderr)
    """)
    said = []
    assert carry_out(order, said.append) == Ended({"k": "ok"})
    assert said == [order.plan.trials[0].key, "of the system's own"]


@pytest.mark.process
def test_every_complaint_of_the_child_comes_back(order, speaking):
    speaking("tell('Stopped', kind='user', complaints=['one', 'two'])")
    with pytest.raises(UserError) as error:
        carry_out(order, print)
    assert error.value.complaints == ("one", "two")


@pytest.mark.process
def test_a_child_that_others_interrupt_says_how_far_it_came(order, speaking):
    speaking("tell('Stopped', kind='interrupted', complaints=['after 1 of 2'])")
    with pytest.raises(Interrupted, match=r"^after 1 of 2$"):
        carry_out(order, print)


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "status", "wanted"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "signal SIGKILL"),
        ("os.abort()", -signal.SIGABRT, "signal SIGABRT"),
        ("raise LookupError('no such thing')", 1, "LookupError: no such thing"),
        ("sys.exit(0)", 0, "exit code 0"),
    ],
)
def test_a_child_that_dies_raises_with_what_it_said_last(order, speaking, code, status, wanted):
    speaking(f"tell('Finished', key='k', status='ok')\nprint('last words', file=sys.stderr, flush=True)\n{code}")
    with pytest.raises(ChildDied) as error:
        carry_out(order, print)
    assert error.value.status == status
    assert isinstance(error.value, RuntimeError)
    assert "last words" in error.value.output
    assert wanted in str(error.value)
    assert "trials finished before: 1" in str(error.value)


@pytest.mark.process
def test_a_child_that_takes_no_order_raises_too(order, monkeypatch):
    order.plan.trials *= 1000  # more than a socket holds
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", "raise SystemExit('no order')"))
    with pytest.raises(ChildDied, match=r"exit code 1; .*\nno order"):
        carry_out(order, print)


def interrupted(order, speaking, code: str) -> tuple[list[str], int]:
    """What is said when Ctrl-C comes as soon as a child of this code says that it is ready; its process."""
    speaking(code)
    said = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("ready"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(order, say)
    return said, int(said[0].split()[1])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.process
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_message_that_nobody_knows_ends_the_wait(order, speaking):
    """Of a library that was upgraded under a living kernel, say."""
    speaking('tell("Novelty", answer=42)')
    with pytest.raises(ChildDied):
        child.carry_out(order, print)


@pytest.mark.process
def test_an_interrupt_lets_the_child_finish_and_passes_on_what_it_says(order, speaking):
    said, pid = interrupted(order, speaking, """
        try:
            tell("Line", text=f"ready {os.getpid()}")
            time.sleep(60)
        except KeyboardInterrupt:
            tell("Line", text="putting away")
            tell("Stopped", kind="interrupted", complaints=["after 0 of 2"])
    """)  # fmt: skip
    assert said[1:] == ["putting away", "after 0 of 2"]
    assert not is_running(pid)


@pytest.mark.process
def test_a_child_that_does_not_heed_an_interrupt_is_killed(order, speaking, monkeypatch):
    monkeypatch.setattr(child, "_TO_FINISH", 0.2)
    monkeypatch.setattr(child, "_TO_EXIT", 0.2)
    said, pid = interrupted(order, speaking, """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        tell("Line", text=f"ready {os.getpid()}")
        time.sleep(60)
    """)  # fmt: skip
    assert said == [f"ready {pid}"]
    assert not is_running(pid)
