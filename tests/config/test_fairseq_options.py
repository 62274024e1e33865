import pytest

from mmpt.config.fairseq_options import GROUPS, OPTIONS, SET_BY_LAUNCHER, TYPES


def test_every_typed_option_is_an_option():
    assert TYPES.keys() <= OPTIONS
    assert not SET_BY_LAUNCHER & OPTIONS


@pytest.mark.fairseq
def test_the_options_are_those_of_the_installed_fairseq():
    options = pytest.importorskip("fairseq.options")
    configs = pytest.importorskip("fairseq.dataclass.configs")
    parser = options.get_training_parser()
    names = {
        text.removeprefix("--").replace("-", "_")
        for action in parser._actions
        for text in action.option_strings
        if text.startswith("--")
    }
    assert names - {"help"} - SET_BY_LAUNCHER <= OPTIONS
    assert set(GROUPS) <= configs.FairseqConfig.__dataclass_fields__.keys()
