"""Sequences of BERT with video: places, masks, padding removal, and clear errors."""

import json

import pytest
import torch

from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.modules.bert import load_bert
from mmpt.modules.mmbert import TokenSequence, plain_sequence, run_bert, text_sequence, video_sequence


@pytest.fixture(scope="module")
def bert(tiny_bert):
    return load_bert(str(tiny_bert)).eval()


def test_video_takes_the_first_positions_and_text_starts_after_the_longest_video(bert):
    ids = torch.tensor([[2, 3, 10, 11, 3]])
    video = torch.randn(1, 2, 48)
    sequence = video_sequence(bert, ids, video, torch.ones(1, 7).bool(), max_video_len=8)
    # [CLS] v1 v2 then [SEP] at 8 + 1, and the text after it.
    assert sequence.position_ids.tolist() == [0, 1, 2, 9, 10, 11, 12]
    assert sequence.token_type_ids.tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_text_alone_keeps_the_places_it_has_beside_a_video(bert):
    sequence = text_sequence(bert, torch.tensor([[2, 10, 11, 3]]), torch.ones(1, 4).bool(), max_video_len=8)
    assert sequence.position_ids.tolist() == [0, 10, 11, 12]
    assert sequence.token_type_ids.tolist() == [0, 1, 1, 1]


def test_plain_text_gives_what_bert_gives_by_itself(bert):
    ids = torch.tensor([[2, 10, 11, 3, 0], [2, 12, 3, 0, 0]])
    mask = ids != 0
    expected = bert(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    torch.testing.assert_close(run_bert(bert, plain_sequence(bert, ids, mask))[mask], expected[mask])


def test_a_layer_can_be_read_before_the_last(bert):
    ids = torch.tensor([[2, 10, 11, 3]])
    expected = bert(input_ids=ids, output_hidden_states=True).hidden_states
    sequence = plain_sequence(bert, ids, ids != 0)
    for layer in (1, 2, 3):
        torch.testing.assert_close(run_bert(bert, sequence, layer=layer), expected[layer])


def test_a_sequence_that_is_hidden_altogether_behaves_as_one_that_is_seen(bert):
    ids = torch.tensor([[2, 10, 11, 3]])
    seen = plain_sequence(bert, ids, torch.ones(1, 4).bool())
    hidden = TokenSequence(seen.embeds, seen.position_ids, seen.token_type_ids, torch.zeros(1, 4).bool())
    torch.testing.assert_close(run_bert(bert, hidden), run_bert(bert, seen), atol=1e-3, rtol=1e-3)


def test_a_token_outside_the_vocabulary_names_the_vocabulary(bert):
    ids = torch.tensor([[2, 500, 3]])
    with pytest.raises(DataError, match="token id is 500 and the model's vocabulary has 159 words"):
        plain_sequence(bert, ids, ids != 0)


def test_the_first_layers_of_bert_can_be_taken_alone(tiny_bert, bert):
    short = load_bert(str(tiny_bert), num_hidden_layers=2)
    assert len(short.encoder.layer) == 2
    weight = "encoder.layer.1.output.dense.weight"
    assert torch.equal(short.get_parameter(weight), bert.get_parameter(weight))
    with pytest.raises(ConfigError, match=r"num_hidden_video_layers is 4; .* has 3 layers"):
        load_bert(str(tiny_bert), num_hidden_layers=4)


def test_a_folder_without_weights_is_refused_unless_a_checkpoint_comes_next(tiny_bert, tmp_path):
    (tmp_path / "config.json").write_text((tiny_bert / "config.json").read_text())
    with pytest.raises(CheckpointError, match="has no usable weights"):
        load_bert(str(tmp_path))
    assert len(load_bert(str(tmp_path), pretrained=False).encoder.layer) == 3


def test_a_truncated_weight_file_is_named(tiny_bert, tmp_path):
    (tmp_path / "config.json").write_text((tiny_bert / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((tiny_bert / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        load_bert(str(tmp_path))


def test_a_model_that_is_no_bert_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(ConfigError, match="is a 'roberta' model; only 'bert'"):
        load_bert(str(tmp_path))


def test_an_unknown_name_says_what_to_give():
    with pytest.raises(ConfigError, match="is no folder and no reachable hub name"):
        load_bert("no-such-bert")


def test_masks_of_zeros_and_ones_work_as_boolean_ones(bert):
    ids = torch.tensor([[2, 10, 11, 3, 0]])
    expected = run_bert(bert, plain_sequence(bert, ids, ids != 0))
    assert torch.equal(run_bert(bert, plain_sequence(bert, ids, (ids != 0).long())), expected)


@pytest.mark.parametrize(("size", "why"), [(33, "describes no BERT .*33"), ("x", "holds a wrong value")])
def test_a_config_with_wrong_values_is_named(tiny_bert, tmp_path, size, why):
    values = json.loads((tiny_bert / "config.json").read_text()) | {"hidden_size": size}
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match=f"config.json of dataset.bert_name '.*' {why}"):
        load_bert(str(tmp_path), pretrained=False)
