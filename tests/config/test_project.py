from pathlib import Path

import pytest

from mmpt.config import load_task
from mmpt.config.includes import merge_layers
from mmpt.config.project import expand, find_project, load_project, task_layers
from mmpt.errors import ConfigError
from mmpt.utils import recursive_config

PROJECT = """
project_dir: new/one
base_dir: task
run_task: [a.yaml, [b.yaml]]
task_group:
  first:
    task_list: [a.yaml]
    dataset: {dup: 3}
  second:
    task_list: [b.yaml]
"""


@pytest.fixture
def project(write):
    write("projects/task/a.yaml", "dataset: {dup: 2, train_path: runs/task}\n")
    write("projects/task/b.yaml", "includes: projects/task/a.yaml\neval: {save_path: runs/task/x}\n")
    return write("projects/new/file.yaml", PROJECT)


def test_the_keys_of_a_group_override_the_template(project):
    assert merge_layers(expand(project)["a.yaml"])["dataset"]["dup"] == 3
    assert merge_layers(expand(project)["b.yaml"])["dataset"]["dup"] == 2


def test_run_folders_move_to_the_project(project):
    assert merge_layers(expand(project)["b.yaml"]) == {
        "dataset": {"dup": 2, "train_path": "runs/new/one"},
        "eval": {"save_path": "runs/new/one/x"},
    }


def test_the_data_folder_moves_to_where_the_project_has_it(write, project):
    write("projects/task/a.yaml", "dataset: {train_path: data/a, val_path: database/a, vfeat_dir: data}\n")
    write("projects/new/file.yaml", PROJECT + "data_dir: /mnt/big\n")
    dataset = merge_layers(expand(project)["b.yaml"])["dataset"]
    assert dataset == {"train_path": "/mnt/big/a", "val_path": "database/a", "vfeat_dir": "/mnt/big"}


def test_only_whole_folders_at_the_start_of_a_value_move(write, project):
    write(
        "projects/task/a.yaml",
        "dataset: {train_path: runs/tasks/x, val_path: /a/runs/task}\nplugins: [runs/task/y]\n",
    )
    assert merge_layers(expand(project)["a.yaml"]) == {
        "dataset": {"train_path": "runs/tasks/x", "val_path": "/a/runs/task", "dup": 3},
        "plugins": ["runs/new/one/y"],
    }


def test_a_task_that_is_not_written_is_found_through_the_project_whatever_its_file_is_called(
    project, tmp_path
):
    assert find_project("projects/new/one/a.yaml") == "projects/new/file.yaml"
    assert load_task("projects/new/one/a.yaml").dataset.dup == 3
    assert recursive_config(tmp_path / "projects/new/one/b.yaml").eval.save_path == "runs/new/one/x"
    assert not (tmp_path / "projects/new/one").exists()


def test_a_written_task_wins_over_its_project(write, project):
    write("projects/new/one/a.yaml", "dataset: {dup: 9}\n")
    assert load_task("projects/new/one/a.yaml").dataset.dup == 9


def test_a_project_may_stand_on_the_tasks_of_another(write, project):
    write(
        "projects/third.yaml",
        "project_dir: third\nbase_dir: new/one\ntask_group: {x: {task_list: [b.yaml], dataset: {dup: 7}}}\n",
    )
    config = load_task("projects/third/b.yaml")
    assert (config.dataset.dup, config.eval.save_path) == (7, "runs/third/x")


def test_projects_that_stand_on_each_other_are_refused(write, project):
    write("projects/two.yaml", PROJECT.replace("new/one", "two").replace("task\n", "new/one\n", 1))
    write("projects/new/file.yaml", PROJECT.replace("base_dir: task", "base_dir: two"))
    circle = r"circle: projects/two.yaml -> projects/new/file.yaml -> projects/two.yaml\.$"
    with pytest.raises(ConfigError, match=circle):
        expand("projects/two.yaml")


def test_a_task_of_no_project_and_a_misspelt_one_are_refused(project):
    with pytest.raises(
        ConfigError, match=r"nowhere/a\.yaml does not exist, and no file in projects/ expands to it"
    ):
        task_layers("nowhere/a.yaml")
    with pytest.raises(
        ConfigError, match=r"has no task 'aa\.yaml'; did you mean 'a\.yaml'\? Allowed: a\.yaml, b\.yaml"
    ):
        task_layers("projects/new/one/aa.yaml")


def test_a_folder_called_as_a_project_file_is_passed_over(project):
    Path("projects/a.yaml").mkdir()
    assert task_layers("projects/new/one/a.yaml")


def test_a_project_is_no_task(project):
    with pytest.raises(
        ConfigError, match=r"file\.yaml is a project; give one of its task files, such as projects/new/one/"
    ):
        load_task(project)


def test_reading_a_project_gives_its_typed_form(project):
    config = recursive_config(project)
    assert (config.project_dir, config.base_dir) == ("new/one", "task")
    assert config.run_task == ["a.yaml", ["b.yaml"]]


def test_a_missing_template_names_project_group_and_file(write):
    path = write(
        "projects/p.yaml", "project_dir: p\nbase_dir: task\ntask_group: {one: {task_list: [gone.yaml]}}\n"
    )
    with pytest.raises(
        ConfigError, match=r"p\.yaml: task_group\.one: gone\.yaml: .*projects/task/gone\.yaml does not"
    ):
        expand(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("project_dir: p", "base_dir: is missing, so this is a task file and not a project"),
        ("base_dir: task", "project_dir: must be a folder below projects/, got None"),
        (
            "base_dir: task\nproject_dir: ../../etc",
            r"project_dir: must be a folder below projects/, got '\.\./\.\./etc'",
        ),
        ("base_dir: task\nproject_dir: /etc", "project_dir: must be a folder below projects/, got '/etc'"),
        ("base_dir: task\nproject_dir: task", "project_dir: must differ from base_dir"),
        ("base_dir: task\nproject_dir: p\ndata_dir: 3", "data_dir: must be a folder, got 3"),
        (
            "base_dir: task\nproject_dir: p",
            "task_group: must be a mapping of group names to groups, got None",
        ),
        (
            "base_dir: task\nproject_dir: p\ntask_groups: {}",
            "task_groups: is no key of a project; did you mean 'task_group'",
        ),
        (
            "base_dir: task\nproject_dir: p\ntask_group: {g: {}}",
            r"task_group\.g\.task_list: must be a list of file",
        ),
        (
            "base_dir: task\nproject_dir: p\ntask_group: {g: 3}",
            r"task_group\.g\.task_list: must be a list of file",
        ),
        (
            "base_dir: task\nproject_dir: p\ntask_group: {g: {task_list: [../x.yaml]}}",
            r"task_group\.g\.task_list: must be a list of file names, got \['\.\./x",
        ),
        (
            "base_dir: t\nproject_dir: p\ntask_group: {g: {task_list: [a.yaml]}, h: {task_list: [a.yaml]}}",
            r"task_group\.h\.task_list: 'a\.yaml' is in group 'g' already",
        ),
        (
            "base_dir: task\nproject_dir: p\nrun_task: [aa.yaml]\ntask_group: {g: {task_list: [a.yaml]}}",
            r"run_task: 'aa\.yaml' is in no task_list; did you mean 'a\.yaml'",
        ),
        (
            "base_dir: task\nproject_dir: p\nrun_task: a.yaml\ntask_group: {g: {task_list: [a.yaml]}}",
            "run_task: must be a list of file names and lists of file names, got 'a.yaml'",
        ),
    ],
)
def test_a_broken_project_is_refused(write, text, message):
    with pytest.raises(ConfigError, match=message):
        load_project(write("projects/p.yaml", text))
