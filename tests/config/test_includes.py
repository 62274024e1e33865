import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.config.includes import load_layers, merge, merge_layers, origin
from mmpt.errors import ConfigError

SCALARS = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
MAPPINGS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), SCALARS),
    lambda children: st.dictionaries(st.sampled_from("abc"), children | SCALARS),
    max_leaves=8,
)


def merged(path):
    return merge_layers(load_layers(path))


@given(MAPPINGS, MAPPINGS)
def test_merging_changes_neither_side(base, over):
    before = copy.deepcopy((base, over))
    merge(base, over)["new"] = 1
    assert (base, over) == before


@given(MAPPINGS, MAPPINGS)
def test_every_plain_value_of_the_upper_side_wins(base, over):
    result = merge(base, over)
    for key, value in over.items():
        if not isinstance(value, dict):
            assert result[key] == value
    assert list(result)[: len(base)] == list(base)


@given(MAPPINGS)
def test_merging_with_itself_or_with_nothing_changes_nothing(values):
    assert merge(values, values) == merge(values, {}) == merge({}, values) == values


def test_a_list_replaces_a_list_and_null_overrides(write):
    write("base.yaml", "a: {x: [1, 2], y: 3, z: 4}\n")
    write("top.yaml", "includes: base.yaml\na:\n  x: [5]\n  y:\n")
    assert merged("top.yaml") == {"a": {"x": [5], "y": None, "z": 4}}


def test_a_list_of_includes_is_read_in_order_and_recursively(write):
    write("0.yaml", "a: 0\nb: 0\nc: 0\nd: 0\n")
    write("1.yaml", "includes: 0.yaml\nb: 1\nc: 1\nd: 1\n")
    write("2.yaml", "c: 2\nd: 2\n")
    write("3.yaml", "includes: [1.yaml, 2.yaml]\nd: 3\n")
    assert merged("3.yaml") == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_one_file_may_be_included_twice_without_being_a_circle(write):
    write("base.yaml", "a: 1\n")
    write("left.yaml", "includes: base.yaml\n")
    write("right.yaml", "includes: base.yaml\nb: 2\n")
    write("top.yaml", "includes: [left.yaml, right.yaml]\n")
    assert merged("top.yaml") == {"a": 1, "b": 2}


def test_a_circle_names_its_chain(write):
    write("a.yaml", "includes: b.yaml\n")
    write("b.yaml", "includes: ./a.yaml\n")
    with pytest.raises(ConfigError, match=r"circle: a\.yaml -> b\.yaml -> \./a\.yaml"):
        load_layers("a.yaml")


def test_a_missing_included_file_names_its_chain_and_the_working_directory(write, tmp_path):
    write("a.yaml", "includes: gone.yaml\n")
    with pytest.raises(ConfigError, match=rf"gone\.yaml does not exist: a\.yaml -> gone\.yaml.*{tmp_path}"):
        load_layers("a.yaml")


def test_includes_of_a_wrong_type_is_refused(write):
    with pytest.raises(
        ConfigError, match=r"a\.yaml: includes: must be a path or a list of paths, got \{'x': 1\}"
    ):
        load_layers(write("a.yaml", "includes: {x: 1}\n"))


def test_the_origin_of_a_key_is_the_last_file_that_sets_it(write):
    write("base.yaml", "s: {x: 1, y: 1}\n")
    write("top.yaml", "includes: base.yaml\ns: {y: 2}\n")
    layers = load_layers("top.yaml")
    assert origin(layers, "s.x") == ("base.yaml", "s.x")
    assert origin(layers, "s.y") == ("top.yaml", "s.y")
    assert origin(layers, "s.z") == ("top.yaml", "s.z")
