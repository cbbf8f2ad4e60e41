"""Clips: a few evenly spaced frames and the whole sound track, through PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from benchmark.errors import UnreadableMedia
from benchmark.media.audio import MAX_SECONDS
from benchmark.media.image import MAX_PIXELS

MAX_FRAMES = 120_000
"""Half an hour, `MAX_SECONDS` of sound, at 60 pictures a second and a little more."""

MAX_BYTES = 4 << 30
"""Of a clip's file; an hour of television takes less. Longer recordings are cut into utterances first."""

_OPTIONS = {
    # Play lists and scripts (hls, dash, concat, sdp) make FFmpeg open other files and addresses: none of them here.
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,ogg,asf,m4v",
    "protocol_whitelist": "file",
}


@dataclass(frozen=True)
class Clip:
    """`frames`: (F, H, W, 3) uint8 RGB in time order. `wave`: (N,) float32 mono at `rate` Hz; None and 0 if mute."""

    frames: np.ndarray
    wave: np.ndarray | None
    rate: int


def wanted(available: int, count: int) -> list[int]:
    """Which of `available` frames to keep: the middles of `count` equal parts; all of them when there are fewer."""
    count = min(count, available)
    return [(2 * i + 1) * available // (2 * count) for i in range(count)]


def read_clip(path: Path, frames: int = 4) -> Clip:
    """Decode `frames` evenly spaced pictures of a clip (fewer where it has fewer) and the channel mean of its sound.

    Raises:
        UnreadableMedia: missing, empty, corrupt, without pictures; longer than `MAX_SECONDS` or `MAX_FRAMES`, larger
            than `MAX_BYTES`, or than an image may be.
    """
    with _open(path) as container:
        # Packets are counted first, because headers of MPEG-1 clips promise no frame count; that decodes nothing.
        total = 0
        for packet in container.demux(container.streams.video[0]):
            total += packet.size > 0
            if total > MAX_FRAMES:
                raise UnreadableMedia(f"{path}: more than {MAX_FRAMES} pictures. Cut it into utterances.")
    with _open(path) as container:
        keep = set(wanted(total, frames))
        pictures: list[np.ndarray] = []
        sounds: list[np.ndarray] = []
        seen, rate, heard = 0, 0, 0.0
        # Planar float of the same channels, averaged here: the resampler's own downmix is not the mean.
        planar = av.AudioResampler(format="fltp")
        for frame in container.decode(*container.streams.video[:1], *container.streams.audio[:1]):
            if isinstance(frame, av.VideoFrame):
                if seen in keep:
                    pictures.append(frame.to_ndarray(format="rgb24"))
                seen += 1
            elif isinstance(frame, av.AudioFrame):
                rate = frame.sample_rate
                heard += frame.samples / rate
                if heard > MAX_SECONDS:
                    raise UnreadableMedia(f"{path}: {_too_long(heard)}")
                sounds.extend(part.to_ndarray().mean(axis=0) for part in planar.resample(frame))
    if not pictures:
        raise UnreadableMedia(f"{path}: none of its {total} video packets decodes to a picture.")
    wave = np.concatenate(sounds).astype(np.float32) if sounds else None
    return Clip(np.stack(pictures), wave, rate)


def _too_long(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes; at most {MAX_SECONDS / 60:.0f} are read. Cut it into utterances."


@contextmanager
def _open(path: Path) -> Iterator[InputContainer]:
    """An open container with a video stream; whatever FFmpeg complains of inside names the file."""
    if not path.is_file():
        raise UnreadableMedia(f"{path}: there is no such clip.")
    if path.stat().st_size == 0:
        raise UnreadableMedia(f"{path}: the file is empty.")
    if path.stat().st_size > MAX_BYTES:
        raise UnreadableMedia(f"{path}: a file of {path.stat().st_size} bytes; at most {MAX_BYTES} are read.")
    try:
        with av.open(str(path), options=_OPTIONS) as container:
            if not container.streams.video:
                raise UnreadableMedia(f"{path}: has no video stream.")
            video = container.streams.video[0]
            if not 0 < video.width * video.height <= MAX_PIXELS:
                raise UnreadableMedia(f"{path}: pictures of {video.width}x{video.height}; at most {MAX_PIXELS} pixels.")
            if (container.duration or 0) > MAX_SECONDS * av.time_base:
                raise UnreadableMedia(f"{path}: by its header {_too_long((container.duration or 0) / av.time_base)}")
            video.codec_context.thread_count = 1  # worker processes are the parallelism
            video.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # a later picture may be larger
            yield container
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableMedia(f"{path}: not a readable clip ({error}).") from error
