"""Avatars: the same picture always gives the same drawing, of few colours and dark lines, in which people stay who they
are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.corpora.pocket.face import draw_view, render
from benchmark.corpora.pocket.identity import make_identity
from benchmark.media.avatar import EYES, INK, avatar, contours, enlarged_eyes, kuwahara, quantised
from benchmark.media.image import FACE128
from benchmark.upstream.face_judge.load import face_judge, judged_size

PEOPLE = 16


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """(PEOPLE, 2, 128, 128, 3) uint8: two views of each, everybody of one gender."""
    people = [make_identity("pocket_faces", 2 * number, 5) for number in range(PEOPLE)]
    assert len({person.gender for person in people}) == 1
    rng = np.random.default_rng(5)
    return np.stack([[render(person, draw_view(rng)) for _ in range(2)] for person in people])


@pytest.fixture(scope="module")
def drawn(faces: np.ndarray) -> np.ndarray:
    return np.stack([[avatar(face) for face in person] for person in faces])


def test_the_same_picture_gives_the_same_avatar_and_stays_as_it_was(faces: np.ndarray, drawn: np.ndarray) -> None:
    before = faces.copy()
    assert np.array_equal(avatar(faces[3, 1]), drawn[3, 1])
    assert np.array_equal(faces, before)
    assert drawn.dtype == np.uint8
    assert drawn.shape == faces.shape


def test_colours_are_few(faces: np.ndarray, drawn: np.ndarray) -> None:
    for before, after in zip(faces[:, 0], drawn[:, 0], strict=True):
        many, few = (len(np.unique(picture.reshape(-1, 3), axis=0)) for picture in (before, after))
        assert few < many / 10
        assert few < 300


def test_lines_are_dark_and_lie_on_edges_alone(faces: np.ndarray, drawn: np.ndarray) -> None:
    halves = np.full((128, 128), 90.0, np.float32)
    halves[:, 64:] = 200.0
    line = contours(halves)
    assert line[:, 62:64].all()
    assert not line[:, 64:].any()
    assert not line[:, :58].any()
    for face, picture in zip(faces[:, 0], drawn[:, 0], strict=True):
        line = contours(enlarged_eyes(face.astype(np.float32)) @ np.array([0.299, 0.587, 0.114], np.float32))
        assert 0.002 < (line == 1.0).mean() < 0.3
        assert picture[line == 1.0].max() <= round(255 * (1.0 - INK))
        assert picture[line == 1.0].mean() < 0.5 * picture[line == 0.0].mean()


def test_people_stay_who_they_are(faces: np.ndarray, drawn: np.ndarray) -> None:
    """The face judge, which knows no avatar, finds the person of an avatar among plain faces of one gender, in another
    view; and avatars of two people differ by more than two avatars of one."""
    plain, avatars = (_embedded(pictures[:, view]) for pictures, view in ((faces, 0), (drawn, 1)))
    cosine = avatars @ plain.T
    own, others = np.diag(cosine), cosine[~np.eye(PEOPLE, dtype=bool)]
    assert own.mean() > others.mean() + 0.2
    assert (cosine.argmax(1) == np.arange(PEOPLE)).sum() >= PEOPLE // 2
    among = avatars @ _embedded(drawn[:, 0]).T
    assert np.diag(among).mean() > among[~np.eye(PEOPLE, dtype=bool)].mean() + 0.2


def _embedded(pictures: np.ndarray) -> np.ndarray:
    """(B, 128, 128, 3) uint8 -> (B, 64), each of length 1."""
    with torch.no_grad():
        found = face_judge()(judged_size(FACE128.batch(torch.from_numpy(pictures)[:, None]))).identity
    rows: np.ndarray = found.numpy()
    return rows


def test_eyes_grow_and_what_is_far_stays() -> None:
    y, x = np.mgrid[:128, :128]
    face = np.full((128, 128, 3), 200.0, np.float32)
    for eye_x, eye_y in EYES:
        face[(x - eye_x) ** 2 + (y - eye_y) ** 2 <= 16] = 20.0
    face[100:] = np.random.default_rng(0).uniform(0, 255, (28, 128, 3))
    larger = enlarged_eyes(face)
    assert (larger[:90] < 110).sum() > 1.5 * (face[:90] < 110).sum()
    assert np.abs(larger[100:] - face[100:]).max() < 2.0


def test_smoothing_keeps_an_edge_and_takes_the_grain() -> None:
    face = np.full((128, 128, 3), 60.0, np.float32)
    face[:, 64:] = 180.0
    assert np.array_equal(kuwahara(face), face)
    grain = np.random.default_rng(0).normal(0, 6, face.shape).astype(np.float32)
    smooth = kuwahara(face + grain) - face
    assert smooth.std() < 0.7 * grain.std()


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4, 32]))
@settings(max_examples=10, deadline=None)
def test_nothing_leaves_the_range(seed: int, block: int) -> None:
    small = np.random.default_rng(seed).choice([0.0, 90.0, 255.0], (128 // block, 128 // block, 3)).astype(np.float32)
    colours = quantised(small)
    assert colours.min() >= 0.0
    assert colours.max() <= 255.0
    picture = avatar(small.astype(np.uint8).repeat(block, 0).repeat(block, 1))
    assert picture.shape == (128, 128, 3)


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_stay(value: int) -> None:
    assert (avatar(np.full((128, 128, 3), value, np.uint8)) == value).all()


@pytest.mark.parametrize(
    "face", [np.zeros((64, 64, 3), np.uint8), np.zeros((128, 128, 3), np.float32), np.zeros((128, 128), np.uint8)]
)
def test_other_pictures_are_refused(face: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8 face, got"):
        avatar(face)
