"""An objective eye: a detector trained on photographs takes our pictures for faces, eyes where we put them."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.corpora.pocket.face import View, draw_view, render
from benchmark.corpora.pocket.identity import make_identity, rng

facenet_pytorch = pytest.importorskip("facenet_pytorch", reason="facenet-pytorch (uv group video) is not installed")


@pytest.fixture(scope="module")
def detect():
    """Picture -> (probability, landmarks (5, 2) in pixels) of its first face, or None."""
    network = facenet_pytorch.MTCNN(device="cpu")

    def first(picture: np.ndarray) -> tuple[float, np.ndarray] | None:
        boxes, probabilities, points = network.detect(picture, landmarks=True)
        return None if boxes is None else (float(probabilities[0]), np.asarray(points[0], np.float64))

    return first


def test_photograph_detector_finds_faces(detect) -> None:
    people = [make_identity("mtcnn", number, 0) for number in range(40)]
    found = [detect(render(person, draw_view(rng("seen", person.name)))) for person in people]
    sure = [face for face in found if face is not None and face[0] > 0.95]
    assert len(sure) >= 36
    assert all(points.shape == (5, 2) and np.isfinite(points).all() for _, points in sure)


def test_eyes_and_mouth_lie_where_an_aligned_picture_has_them(detect) -> None:
    pictures = [render(make_identity("align", n, 0), View(yaw=yaw)) for n in range(8) for yaw in (-0.3, 0.0, 0.3)]
    points = np.array([face[1] for face in map(detect, pictures) if face is not None])
    assert len(points) >= 22
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    assert np.abs(eyes.mean(0) - (64.0, 60.0)).max() < 3.0
    assert eyes.std(0).max() < 4.0
    assert 0.68 < mouth.mean(0)[1] / 128.0 < 0.80
