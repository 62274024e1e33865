"""CONFIG.md: complete, in step with the code, and its snippets are right."""

import dataclasses
import re
import runpy
from pathlib import Path

import pytest
import yaml

from mmpt.catalog import META_PROCESSORS
from mmpt.config import ProjectConfig, TaskConfig
from mmpt.config.schema import SECTIONS
from mmpt.config.validate import check_file
from mmpt_cli.localjob import JOB_TYPES

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "CONFIG.md").read_text()
ALL = (TaskConfig, ProjectConfig, *SECTIONS.values())


def snippets(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("key", sorted({*JOB_TYPES}.union(*(section.keys() for section in ALL))))
def test_every_key_and_job_type_is_documented(key):
    assert f"`{key}`" in TEXT


def test_the_tables_are_those_of_the_code():
    fill = runpy.run_path(str(ROOT / "scripts" / "config_tables.py"))["fill"]
    assert fill(TEXT, (ROOT / "mmpt/config/schema.py").read_text()) == TEXT, (
        "run: python scripts/config_tables.py"
    )


@pytest.mark.parametrize("section", ALL)
def test_every_field_has_a_docstring(section):
    tables = runpy.run_path(str(ROOT / "scripts" / "config_tables.py"))["tables"]
    table = tables((ROOT / "mmpt/config/schema.py").read_text())[section.__name__]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == section.keys()


@pytest.fixture
def _example_class():
    namespace = {}
    exec(snippets("python")[0], namespace)
    assert dataclasses.is_dataclass(namespace["MyMetaProcessor"].Config)
    yield
    del META_PROCESSORS._classes["MyMetaProcessor"]


@pytest.mark.usefixtures("_example_class")
@pytest.mark.parametrize("number", range(len(snippets("yaml"))))
def test_a_yaml_snippet_is_right(number, tmp_path, monkeypatch):
    values = yaml.safe_load(snippets("yaml")[number])
    if "plugins" in values:
        monkeypatch.syspath_prepend(tmp_path)
        (tmp_path / "my_package").mkdir()
        (tmp_path / "my_package" / "processors.py").touch()
    monkeypatch.chdir(ROOT)  # includes are relative to it
    path = tmp_path / "snippet.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    assert [str(problem) for problem in check_file(path)] == []
