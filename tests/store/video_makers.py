"""Videos for tests, good and bad, made with PyAV."""

import struct
from fractions import Fraction

import av
import numpy as np


def write_video(
    path, frames, fps=30, codec="libx264", pix_fmt="yuv420p", pixel=None, options=None, form=None
):
    """Write uint8 frames (n, H, W, 3) as a video; ``options`` are the container's."""
    with av.open(str(path), "w", format=form, options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        if pixel is not None:
            stream.codec_context.sample_aspect_ratio = pixel
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_timed(path, frames, milliseconds):
    """Write frames that start at the given times, in any steps."""
    unit = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=1000, options={"bf": "0"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = unit
        for image, start in zip(frames, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = start, unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def add_sound(container, seconds=0.05):
    stream = container.add_stream("aac", rate=16000)
    for _ in range(max(1, round(seconds * 16000 / 1024))):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def write_sound(path):
    with av.open(str(path), "w") as container:
        add_sound(container)
    return path


def grey(levels, height=48, width=64):
    return np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), height, width, 3))


def noise(count, height=48, width=64):
    """Frames that code to many bytes, so that a share of the file is a share of the frames."""
    return np.random.default_rng(0).integers(0, 255, (count, height, width, 3), dtype=np.uint8)


def quadrant(height=48, width=64):
    """Ten frames that are white at the top left."""
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[:, : height // 2, : width // 2] = 255
    return frame.repeat(10, axis=0)


def rotate(path, matrix):
    """Store a rotation (a, b, c, d) in an MP4, as telephones do."""
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd") + 44  # the matrix in the track header, ISO/IEC 14496-12 section 8.3.2
    a, b, c, d = (entry << 16 for entry in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def cut(path, share):
    """Keep the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def claim_size(path, width, height):
    """Write another size into the header of every JPEG picture of a file (marker SOF0)."""
    content = bytearray(path.read_bytes())
    at = content.find(b"\xff\xc0")
    while at >= 0:
        content[at + 5 : at + 9] = struct.pack(">HH", height, width)
        at = content.find(b"\xff\xc0", at + 2)
    path.write_bytes(content)
    return path


def bad_videos(folder):
    """Write the corpus of unlucky files; return name -> seconds of it, or None where it must be reported."""
    folder.mkdir(parents=True, exist_ok=True)
    good = write_video(folder / "good.mp4", noise(30), 15)
    (folder / "zero_bytes.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("hello")
    cut(write_video(folder / "cut_mkv.mkv", noise(90), 15), 0.5)
    cut(write_video(folder / "cut_avi.avi", noise(90), 15, "mpeg4"), 0.5)
    cut(write_video(folder / "no_moov.mp4", noise(90), 15), 0.9)
    cut(write_video(folder / "broken_tail.flv", noise(90), 15, "flv"), 0.95)
    write_video(folder / "one_frame.mp4", noise(1))
    write_sound(folder / "sound.mp4")
    write_video(folder / "dot.mkv", noise(15, 1, 1), 15, "ffv1", "yuv444p")
    write_video(folder / "odd.mkv", noise(15, 47, 63), 15, "ffv1", "yuv444p")
    claim_size(write_video(folder / "claims_8k.avi", noise(15), 15, "mjpeg", "yuvj420p"), 7680, 4320)
    write_video(folder / "matroska.mp4", noise(15), 15, form="matroska")
    rotate(write_video(folder / "rotated.mp4", quadrant(), 10), (0, 1, -1, 0))
    write_timed(folder / "uneven.mp4", noise(4), [0, 40, 900, 1960])
    (folder / "playlist.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ngood.mp4\n#EXT-X-ENDLIST\n"
    )
    (folder / "concat.mp4").write_text(f"ffconcat version 1.0\nfile {good.name}\n")
    # 85 of 90 frames at 15 a second are 6 seconds, the last of them in part.
    whole = {"good": 2, "broken_tail": 6, "one_frame": 1, "dot": 1, "odd": 1, "matroska": 1, "rotated": 1}
    return {path.stem: whole.get(path.stem) for path in sorted(folder.iterdir())} | {"uneven": 2}
