"""Pictures and clips that nobody meant well: refused by name and reason, before they cost anything."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmark.errors import UnreadableMedia
from benchmark.media import video
from benchmark.media.image import read_image
from benchmark.media.video import read_clip

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def flat_png(path: Path, width: int, height: int) -> None:
    """A whole, valid, black picture of one bit a pixel: 30,000 x 30,000 of it take some 100 KB."""
    packer, packed = zlib.compressobj(9), []
    line = bytes(1 + (width + 7) // 8)
    for _ in range(height):
        packed.append(packer.compress(line))
    data = b"".join([*packed, packer.flush()])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [
        *((30_000, 30_000, "exceeds limit|at most 50000000 are read"), (12_000, 12_000, "at most 50000000 are read")),
        *((30_000, 1, "30000x1 pixels; sides of 16 to 20000"), (30_000, 20, "30000x20 pixels; sides of 16 to 20000")),
        *((1, 1, "1x1 pixels; sides of 16 to 20000"), (15, 300, "15x300 pixels; sides")),
    ],
)
def test_absurd_sizes_are_refused_by_the_header(tmp_path: Path, width: int, height: int, said: str) -> None:
    flat_png(tmp_path / "a.png", width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow's own warning of bombs must neither show nor decide
        before, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
        with pytest.raises(UnreadableMedia, match=said) as caught:
            read_image(tmp_path / "a.png")
        assert warnings.filters == before
        assert limit == Image.MAX_IMAGE_PIXELS
    assert str(tmp_path / "a.png") in str(caught.value)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (20_000, 16), (5000, 5000)])
def test_sizes_within_the_limits_are_read(tmp_path: Path, width: int, height: int) -> None:
    flat_png(tmp_path / "a.png", width, height)
    assert read_image(tmp_path / "a.png").shape == (height, width, 3)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_cut_off_jpeg_is_not_filled_with_grey(tmp_path: Path, share: float) -> None:
    PHOTO.save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableMedia, match=r"a\.jpg: not a readable picture"):
        read_image(tmp_path / "a.jpg")


def test_content_decides_whatever_the_name_says(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.asarray(PHOTO))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_several_pictures_are_not_taken_for_one(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"a.{form.lower()}"
    PHOTO.save(path, form, save_all=True, append_images=[PHOTO.rotate(90), PHOTO.rotate(180)])
    with pytest.raises(UnreadableMedia, match=r"holds several pictures"):
        read_image(path)
    PHOTO.convert("P").save(tmp_path / "still.gif")
    assert read_image(tmp_path / "still.gif").shape == (40, 48, 3)


def test_of_a_phones_picture_the_first_is_read(tmp_path: Path) -> None:
    PHOTO.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[PHOTO.resize((20, 20))], quality=100)
    assert read_image(tmp_path / "a.jpg").shape == (40, 48, 3)


def test_no_program_is_started_for_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow gives PostScript to Ghostscript, whatever the file is called."""

    def started(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    PHOTO.save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as opened:
        assert opened.format == "EPS"
    monkeypatch.setattr(subprocess, "check_call", started)
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(UnreadableMedia, match="cannot identify image file"):
        read_image(tmp_path / "a.png")


def test_a_file_too_large_to_be_a_picture_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnreadableMedia, match="1099511627776 bytes; at most"):
        read_image(tmp_path / "a.png")


def test_a_pipe_is_no_picture_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UnreadableMedia, match="there is no such picture"):
        read_image(tmp_path / "a.png")
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(UnreadableMedia, match="there is no such clip"):
        read_clip(tmp_path / "a.mp4")


def _encoded(form: str) -> bytes:
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    PHOTO.save(data, form, **({"exif": exif} if form in ("JPEG", "PNG", "WEBP", "TIFF") else {}))
    return data.getvalue()


ENCODED = {form: _encoded(form) for form in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")}


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of tags it skips
@settings(max_examples=200, deadline=None)
@given(
    form=st.sampled_from(sorted(ENCODED)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    early=st.booleans(),
)
def test_whatever_is_damaged_a_picture_or_one_error_comes_out(
    tmp_path_factory: pytest.TempPathFactory, form: str, changes: list[tuple[float, int]], early: bool
) -> None:
    data = bytearray(ENCODED[form])
    for where, value in changes:
        data[int(where * (min(len(data), 200) if early else len(data)))] = value
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(data)
    try:
        image = read_image(path)
    except UnreadableMedia:
        return
    assert image.dtype == np.uint8
    assert image.shape[2] == 3


def clip(path: Path, seconds: float = 1.0, size: tuple[int, int] = (64, 48), form: str | None = None) -> Path:
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for k in range(round(25 * seconds)):
            picture = np.full((size[1], size[0], 3), 40 + k % 200, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.avi", "a.mkv", "a.ts"])
def test_ordinary_containers_are_read(tmp_path: Path, name: str) -> None:
    assert read_clip(clip(tmp_path / name), 3).frames.shape == (3, 48, 64, 3)


def test_an_mp4_without_streams_and_a_text_called_mp4(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=16000)
        block = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        block.sample_rate = 16000
        container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    head = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
    moov = b"\0\0\0\x74moov\0\0\0\x6cmvhd" + bytes(12) + struct.pack(">II", 1000, 0) + bytes(80)
    (tmp_path / "none.mp4").write_bytes(head + moov)
    (tmp_path / "text.mp4").write_text("this is no clip\n" * 100)
    for name, said in (("sound", "no video stream"), ("none", "no video stream|not a readable"), ("text", "not a rea")):
        with pytest.raises(UnreadableMedia, match=rf"{name}\.mp4: .*({said})"):
            read_clip(tmp_path / f"{name}.mp4")


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile secret.avi\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsecret.ts\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_script_called_mp4_opens_no_other_file(tmp_path: Path, script: str) -> None:
    clip(tmp_path / "secret.avi")
    clip(tmp_path / "secret.ts", form="mpegts")
    (tmp_path / "a.mp4").write_text(script)
    with pytest.raises(UnreadableMedia, match=r"a\.mp4: not a readable clip"):
        read_clip(tmp_path / "a.mp4")


def test_without_the_whitelist_ffmpeg_would_have_opened_it(tmp_path: Path) -> None:
    clip(tmp_path / "secret.avi")
    (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile secret.avi\n")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.format.name == "concat"


def test_an_absurd_duration_is_refused_by_the_header(tmp_path: Path) -> None:
    data = bytearray(clip(tmp_path / "a.avi", 2).read_bytes())
    data[32:36] = struct.pack("<I", 2_000_000_000)  # microseconds a picture of the main header
    at = data.index(b"vids") + 20
    data[at : at + 4] = struct.pack("<I", 3600)  # scale of the stream header: a picture an hour
    (tmp_path / "a.avi").write_bytes(data)
    with pytest.raises(UnreadableMedia, match=r"a\.avi: by its header \d+ minutes; at most 30"):
        read_clip(tmp_path / "a.avi")


def test_more_pictures_or_sound_than_the_header_admits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip(tmp_path / "a.avi", 2)
    monkeypatch.setattr(video, "MAX_FRAMES", 49)
    with pytest.raises(UnreadableMedia, match="more than 49 pictures"):
        read_clip(tmp_path / "a.avi")
    monkeypatch.setattr(video, "MAX_FRAMES", 50)
    assert len(read_clip(tmp_path / "a.avi", 50).frames) == 50


def test_a_file_too_large_to_be_a_clip_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.mp4").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnreadableMedia, match="1099511627776 bytes; at most"):
        read_clip(tmp_path / "a.mp4")


def test_pictures_of_a_clip_are_bounded_by_their_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip(tmp_path / "a.avi", size=(128, 96))
    monkeypatch.setattr(video, "MAX_PIXELS", 128 * 96 - 1)
    with pytest.raises(UnreadableMedia, match="pictures of 128x96; at most 12287 pixels"):
        read_clip(tmp_path / "a.avi")


@pytest.mark.slow
def test_a_bomb_costs_no_memory(tmp_path: Path) -> None:
    """In a process that may hold half a gigabyte more, the 30,000 x 30,000 picture is refused like any other."""
    flat_png(tmp_path / "a.png", 30_000, 30_000)
    code = (
        "import resource, sys; from pathlib import Path; from benchmark.errors import UnreadableMedia;"
        "from benchmark.media.image import read_image; import os;"
        "now = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE');"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (1 << 29),) * 2)\n"
        "try: read_image(Path(sys.argv[1]))\n"
        "except UnreadableMedia as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "a.png" in done.stdout
    assert "MemoryError" not in done.stdout
