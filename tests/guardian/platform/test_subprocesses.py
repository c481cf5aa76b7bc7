import pytest

from guardian.platform.subprocesses import run


def test_output_and_code_come_back():
    done = run(["sh", "-c", "cat; echo bad >&2; exit 3"], timeout_s=5, stdin=b"hello")
    assert (done.code, done.out, done.err) == (3, "hello", "bad\n")


def test_what_takes_too_long_is_ended():
    with pytest.raises(TimeoutError, match="sleep took longer"):
        run(["sleep", "30"], timeout_s=0.1)
