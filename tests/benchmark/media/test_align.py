import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media import align
from benchmark.media.align import align_faces, crop, find_landmarks, oriented_square
from benchmark.media.image import read_image
from benchmark.media.video import read_clip

DATA = Path(__file__).parents[4] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")
FACE = np.array([[40, 50], [60, 50], [50, 60], [42, 70], [58, 70]], np.float32)


def square(x: float, y: float, half: float, angle: float = 0.0) -> np.ndarray:
    """Corners top left, bottom left, bottom right, top right, turned by `angle` (clockwise on the screen)."""
    unit = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * half
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return unit @ turn + [x, y]


def test_the_square_of_an_upright_face_by_hand():
    # eyes 20 apart, mouth 20 below: side max(80, 72); centre a tenth of the way down from (50, 50)
    np.testing.assert_allclose(oriented_square(FACE), [[10, 12], [10, 92], [90, 92], [90, 12]])
    long = FACE + np.array([[0, 0], [0, 0], [0, 0], [0, 10], [0, 10]])  # mouth 30 below: side 108
    np.testing.assert_allclose(oriented_square(long), [[-4, -1], [-4, 107], [104, 107], [104, -1]])


@given(st.floats(-3, 3), st.floats(0.2, 9), st.floats(-50, 50), st.floats(-50, 50))
def test_the_square_moves_turns_and_grows_with_the_face(angle, scale, x, y):
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = FACE.astype(np.float64) @ turn + [x, y]
    np.testing.assert_allclose(oriented_square(moved), oriented_square(FACE) @ turn + [x, y], atol=1e-9)


@given(st.floats(90, 110), st.floats(90, 110), st.floats(20, 60), st.floats(-3, 3))
@settings(deadline=None)
def test_a_crop_samples_the_right_places(x, y, half, angle):
    across, down = np.meshgrid(np.arange(200) + 0.5, np.arange(200) + 0.5)
    ramps = np.stack([across, down, np.full_like(down, 77)], -1).astype(np.uint8)  # floors: half a level low
    got = crop(ramps, square(x, y, half, angle)).astype(float)
    step = (np.arange(128) + 0.5) / 64 - 1
    right = np.array([np.cos(angle), np.sin(angle)]) * half
    below = np.array([-np.sin(angle), np.cos(angle)]) * half
    where = np.array([x, y]) + step[None, :, None] * right + step[:, None, None] * below
    np.testing.assert_allclose(got[..., :2], where - 0.5, atol=1.5)
    assert (got[..., 2] == 77).all()


def test_large_faces_are_averaged_not_picked():
    noise = np.random.default_rng(0).integers(0, 256, (2048, 2048, 3), dtype=np.uint8)
    assert crop(noise, square(1024, 1024, 1000)).std() < 12  # 74 before; a plain bilinear sample keeps most of it


def test_beyond_the_border_the_picture_is_mirrored():
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    wide = np.pad(image, ((100, 100), (100, 100), (0, 0)), "reflect")
    for corner in ((5, 5), (70, 50), (40, 30)):
        outside = crop(image, square(*corner, 64, 0.3))
        np.testing.assert_array_equal(outside, crop(wide, square(corner[0] + 100, corner[1] + 100, 64, 0.3)))


def test_a_picture_without_a_face_takes_the_nearest_face(monkeypatch):
    images = np.stack([np.full((100, 100, 3), 10 * i, np.uint8) for i in range(6)])
    monkeypatch.setattr(align, "find_landmarks", lambda image: FACE if image[0, 0, 0] in (10, 40) else None)
    assert align_faces(images).mean(axis=(1, 2, 3)).tolist() == [10, 10, 10, 40, 40, 40]


def test_no_face_at_all(monkeypatch):
    monkeypatch.setattr(align, "find_landmarks", lambda image: None)
    with pytest.raises(UnreadableMedia, match="no face found in any of 3"):
        align_faces(np.zeros((3, 50, 50, 3), np.uint8))


def test_without_the_detector_the_error_says_how_to_get_it(monkeypatch):
    align._detector.cache_clear()
    monkeypatch.setitem(sys.modules, "facenet_pytorch", None)
    with pytest.raises(BenchmarkError, match=r"facenet-pytorch, which is not installed.*uv sync --group video"):
        find_landmarks(np.zeros((60, 60, 3), np.uint8))


@pytest.mark.parametrize("shape", [(60, 60, 3), (20, 20, 3), (288, 360, 3)])
def test_no_face_in_grey_and_noise(shape):
    assert find_landmarks(np.full(shape, 128, np.uint8)) is None
    assert find_landmarks(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)) is None


def places(image: np.ndarray) -> np.ndarray:
    """Landmarks of an aligned face, (5, 2), as shares of its side."""
    found = find_landmarks(np.asarray(Image.fromarray(image).resize((256, 256))))
    assert found is not None
    return found / 256


@pytest.mark.real
@real
def test_grid_faces_lie_where_celeba_hq_has_them():
    published = np.mean([places(read_image(p)) for p in sorted((DATA / "celeba_hq" / "val").rglob("*.jpg"))[::2]], 0)
    clips = [DATA / "grid" / c for c in ("s1/bbaf2n.mpg", "s2/swwp2s.mpg", "s31/bgix9s.mpg")]
    for clip in clips:
        faces = align_faces(read_clip(clip, 2).frames)
        assert faces.shape == (2, 128, 128, 3)
        for face in faces:
            assert np.abs(places(face) - published)[[0, 1, 3, 4]].max() < 5 / 128
