"""Choosing the device to compute on."""

import pytest
import torch

from mmpt.errors import ConfigError
from mmpt.utils.device import pick_device


def test_devices_are_checked():
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(ConfigError, match="'gpu7' is no device"):
        pick_device("gpu7")
    with pytest.raises(ConfigError, match="'cuda:99' is not available"):
        pick_device("cuda:99")
