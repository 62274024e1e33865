"""Frames are scaled as an encoder's spec says."""

import av
import numpy as np
from torch import from_numpy
from torch.nn.functional import interpolate

from mmpt.store.decode import decode_frames


def test_frames_are_scaled_as_asked_and_bicubically_by_default(tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=4)  # lossless
        stream.height, stream.width, stream.pix_fmt = 64, 64, "bgr0"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())

    def error(mode, **how):
        expected = interpolate(
            from_numpy(frame).permute(2, 0, 1)[None].float(), (24, 24), mode=mode, antialias=True
        )
        found = next(decode_frames(tmp_path / "v.mkv", 4, 24, **how))
        return np.abs(found - expected[0].permute(1, 2, 0).clamp(0, 255).numpy()).mean()

    for mode, other in (("bilinear", "bicubic"), ("bicubic", "bilinear")):
        assert error(mode, interpolation=mode) < 0.5 * error(mode, interpolation=other)
    assert error("bicubic") == error("bicubic", interpolation="bicubic")
