"""The command mmpt: what it knows, how fast it is there, what -v and -q do, and how it ends."""

import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mmpt
from mmpt.utils.progress import progress
from mmpt_cli.main import COMMANDS, GROUPS, main, make_parser

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "pandas", "fairseq", "scipy")


@pytest.fixture
def levels():
    """The loggers that -v and -q change; afterwards they are as before."""
    loggers = [logging.getLogger(name) for name in ("", "mmpt", "mmpt_cli")]
    before = [logger.level for logger in loggers]
    yield loggers
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def mmpt_process(*arguments, **options):
    command = [sys.executable, "-m", "mmpt_cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def test_the_help_has_a_line_for_every_command_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    for title, commands in GROUPS.items():
        assert f"\n{title}:\n" in text
        for name, line in commands.items():
            assert f"\n  {name:12s}{line}\n" in text
    for code in (0, 1, 2, 130):
        assert f"\n  {code:<6d}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_whose_help_says_what_it_does_with_an_example(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: mmpt {name} ")
    description = text.split("\n\n")[1]
    assert description[0].isupper()
    assert text.split("example:\n")[1].strip().startswith((f"mmpt {name}", f"source <(mmpt {name}"))
    assert "-v, --verbose" in text
    assert "``" not in text
    parser = importlib.import_module(f"mmpt_cli.{name}").make_parser("other program")
    assert parser.format_usage().startswith("usage: other program ")


@pytest.mark.parametrize("name", ["main", *COMMANDS])
def test_a_command_is_imported_and_parsed_without_torch(name):
    code = (
        f"import sys, mmpt_cli.{name} as command; command.make_parser();"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "hint"),
    [("serch", "did you mean 'search'?"), ("lanch", "did you mean 'launch'?"), ("qqq", "there are index, ")],
)
def test_an_unknown_command_is_told_the_nearest(given, hint, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([given, "--help"])
    assert f"mmpt: error: unknown command '{given}'; {hint}" in capsys.readouterr().err


def test_without_a_command_there_is_the_help_and_a_failure(capsys):
    assert main([]) == 2
    assert capsys.readouterr().out == make_parser().format_help()


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"mmpt {mmpt.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["-v", "validate"], logging.DEBUG),
        (["validate", "-v"], logging.DEBUG),
        (["--quiet", "validate"], logging.WARNING),
        (["validate", "-q"], logging.WARNING),
    ],
)
def test_how_much_is_told_is_said_before_or_after_the_command(levels, arguments, level, capsys):
    assert main([*arguments, str(ROOT / "projects/demo.yaml")]) == 0
    assert [logger.level for logger in levels] == [max(level, logging.INFO), level, level]
    assert capsys.readouterr().out.endswith("demo.yaml: ok\n")  # results are printed in any case


def test_a_quiet_command_shows_no_progress(levels, capsys):
    main(["-q", "validate", str(ROOT / "projects/demo.yaml")])
    assert list(progress(range(3), "counting")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_nothing_to_do_shows_no_progress(capsys):
    with progress((), "counting", total=0) as bar:
        bar.set_postfix(failed=0, refresh=False)
        bar.update(0)
    assert capsys.readouterr().err == ""


def test_verbose_and_quiet_exclude_each_other(levels):
    with pytest.raises(SystemExit, match="2"):
        main(["-v", "validate", "-q", "x.yaml"])


def test_an_error_is_a_sentence_and_with_v_says_where_it_arose():
    short = mmpt_process("doctor", "none.yaml")
    assert (short.returncode, short.stdout) == (1, "")
    assert short.stderr.startswith("error: The task file none.yaml does not exist")
    long = mmpt_process("doctor", "none.yaml", "-v")
    assert long.returncode == 1
    assert "Traceback" in long.stderr
    assert long.stderr.endswith(short.stderr)


def test_a_reader_that_has_read_enough_ends_a_command_without_a_traceback():
    theirs, ours = os.pipe()
    os.close(theirs)
    command = [sys.executable, "-m", "mmpt_cli.main", "info"]
    done = subprocess.run(command, cwd=ROOT, stdout=ours, stderr=subprocess.PIPE, text=True, check=False)
    os.close(ours)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("old", "usage"),
    [
        (["locallaunch.py"], "mmpt launch"),
        (["mmpt_cli/predict.py"], "mmpt predict"),
        (["-m", "mmpt_cli.predict"], "mmpt predict"),
        (["scripts/video_feature_extractor/extract.py"], "mmpt extract"),
        (["scripts/video_feature_extractor/shard_feature.py"], "mmpt shards pack"),
        (["scripts/text_token_extractor/pretokenization.py"], "mmpt shards tokenise"),
    ],
)
def test_the_old_paths_are_the_same_commands(old, usage):
    done = subprocess.run(
        [sys.executable, *old, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"usage: {usage} ")
