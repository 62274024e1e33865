"""Completion: what bash really offers when asked, and that the other shells can read theirs."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mmpt_cli.completion import main, whole_parser
from mmpt_cli.main import COMMANDS

# Asks bash as the key TAB does: the words so far, the last of which is to be completed.
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_mmpt mmpt "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory):
    return tmp_path_factory.mktemp("completion") / "mmpt"


@pytest.fixture
def offered(bash_script, capsys, tmp_path, monkeypatch):
    """Function: words of a command line -> what bash offers for the last."""
    if not bash_script.exists():
        assert main(["bash"]) == 0
        bash_script.write_text(capsys.readouterr().out)
    monkeypatch.chdir(tmp_path)

    def ask(*words):
        command = ["bash", "-c", ASK, "bash", bash_script, "mmpt", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    return ask


def test_bash_offers_all_commands(offered):
    assert offered("") == set(COMMANDS)
    assert offered("s") == {"search", "serve", "shards"}


def test_bash_offers_options_and_the_commands_below_a_command(offered):
    assert offered("search", "--j") == {"--json"}
    assert offered("shards", "") == {"captions", "tokenise", "pack", "verify", "repair", "convert", "stat"}
    assert offered("shards", "pack", "--shard") == {"--shard_size", "--shard_bytes"}
    assert offered("launch", "--ver") == {"--verbose"}


def test_bash_offers_choices(offered):
    assert offered("predict", "task.yaml", "--dtype", "b") == {"bfloat16"}
    assert offered("completion", "") == {"bash", "zsh", "tcsh"}


def test_bash_offers_files_for_names_and_not_for_numbers(offered):
    Path("my_task.yaml").touch()
    assert offered("launch", "my") == {"my_task.yaml"}
    assert offered("predict", "my_task.yaml", "--checkpoint", "m") == {"my_task.yaml"}
    assert offered("shards", "verify", "--threads", "m") == set()


def test_every_command_is_in_the_parser():
    [action] = [each for each in whole_parser()._actions if each.dest == "command"]
    assert list(action.choices) == list(COMMANDS)


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_all_commands(shell, capsys, tmp_path):
    assert main([shell]) == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    assert all(name in script.read_text() for name in COMMANDS)
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)
