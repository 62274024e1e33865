"""Encoders: from raw frames to one vector per second of video.

::

    encoder = build_encoder("s3d", "pretrained_models/s3d_howto100m.pth", device="cuda")
    vectors = encode(encoder, frames)      # uint8 (B, T, H, W, 3) -> (B, encoder.spec.dim)

Your own encoder: see :mod:`mmpt.encoders.registry`.
"""

from mmpt.encoders.registry import EncoderChoice, build_encoder, encoder_names, register
from mmpt.store.encoder import EncoderSpec, VideoEncoder, encode
from mmpt.utils.plugins import load_plugin

__all__ = [
    "EncoderChoice",
    "EncoderSpec",
    "VideoEncoder",
    "build_encoder",
    "encode",
    "encoder_names",
    "load_plugin",
    "register",
]
