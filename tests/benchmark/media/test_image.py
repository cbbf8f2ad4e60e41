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


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    """A picture that promises much and holds nothing."""
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
    Image.new("RGB", (19, 17), (255, 255, 255)).convert("L" if mode == "LA" else mode).convert(mode).save(
        tmp_path / "a.tiff"
    )
    np.testing.assert_array_equal(read_image(tmp_path / "a.tiff"), np.full((17, 19, 3), 255, np.uint8))


def test_cmyk_is_converted_without_a_profile(tmp_path):
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    red = read_image(tmp_path / "a.jpg")[8, 8].astype(int)
    assert abs(red - np.array([255, 0, 0])).max() <= 3


def test_under_alpha_the_colour_shows(tmp_path):
    Image.new("RGBA", (16, 16), (10, 20, 30, 0)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == [10, 20, 30]).all()


def test_of_sixteen_bits_the_upper_eight_are_kept(tmp_path):
    levels = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16) + 200
    Image.fromarray(levels).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png")[..., 0], levels >> 8)
    colour = np.stack([levels, levels[::-1], levels.T], axis=2)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colour)
    header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    (tmp_path / "colour.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    np.testing.assert_array_equal(read_image(tmp_path / "colour.png"), colour >> 8)


def test_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    picture = Image.new("RGB", (40, 24), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 40, 8))  # the sensor's upper edge is the right one of the scene
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95)
    upright = read_image(tmp_path / "a.jpg")
    assert upright.shape == (40, 24, 3)
    assert upright[:, -6:].min() > 240
    assert upright[:, :-10].max() < 15


def test_broken_pictures_are_named(tmp_path):
    good = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(good, "PNG")
    files = {
        "cut.png": good.getvalue()[:2000],
        "empty.jpg": b"",
        "text.jpg": b"not a picture",
        "bomb.png": png_header(60000, 60000),
        "large.png": png_header(9000, 9000),
        "hollow.png": png_header(80, 80),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableMedia, match=name):
            read_image(tmp_path / name)
    with pytest.raises(UnreadableMedia, match="9000x9000 pixels; at most"):
        read_image(tmp_path / "large.png")
    with pytest.raises(UnreadableMedia, match=r"absent\.png"):
        read_image(tmp_path / "absent.png")
    Image.fromarray(np.zeros((40, 40), np.float32)).save(tmp_path / "deep.tiff")
    with pytest.raises(UnreadableMedia, match="8 bits a channel"):
        read_image(tmp_path / "deep.tiff")
