import io
import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from torchvision.utils import save_image

from benchmark.errors import BenchmarkError, UnreadableMedia
from benchmark.media.image import FACE128, read_image, to_uint8, write_png


def png_header(width: int, height: int) -> bytes:
    """A picture that promises much and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_batch_of_faces():
    rows = torch.randint(0, 256, (5, 1, 128, 128, 3), dtype=torch.uint8)
    batch = FACE128.batch(rows)
    assert batch.shape == (5, 3, 128, 128)
    assert batch.dtype == torch.float32
    torch.testing.assert_close(batch[2, 1, 7, 9], rows[2, 0, 7, 9, 1] / 127.5 - 1.0)
    assert FACE128.batch(torch.zeros_like(rows)).unique().tolist() == [-1.0]
    assert FACE128.batch(torch.full_like(rows, 255)).unique().tolist() == [1.0]
    np.testing.assert_array_equal(to_uint8(batch), rows[:, 0].numpy())
    with pytest.raises(ValueError, match="one picture a row"):
        FACE128.batch(rows.expand(5, 2, 128, 128, 3))


@given(arrays.arrays(np.float32, (3, 4, 5), elements=st.floats(-1.5, 1.5, width=32)))
@settings(deadline=None)
def test_written_bytes_equal_torchvision(image):
    tensor = torch.from_numpy(image)
    ours, theirs = io.BytesIO(), io.BytesIO()
    Image.fromarray(to_uint8(tensor)).save(ours, "PNG")
    save_image((tensor + 1) / 2, theirs, "PNG")
    np.testing.assert_array_equal(np.array(Image.open(ours)), np.array(Image.open(theirs)))


def test_a_png_reads_as_it_was_written(tmp_path):
    image = torch.rand(3, 20, 30) * 2 - 1
    write_png(tmp_path / "a.png", image)
    back = read_image(tmp_path / "a.png")
    assert back.shape == (20, 30, 3)
    np.testing.assert_array_equal(back, to_uint8(image))
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_picture_that_is_not_finite_is_not_written(tmp_path, value):
    with pytest.raises(BenchmarkError, match=r"a\.png.*NaN or infinite"):
        write_png(tmp_path / "a.png", torch.full((3, 8, 8), value))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_eight_bit_mode_becomes_rgb(tmp_path, mode):
    Image.new(mode, (9, 7)).save(tmp_path / "a.tiff")
    assert read_image(tmp_path / "a.tiff").shape == (7, 9, 3)


def test_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.new("RGB", (9, 7)).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (9, 7, 3)


def test_broken_pictures_are_named(tmp_path):
    good = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(good, "PNG")
    files = {
        "cut.png": good.getvalue()[:2000],
        "empty.jpg": b"",
        "text.jpg": b"not a picture",
        "bomb.png": png_header(60000, 60000),
        "large.png": png_header(9000, 9000),
        "hollow.png": png_header(8, 8),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableMedia, match=name):
            read_image(tmp_path / name)
    with pytest.raises(UnreadableMedia, match="9000x9000 pixels; at most"):
        read_image(tmp_path / "large.png")
    with pytest.raises(UnreadableMedia, match=r"absent\.png"):
        read_image(tmp_path / "absent.png")
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UnreadableMedia, match="8 bits a channel"):
        read_image(tmp_path / "deep.png")
