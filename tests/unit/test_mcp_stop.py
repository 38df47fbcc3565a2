"""A call that nobody wants any more: its thread ends where it next says how far it is, or waits."""

import threading

import pytest

from whyred.faces.mcp.call import Call, StoppedError
from whyred.faces.mcp.serving import Serving


def test_progress_and_pauses_end_a_stopped_call() -> None:
    said: list[str] = []
    call = Call({}, Serving(), tell=said.append)
    call.progress("one")
    call.stopped.set()
    with pytest.raises(StoppedError):
        call.progress("two")
    with pytest.raises(StoppedError):
        call.pause(1e9)
    assert said == ["one"]


def test_a_pause_ends_when_the_call_is_stopped_meanwhile() -> None:
    call = Call({}, Serving())
    ended = threading.Event()

    def wait() -> None:
        with pytest.raises(StoppedError):
            call.pause(1e6)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    call.stopped.set()
    thread.join()
    assert ended.is_set()


def test_forges_wait_by_the_calls_own_pause() -> None:
    call = Call({}, Serving(remote=True, forges=("https://forge.example",)))
    http = call.forges().http("https://forge.example")
    assert http.sleep == call.pause
