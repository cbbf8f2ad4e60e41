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
from benchmark.media.image import MAX_PIXELS


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
        UnreadableMedia: missing, empty, corrupt, without pictures, or larger than an image may be.
    """
    with _open(path) as container:
        # Packets are counted first, because headers of MPEG-1 clips promise no frame count; that decodes nothing.
        total = sum(packet.size > 0 for packet in container.demux(container.streams.video[0]))
    with _open(path) as container:
        keep = set(wanted(total, frames))
        pictures: list[np.ndarray] = []
        sounds: list[np.ndarray] = []
        seen, rate = 0, 0
        # Planar float of the same channels, averaged here: the resampler's own downmix is not the mean.
        planar = av.AudioResampler(format="fltp")
        for frame in container.decode(*container.streams.video[:1], *container.streams.audio[:1]):
            if isinstance(frame, av.VideoFrame):
                if seen in keep:
                    pictures.append(frame.to_ndarray(format="rgb24"))
                seen += 1
            elif isinstance(frame, av.AudioFrame):
                rate = frame.sample_rate
                sounds.extend(part.to_ndarray().mean(axis=0) for part in planar.resample(frame))
    if not pictures:
        raise UnreadableMedia(f"{path}: none of its {total} video packets decodes to a picture.")
    wave = np.concatenate(sounds).astype(np.float32) if sounds else None
    return Clip(np.stack(pictures), wave, rate)


@contextmanager
def _open(path: Path) -> Iterator[InputContainer]:
    """An open container with a video stream; whatever FFmpeg complains of inside names the file."""
    if not path.is_file():
        raise UnreadableMedia(f"{path}: there is no such clip.")
    if path.stat().st_size == 0:
        raise UnreadableMedia(f"{path}: the file is empty.")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UnreadableMedia(f"{path}: has no video stream.")
            video = container.streams.video[0]
            if not 0 < video.width * video.height <= MAX_PIXELS:
                raise UnreadableMedia(f"{path}: pictures of {video.width}x{video.height}; at most {MAX_PIXELS} pixels.")
            video.codec_context.thread_count = 1  # worker processes are the parallelism
            yield container
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableMedia(f"{path}: not a readable clip ({error}).") from error
