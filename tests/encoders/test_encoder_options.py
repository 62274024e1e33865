"""Options of encoders as text."""

import pytest

from mmpt.encoders.options import parse_options
from mmpt.errors import ConfigError


def test_values_are_read_as_yaml_reads_them():
    options = parse_options(
        ["fps=10", "width=0.25", "compile=true", "output=mixed_5c", "sizes=[1, 2]", "path=a=b"]
    )
    assert options == {
        "fps": 10, "width": 0.25, "compile": True, "output": "mixed_5c", "sizes": [1, 2], "path": "a=b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["fps"], "'fps' is no NAME=VALUE"),
        (["=3"], "'=3' is no NAME=VALUE"),
        (["fps=1", "fps=2"], "'fps' is given twice: 1 and 2"),
        (["x=[1"], "cannot be read as YAML"),
    ],
)
def test_what_is_no_option_is_named(texts, message):
    with pytest.raises(ConfigError, match=message):
        parse_options(texts)
