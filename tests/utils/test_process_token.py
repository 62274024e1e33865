import os
import subprocess
import sys

from mmpt.utils.process_token import is_running, process_token

TELL = "from mmpt.utils.process_token import process_token; print(process_token(), flush=True); input()"


def other_process():
    process = subprocess.Popen(
        [sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def test_this_process_runs_and_every_token_is_new():
    one, two = process_token(), process_token()
    assert one != two
    assert is_running(one) is is_running(two) is True


def test_a_killed_process_does_not_run_even_before_its_parent_has_noticed():
    process, token = other_process()
    assert is_running(token) is True
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the list of processes
    assert is_running(token) is False
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert is_running(token) is False


def test_another_process_with_the_same_id_is_told_apart():
    machine, pid, started, name = process_token().split("-")
    assert is_running(f"{machine}-{pid}-{int(started) - 1}-{name}") is False


def test_a_process_of_another_machine_is_unknown():
    _, rest = process_token().split("-", 1)
    assert is_running(f"0123456789ab-{rest}") is None
    assert is_running("no token") is None
