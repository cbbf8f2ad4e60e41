"""The form for raters: complete, self-contained and blind; nothing is written by halves."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image, PngImagePlugin

from benchmark.errors import BenchmarkError
from benchmark.reporting.questionnaire.form import QUESTIONS, TWO_VOICES, write_study
from protocols.questionnaire import Item, Kind, build, read_key
from protocols.trial import Trial

SYSTEM, REAL = "wonderful_system", "ground_truth"
SECRETS = (
    SYSTEM,
    REAL,
    "shuffled",
    "corpus_name",
    "speaker_",
    "person_",
    "female",
    "male",
    "gender",
    "guided",
    "artist_tag",
)


@pytest.fixture
def rows(tmp_path: Path) -> list[Trial]:
    """Six people; every file carries names in its path, in a FLAC tag, a PNG text or an EXIF field."""
    found, rng = [], np.random.default_rng(0)
    for system in (SYSTEM, REAL):
        for i in range(6):
            voice, face = (
                f"{system}/corpus_name_speaker_{i}.flac",
                f"faces/person_{i}_female.{'jpg' if i % 2 else 'png'}",
            )
            for path in (voice, face):
                (tmp_path / path).parent.mkdir(exist_ok=True)
            with soundfile.SoundFile(tmp_path / voice, "w", 24000, 1, "PCM_16") as file:
                file.artist, file.comment = f"artist_tag speaker_{i}", system
                file.write(rng.uniform(-0.5, 0.5, 2400))
            picture = Image.fromarray(rng.integers(0, 256, (16 + i, 20, 3), np.uint8))
            text, exif = PngImagePlugin.PngInfo(), Image.Exif()
            text.add_text("person", f"person_{i} female")
            exif[0x013B] = f"artist_tag person_{i}"
            extra: dict[str, Any] = {"exif": exif} if face.endswith("jpg") else {"pnginfo": text}
            picture.save(tmp_path / face, **extra)
            found.append(
                Trial(
                    voice, system, "image_guided_vc", f"s{i}.wav", face, target_id=f"person_{i}", target_gender=i // 3
                )
            )
    return found


def study(tmp_path: Path, rows: list[Trial], kind: Kind = "cpr") -> tuple[Path, list[Item]]:
    items = build(rows, kind, 6, 0)
    write_study(tmp_path / "study", items, tmp_path, {"seed": 0})
    return tmp_path / "study", items


class _Page(HTMLParser):
    """The embedded study, every address in an attribute, and all ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.study: dict[str, Any] = {}
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [str(values[name]) for name in ("src", "href", "action") if name in values]
        self.ids += [str(values["id"])] if "id" in values else []
        self._inside = values.get("type") == "application/json"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.study, self._inside = json.loads(data), False


def test_no_byte_of_the_form_says_who_or_what(tmp_path: Path, rows: list[Trial]) -> None:
    folder, _ = study(tmp_path, rows)
    originals = b"".join(p.read_bytes() for p in tmp_path.glob("*/*.*") if "study" not in p.parts)
    for secret in ("artist_tag", "person_", "speaker_", SYSTEM):
        assert secret.encode() in originals  # else the search below would prove nothing
    files = [p for p in (folder / "form").rglob("*") if p.is_file()]
    assert len(files) == 1 + 6 + 12
    for path in files:
        content = path.read_bytes().lower()
        for secret in SECRETS:
            assert secret.encode() not in content, f"{secret} in {path.name}"
            assert secret not in str(path.relative_to(folder))


def test_the_page_shows_every_item_and_its_media_are_there(tmp_path: Path, rows: list[Trial]) -> None:
    folder, items = study(tmp_path, rows)
    page = _Page((folder / "form" / "index.html").read_text(encoding="utf-8"))
    assert page.study["name"] == items[0].study
    assert [i["item"] for i in page.study["items"]] == [i.item for i in items]
    shown = {name for i in page.study["items"] for name in (*i["voices"], *i["faces"])}
    assert shown == {p.name for p in (folder / "form" / "media").iterdir()}
    for item in page.study["items"]:
        assert item.keys() == {"item", "question", "voices", "faces"}
        assert item["question"] == QUESTIONS["cpr"]
        assert len(item["voices"]) == 1
        assert len(item["faces"]) == 2


def test_media_are_those_of_the_key_on_its_sides_bit_for_bit(tmp_path: Path, rows: list[Trial]) -> None:
    folder, items = study(tmp_path, rows)
    media = folder / "form" / "media"
    page = _Page((folder / "form" / "index.html").read_text(encoding="utf-8"))
    for item, shown in zip(items, page.study["items"], strict=True):
        wave, rate = soundfile.read(tmp_path / item.voice, dtype="int16")
        copied, copied_rate = soundfile.read(media / shown["voices"][0], dtype="int16")
        assert rate == copied_rate
        np.testing.assert_array_equal(wave, copied)
        for path, name in zip((item.left, item.right), shown["faces"], strict=True):
            np.testing.assert_array_equal(np.array(Image.open(tmp_path / path)), np.array(Image.open(media / name)))


def test_recordings_in_mapping_come_with_both_voices(tmp_path: Path, rows: list[Trial]) -> None:
    folder, _ = study(tmp_path, [r for r in rows if r.system == REAL], "mapping")
    for item in _Page((folder / "form" / "index.html").read_text(encoding="utf-8")).study["items"]:
        assert item["question"] == TWO_VOICES
        assert len(set(item["voices"])) == 2


def test_the_page_needs_no_network_and_its_script_finds_its_elements(tmp_path: Path, rows: list[Trial]) -> None:
    folder, _ = study(tmp_path, rows)
    text = (folder / "form" / "index.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert page.addresses == []
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", text)
    assert set(re.findall(r'\bat\("(\w+)"\)', text)) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_what_raters_must_not_see_lies_outside_the_form(tmp_path: Path, rows: list[Trial]) -> None:
    folder, items = study(tmp_path, rows)
    assert {p.name for p in folder.iterdir()} == {"form", "key.csv", "study.json", "ratings_template.csv"}
    assert {p.name for p in (folder / "form").iterdir()} == {"index.html", "media"}
    assert read_key(folder / "key.csv") == items
    assert json.loads((folder / "study.json").read_text())["study"] == items[0].study
    lines = (folder / "ratings_template.csv").read_text().splitlines()
    assert lines == ["rater,item,answer,time", *(f",{item.item},," for item in items)]


def test_a_study_is_never_written_over(tmp_path: Path, rows: list[Trial]) -> None:
    folder, items = study(tmp_path, rows)
    before = (folder / "key.csv").read_bytes()
    with pytest.raises(BenchmarkError, match="is there already"):
        write_study(folder, items[:1], tmp_path, {})
    assert (folder / "key.csv").read_bytes() == before


def test_a_broken_file_leaves_nothing_behind(tmp_path: Path, rows: list[Trial]) -> None:
    (tmp_path / rows[3].output).write_bytes(b"not a sound")
    with pytest.raises(BenchmarkError, match="not a readable sound file"):
        study(tmp_path, rows)
    assert not [p for p in tmp_path.iterdir() if "study" in p.name]
