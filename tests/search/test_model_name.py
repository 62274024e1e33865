"""What people call the model of an index."""

import pytest

from mmpt.search.manifest import ModelRecord
from mmpt.search.model import is_demo, model_name


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("projects/retri/videoclip/how2.yaml", "retri/videoclip/how2"),
        ("/home/me/projects/mmpt/projects/demo/how2.yaml", "demo/how2"),
        ("/home/me/tasks/mine.yaml", "mine"),
        ("/home/me/my_model.v2", "my_model.v2"),  # a saved model
        ("", "MMFusion 01234567"),  # it was given ready-made
    ],
)
def test_a_model_is_called_by_its_task_or_folder_and_never_by_where_that_is(task, name):
    record = ModelRecord(task, "/home/me", (), "MMFusion 01234567", "s3d", dim=768, clip_seconds=32)
    assert model_name(record) == name
    assert is_demo(record) == (name == "demo/how2")
