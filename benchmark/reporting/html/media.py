"""The sound and pictures of a report: copied up to a limit, the rest linked to where they lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
import soundfile
import torch
from PIL import Image

from benchmark.errors import UnreadableMedia
from benchmark.media.audio import RATE, resample, to_int16
from benchmark.media.image import read_image
from benchmark.media.mel import log_mel
from protocols.media_scores import is_picture, is_sound, read_native

LIMIT_MB = 8.0
"""Sound and pictures of a report, in 10^6 bytes: with the page, coded as mail codes it, under most mailboxes' 20."""
SECONDS = 8.0
"""Of a recording in its spectrogram."""
_DARK, _BRIGHT = -1.9, 2.0
"""Ends of the colour scale, in units of the mel: silence, and loud speech (as `reporting.picture`)."""
_SHADES = 64
_AS_THEY_ARE = frozenset({".flac", ".wav", ".mp3", ".png", ".jpg", ".jpeg", ".webp"})
"""What browsers play and show; anything else is written anew."""
_QUALITY = 88


@dataclass(frozen=True)
class Shown:
    """One file on the page. src: address of the copy, None where there is none. link: address of the file itself, None
    where it is not there. why: what is the matter. spectrogram: address, with width and height in pixels. seconds: of
    a recording."""

    src: str | None = None
    link: str | None = None
    why: str | None = None
    sound: bool = False
    spectrogram: tuple[str, int, int] | None = None
    seconds: float | None = None


@dataclass
class Media:
    """The folder `media/` of a report while it is made.

    page: folder that the page is made in; home: where it will lie, from which links lead. shown: of every file asked
    for so far. written: bytes.
    """

    page: Path
    home: Path
    limit: int
    written: int = 0
    shown: dict[Path, Shown] = field(default_factory=dict)

    def show(self, paths: Iterable[Path]) -> bool:
        """Copy all of these files, or link them all where that would pass the limit: things that are to be compared
        stay together. Whether they were copied; `shown` then tells of each."""
        new = [path for path in dict.fromkeys(paths) if path not in self.shown or self.shown[path].link]
        made = {path: self._made(path, len(self.shown) + i) for i, path in enumerate(new)}
        fits = self.written + sum(len(data) for _, files in made.values() for data in files.values()) <= self.limit
        for path, (shown, files) in made.items():
            self.shown[path] = shown if fits or not files else Shown(link=self.address(path), sound=shown.sound)
            if fits:
                self._write(files)
        return fits

    def picture(self, path: Path) -> Shown:
        """One large picture, compressed; the file itself is linked besides."""
        try:
            data = _webp(read_image(path))
        except UnreadableMedia as error:
            self.shown[path] = Shown(why=f"unreadable: {error}")
            return self.shown[path]
        name, fits = f"media/{_slug(path.stem)}.webp", self.written + len(data) <= self.limit
        if fits:
            self._write({name: data})
        self.shown[path] = Shown(src=name if fits else None, link=self.address(path))
        return self.shown[path]

    @property
    def counts(self) -> dict[str, int]:
        """Files that are in the report, that are linked alone, and that are not there or cannot be read."""
        every = self.shown.values()
        copied, linked = sum(s.src is not None for s in every), sum(s.src is None and s.link is not None for s in every)
        return {"copied": copied, "linked": linked, "missing": len(every) - copied - linked}

    def address(self, path: Path) -> str:
        """Of a file or folder beside the report, for a link."""
        return quote(os.path.relpath(path.resolve(), self.home.resolve()))

    def _write(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (self.page / name).parent.mkdir(exist_ok=True)
            (self.page / name).write_bytes(data)
            self.written += len(data)

    def _made(self, path: Path, number: int) -> tuple[Shown, dict[str, bytes]]:
        """(how it is shown if it is copied, files of the report -> bytes); no files where it cannot be shown."""
        if not path.is_file():
            return Shown(why=f"not there: {path.name}"), {}
        stem = f"media/{number:03d}-{_slug(path.parent.name)}-{_slug(path.stem)}"
        try:
            if is_sound(path.name):
                return _sound(path, stem)
            if is_picture(path.name):
                return _picture(path, stem)
        except UnreadableMedia as error:
            return Shown(why=f"unreadable: {error}"), {}
        return Shown(link=self.address(path), why=f"a {path.suffix or 'nameless'} file, which pages do not show"), {}


def _sound(path: Path, stem: str) -> tuple[Shown, dict[str, bytes]]:
    wave, rate = read_native(path)
    if path.suffix.lower() in _AS_THEY_ARE:
        name, data = stem + path.suffix.lower(), path.read_bytes()
    else:
        coded = BytesIO()
        soundfile.write(coded, to_int16(wave), rate, format="FLAC", subtype="PCM_16")
        name, data = f"{stem}.flac", coded.getvalue()
    drawn, width, height = spectrogram(resample(wave, rate, RATE))
    shown = Shown(name, None, None, True, (f"{stem}.spectrogram.png", width, height), len(wave) / rate)
    return shown, {name: data, f"{stem}.spectrogram.png": drawn}


def _picture(path: Path, stem: str) -> tuple[Shown, dict[str, bytes]]:
    picture = read_image(path)
    if path.suffix.lower() in _AS_THEY_ARE:
        name, data = stem + path.suffix.lower(), path.read_bytes()
    else:
        coded = BytesIO()
        Image.fromarray(picture).save(coded, format="PNG")
        name, data = f"{stem}.png", coded.getvalue()
    return Shown(src=name), {name: data}


def spectrogram(wave: np.ndarray) -> tuple[bytes, int, int]:
    """(N,) float32 at 24 kHz -> (PNG, width, height): the suite's mel, a pixel a band and a frame (12.5 ms), the first
    `SECONDS`, low bands below."""
    import matplotlib as mpl  # here, because it is slow to import

    mel = log_mel(torch.from_numpy(wave[: round(SECONDS * RATE)]))[0, 0].numpy()[::-1]
    level = np.clip((mel - _DARK) / (_BRIGHT - _DARK), 0.0, 1.0)
    picture = Image.fromarray(np.rint(level * (_SHADES - 1)).astype(np.uint8), mode="P")
    colours = mpl.colormaps["magma"](np.linspace(0.0, 1.0, _SHADES), bytes=True)[:, :3]
    picture.putpalette(colours.tobytes())
    coded = BytesIO()
    picture.save(coded, format="PNG", optimize=True)
    return coded.getvalue(), picture.width, picture.height


def _webp(picture: np.ndarray) -> bytes:
    coded = BytesIO()
    Image.fromarray(picture).save(coded, format="WEBP", quality=_QUALITY, method=4)
    return coded.getvalue()


def _slug(text: str) -> str:
    """A name that every disk takes and no page reads as markup."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._") or "file"
