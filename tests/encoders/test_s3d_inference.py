"""S3D for inference: the same numbers as the module, faster; and independent of batch and threads."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from mmpt.encoders import build_encoder, s3d_cpu
from mmpt.encoders.clip_threads import map_clips
from mmpt.encoders.s3d import S3D
from mmpt.encoders.s3d_cpu import ClipS3D
from mmpt.encoders.s3d_encoder import BatchS3D, S3DEncoder
from mmpt.encoders.s3d_folding import fold_batchnorm
from mmpt.encoders.slicepool import halve, max3
from mmpt.errors import ConfigError
from mmpt.store.encoder import EncoderSpec


@pytest.fixture(scope="module")
def network():
    """A narrow S3D whose every BatchNorm does something, with vectors that depend on the clip."""
    torch.manual_seed(0)
    network = S3D(width=0.15, num_classes=64, text_module=False).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
        elif isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight)
    return network


def clips(count, seconds_frames=6, height=48, width=48, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, seconds_frames, height, width, 3), dtype=torch.uint8, generator=draw)


@torch.no_grad()
def plain(network, frames):
    return network(frames.permute(0, 4, 1, 2, 3).float() / 255)


def relative(found, expected):
    return ((found - expected).norm() / expected.norm()).item()


def test_folding_removes_every_batchnorm_and_changes_nothing_but_rounding(network):
    folded = fold_batchnorm(network)
    assert not any(isinstance(module, nn.BatchNorm3d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm3d) for module in network.modules())
    frames = clips(2)
    for name, expected in plain(network, frames).items():
        torch.testing.assert_close(plain(folded, frames)[name], expected, rtol=1e-4, atol=1e-5)


# Odd numbers of rows, columns and frames arise behind the stem: sizes 2..50 give all cases of the pools.
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 25), st.integers(1, 25))
def test_clip_by_clip_equals_the_module_at_every_even_size(network, t, h, w):
    frames = clips(1, 2 * t, 2 * h, 2 * w)
    for name, expected in plain(network, frames).items():
        found = ClipS3D(network)(frames)[name]
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", [ClipS3D, BatchS3D])
def test_both_forms_equal_the_module_and_bfloat16_is_within_a_hundredth(network, form):
    frames = clips(3)
    for name, expected in plain(network, frames).items():
        assert relative(form(network)(frames)[name], expected) < 1e-5
        error = relative(form(network, torch.bfloat16)(frames)[name].float(), expected)
        assert 0 < error < 1e-2


def test_a_processor_without_bfloat16_computes_the_same(network, monkeypatch):
    frames = clips(2)
    expected = ClipS3D(network, torch.bfloat16)(frames)["video_embedding"]
    monkeypatch.setattr(s3d_cpu, "_is_in_mkldnn", lambda dtype: False)
    assert relative(ClipS3D(network, torch.bfloat16)(frames)["video_embedding"].float(), expected) < 1e-2


def test_a_vector_does_not_depend_on_its_batch_or_on_the_number_of_threads(network):
    frames, before = clips(5), torch.get_num_threads()
    encoder = ClipS3D(network)
    found = {}
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found[threads] = encoder(frames)["video_embedding"]
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    alone = torch.cat([encoder(clip[None])["video_embedding"] for clip in frames])
    for vectors in (*found.values(), alone):
        assert torch.equal(vectors, found[1])


def test_clips_are_mapped_in_order_and_an_error_reaches_the_caller():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert map_clips(lambda clip: clip * 2, torch.arange(7)).tolist() == [0, 2, 4, 6, 8, 10, 12]
        threads = map_clips(lambda _: torch.tensor(torch.get_num_threads()), torch.arange(6))
        assert threads.tolist() == [1] * 6
        with pytest.raises(ZeroDivisionError):
            map_clips(lambda clip: torch.tensor(1 / (clip.item() - 4)), torch.arange(7))
    finally:
        torch.set_num_threads(before)


@given(st.lists(st.integers(1, 6), min_size=3, max_size=3), st.integers(0, 2))
def test_pools_of_slices_are_max_pools(shape, axis):
    x = torch.randperm(shape[0] * shape[1] * shape[2]).reshape(shape).float()
    size = [1, 1, 1]
    size[axis] = 3
    padding = [side // 2 for side in size]
    assert torch.equal(max3(x, axis), functional.max_pool3d(x[None], size, 1, padding)[0])
    for kernel in (2, 3):
        size[axis] = kernel
        rest = [0, 0, 0, 0, 0, 0]
        rest[2 * (2 - axis) + 1] = kernel - 2  # zeros behind, as the module's pools pad
        stride = [2 if side > 1 else 1 for side in size]
        expected = functional.max_pool3d(functional.pad(x[None], rest), size, stride, ceil_mode=True)[0]
        assert torch.equal(halve(x, axis, kernel), expected)


def test_what_is_no_clip_is_refused(network):
    encoder = S3DEncoder(ClipS3D(network), EncoderSpec(name="s3d", dim=64, fps=6, size=48))
    with pytest.raises(ConfigError, match=r"bytes \(uint8\) in 0..255; this tensor holds torch.float32"):
        encoder(clips(1).float())
    with pytest.raises(ConfigError, match=r"must be even and not 0.*\(1, 3, 5, 48, 48\)"):
        encoder(clips(1, 5))
    with pytest.raises(ConfigError, match=r"shape \(B, 3, T, H, W\).*\(1, 4, 6, 48, 48\)"):
        encoder(torch.zeros(1, 6, 48, 48, 4).byte())


@pytest.mark.parametrize(("size", "form"), [(64, BatchS3D), (512, ClipS3D)])
def test_small_networks_on_small_clips_compute_in_batches(network, tmp_path, size, form):
    torch.save(S3D(width=0.25, text_module=False).state_dict(), tmp_path / "s3d.pth")
    encoder = build_encoder("s3d", str(tmp_path / "s3d.pth"), width=0.25, fps=10, size=size)
    assert isinstance(encoder.network, form)
    assert encoder.spec.clipwise == (form is ClipS3D)


def test_compilation_is_used_when_asked_and_only_then(network, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    BatchS3D(network)
    assert compiled == []
    assert BatchS3D(network, compiled=True)(clips(1))["video_embedding"].shape == (1, 64)
    assert len(compiled) == 1
