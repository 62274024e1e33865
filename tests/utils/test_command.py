"""What a command leaves behind when it fails or is stopped."""

import os
import re
import signal
import subprocess
import sys

import pytest
from torch.utils.data import DataLoader, Dataset

from mmpt.errors import DataError
from mmpt.utils.command import message_for_user, run_command

TRACEBACK = "Traceback (most recent call last):"
WRITES_FOREVER = """
import sys, time
from mmpt.utils.command import run_command
from mmpt.utils.files import atomic_write

def main():
    with atomic_write(sys.argv[1]) as stream:
        stream.write(b"half")
        stream.flush()
        print("ready", flush=True)
        time.sleep(1000)
    return 0

run_command(main)
"""


@pytest.fixture(autouse=True)
def _keep_the_signal_handler():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_leaves_nothing_half_written(tmp_path, number):
    command = [sys.executable, "-c", WRITES_FOREVER, tmp_path / "x"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors == b"stopped; run the same command again to continue.\n"
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_ours_is_one_sentence_and_exit_code_1(capsys):
    def main():
        raise DataError("The file x is missing.")

    with pytest.raises(SystemExit) as stopped:
        run_command(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: The file x is missing.\n"


def test_the_return_value_is_the_exit_code_and_bugs_keep_their_traceback():
    with pytest.raises(SystemExit) as stopped:
        run_command(lambda: 3)
    assert stopped.value.code == 3
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)


def test_an_error_of_the_system_about_a_file_is_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_command(lambda: len(os.listdir(tmp_path / "gone")))
    assert stopped.value.code == 1
    assert re.fullmatch(
        r"error: .+/gone: No such file or directory\. Check the path and the permissions\.\n",
        capsys.readouterr().err,
    )


class Broken(Dataset):
    """Fails in the loader's worker, on purpose or by a bug."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __getitem__(self, index):
        try:
            raise KeyError("the cause")
        except KeyError as cause:
            raise self.error from cause


@pytest.mark.parametrize(
    ("error", "message"),
    [(DataError("The file x\n  is missing."), "The file x\n  is missing."), (ValueError("a bug"), None)],
)
def test_an_error_in_a_loader_worker_is_told_as_if_it_were_raised_here(error, message):
    with pytest.raises(type(error), match="Traceback") as caught:
        list(DataLoader(Broken(error), num_workers=1))
    assert message_for_user(caught.value) == message


def test_a_bug_while_an_error_of_ours_is_handled_stays_a_bug():
    text = f"{TRACEBACK}\nmmpt.errors.DataError: x\n\nDuring handling ...\n\n{TRACEBACK}\nKeyError: 3\n"
    assert message_for_user(RuntimeError(text)) is None
    assert message_for_user(RuntimeError(f"{TRACEBACK}\nmmpt.errors.DataError: x\n")) == "x"
