"""Finished runs with media, made by hand: voices given faces, and faces given voices."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.media.audio import RATE, write_flac
from benchmark.reporting.store import RunFolder
from protocols.trial import read_trials, write_trials


def tone(hertz: float, seconds: float = 0.4) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def picture(path: Path, grey: int, side: int = 24) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side, 3), grey, np.uint8)).save(path)


@pytest.fixture
def heard(made_run: Callable[..., Path]) -> Path:
    """A run of image_guided_vc whose sources, references and outputs are on the disk."""
    return with_media(made_run("run"))


def with_media(folder: Path) -> Path:
    """Write sounds, faces and outputs.csv for the trials of a run folder."""
    files = RunFolder(folder)
    trials = [
        replace(t, source=f"media/real/{t.source}", reference=f"media/real/{t.target_id}.png")
        for t in read_trials(files.trials)
    ]
    write_trials(files.trials, trials)
    rows = []
    for place, system in enumerate(files.read().systems):
        (folder / "media" / str(place)).mkdir(parents=True)
        for i, t in enumerate(trials):
            output = f"media/{place}/{t.trial}.flac"
            write_flac(folder / output, tone(200 + 10 * i + place))
            rows.append(replace(t, system=system, output=output))
    for t in trials:
        picture(folder / t.reference, 40 + int(re.sub(r"\D", "", t.target_id)))
        write_flac(folder / t.source, tone(150))
    write_trials(folder / "outputs.csv", rows)
    return folder


class Page(HTMLParser):
    """What a test asks of a page: its elements with attributes, and its text."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.said: list[str] = []
        self.source = file.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


@pytest.fixture
def page_of() -> Callable[[Path], Page]:
    return lambda folder: Page(folder / "index.html")
