import pytest
import yaml

from mmpt.config.yamlfile import dump_yaml, read_yaml
from mmpt.errors import ConfigError


def test_scientific_numbers_need_no_point(write):
    assert read_yaml(write("a.yaml", "lr: [5e-5, 1E3, 5.0e-5]\nname: e5\nversion: 1e\n")) == {
        "lr": [5e-5, 1000.0, 5e-5],
        "name": "e5",
        "version": "1e",
    }


def test_a_time_of_day_is_text_and_no_number_of_sixties(write):
    assert read_yaml(write("a.yaml", "time: 24:00:00\nseed: -12\n")) == {"time": "24:00:00", "seed": -12}


def test_a_dumped_mapping_reads_back_equal_and_in_order(write):
    values = {"b": {"lr": [5e-05], "betas": "(0.9, 0.98)", "none": None}, "a": True}
    text = dump_yaml(values)
    assert list(yaml.safe_load(text)) == ["b", "a"]
    assert read_yaml(write("a.yaml", text)) == values


def test_a_syntax_error_names_file_and_line(write):
    with pytest.raises(ConfigError, match=r"a\.yaml, line 3: not valid YAML"):
        read_yaml(write("a.yaml", "dataset:\n  x: 1\n y: 2\n"))


def test_a_key_that_stands_twice_is_refused(write):
    with pytest.raises(ConfigError, match=r"a\.yaml, line 2: .*the key 'x' stands twice"):
        read_yaml(write("a.yaml", "x: 1\nx: 2\n"))


def test_anchors_and_merge_keys_work(write):
    text = "a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n"
    assert read_yaml(write("a.yaml", text))["b"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(("key", "shown"), [("1", "1"), ("on", "True"), ("~", "None"), ("? [a]\n", "")])
def test_a_key_that_is_no_text_is_refused(write, key, shown):
    with pytest.raises(
        ConfigError, match=rf"a\.yaml, line 1: .*the key {shown}.* is not text, put it in quotes"
    ):
        read_yaml(write("a.yaml", f"{key}: 3\n"))


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch hacked']", "!!python/name:os.system", "!mine 3"]
)
def test_tags_are_refused_and_run_nothing(write, tmp_path, tag):
    with pytest.raises(
        ConfigError, match=r"a\.yaml, line 1: not valid YAML, could not determine a constructor"
    ):
        read_yaml(write("a.yaml", f"x: {tag}\n"))
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    ("text", "what"), [("", "is empty"), ("- 1\n", "holds a list"), ("word", "holds a str")]
)
def test_only_a_mapping_is_a_configuration(write, text, what):
    with pytest.raises(ConfigError, match=f"the file {what}, and a mapping"):
        read_yaml(write("a.yaml", text))


def test_a_missing_file_and_a_binary_file_are_named(write, tmp_path):
    write("x", "")
    with pytest.raises(ConfigError, match=r"The file gone\.yaml does not exist"):
        read_yaml("gone.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"b\.yaml cannot be read as text"):
        read_yaml("b.yaml")
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_yaml(".")


@pytest.mark.parametrize("text", ["x: \x00\n", "x: 2020-13-45\n", "? [a]\n: 1\n", "[" * 50, "x: *y\n"])
def test_odd_text_is_one_clear_error(write, text):
    with pytest.raises(ConfigError, match=r"a\.yaml.*: not valid YAML"):
        read_yaml(write("a.yaml", text))


@pytest.mark.parametrize(
    ("text", "why"),
    [("x: &x [*x]\n", "recursive node"), ("&x\ny: *x\n", "recursive node"), ("x: " + "[" * 3000, "too deep")],
    ids=["in itself", "root", "deep"],
)
def test_values_that_hold_themselves_or_are_nested_too_deep_are_refused(write, text, why):
    with pytest.raises(ConfigError, match=rf"x\.yaml.*: not .*{why}"):
        read_yaml(write("x.yaml", text))
