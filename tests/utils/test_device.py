"""Choosing the device to compute on."""

import pytest
import torch

from mmpt.errors import ConfigError
from mmpt.utils.device import pick_device


def test_devices_are_checked():
    assert pick_device("cpu") == torch.device("cpu")
    for name in ("gpu7", "meta"):
        with pytest.raises(ConfigError, match=f"'{name}' is no device to compute on; give cpu, cuda"):
            pick_device(name)
    with pytest.raises(ConfigError, match="'cuda:99' is not available"):
        pick_device("cuda:99")
