"""Small talking clips, for readers of mp4."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

RATE = 16000
WriteMp4 = Callable[..., None]


@pytest.fixture
def write_mp4() -> WriteMp4:
    """`write_mp4(path, picture, seconds, tone)`: a still (H, W, 3) uint8, 25 a second, with a tone in Hz or None."""

    def write(path: Path, picture: np.ndarray, seconds: float = 1.0, tone: float | None = 200.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            video = container.add_stream("libx264", rate=25)
            video.height, video.width = picture.shape[:2]
            video.pix_fmt = "yuv420p"
            sound = container.add_stream("aac", rate=RATE) if tone is not None else None
            for _ in range(round(25 * seconds)):
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            container.mux(video.encode(None))
            if sound is not None:
                wave = 0.4 * np.sin(2 * np.pi * tone * np.arange(round(RATE * seconds)) / RATE)
                block = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
                block.sample_rate = RATE
                container.mux(sound.encode(block))
                container.mux(sound.encode(None))

    return write


@pytest.fixture
def face_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector finds a face in the middle of every picture, a quarter as wide, whatever the picture shows."""

    def landmarks(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        places = np.array([[-1, -1], [1, -1], [0, 0], [-1, 1], [1, 1]]) * min(height, width) / 8
        return (places + np.array([width, height]) / 2).astype(np.float32)

    monkeypatch.setattr("benchmark.media.align.find_landmarks", landmarks)
