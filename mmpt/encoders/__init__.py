"""Encoders: from raw frames to one vector per second of video."""
