"""Items -> a study's folder: `form/` for the raters, and beside it what they must not see."""

from __future__ import annotations

import csv
import io
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image
from tqdm import tqdm

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError
from benchmark.media.audio import to_int16
from benchmark.media.image import read_image
from protocols.media_scores import is_picture, read_native
from protocols.questionnaire import Item, Kind, write_key

QUESTIONS: dict[Kind, str] = {
    "cpr": "Listen to the voice. Which of the two faces matches it better?",
    "mapping": "Listen to the voice. Which of the two faces does it belong to?",
}
TWO_VOICES = "Listen to both voices. One belongs to each face. Which face does voice 1 belong to?"
"""Asked of real recordings in `mapping`, where two faces are to be mapped to two voices."""
ANSWER_COLUMNS = ("rater", "item", "answer", "time")


def write_study(folder: Path, items: Sequence[Item], root: Path, facts: dict[str, Any]) -> None:
    """Write form/{index.html, media/}, key.csv, study.json and ratings_template.csv; all of it or nothing.

    Media are decoded and written anew, pictures as PNG and sound as 16-bit FLAC at their own size and rate, so that
    neither names nor tags nor formats tell where they come from.

    Args:
        folder: of the study; must not exist, or be empty.
        items: of one study, from `protocols.questionnaire.build`.
        root: folder of the items' paths.
        facts: what study.json says besides the study's name and counts.

    Raises:
        BenchmarkError: the folder holds something already; a media file is missing or broken.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BenchmarkError(f"{folder} is there already, and may be in the hands of raters. Name another with --out.")
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        (part / "form" / "media").mkdir(parents=True)
        names = _media(items, root, part / "form" / "media")
        write_text(part / "form" / "index.html", page(items, names))
        write_key(part / "key.csv", items)
        write_json(part / "study.json", {"study": items[0].study, "kind": items[0].kind, "items": len(items), **facts})
        write_text(part / "ratings_template.csv", _template(items))
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def page(items: Sequence[Item], names: dict[str, str]) -> str:
    """The page as HTML text. `names`: path of an item's file -> its name in media/."""
    shown = [
        {
            "item": item.item,
            "question": TWO_VOICES if item.second_voice else QUESTIONS[item.kind],
            "voices": [names[v] for v in (item.voice, item.second_voice) if v],
            "faces": [names[item.left], names[item.right]],
        }
        for item in items
    ]
    templates = Environment(
        loader=PackageLoader("benchmark.reporting.questionnaire", "."), autoescape=True, undefined=StrictUndefined
    )
    return templates.get_template("form.html.jinja").render(
        study={"name": items[0].study, "columns": ANSWER_COLUMNS, "items": shown}, kind=items[0].kind
    )


def _media(items: Sequence[Item], root: Path, folder: Path) -> dict[str, str]:
    """Write every file that the items show; path -> name."""
    tokens = random.Random(items[0].study)
    names: dict[str, str] = {}
    for path in tqdm(dict.fromkeys(p for item in items for p in item.media), "media", disable=None, leave=False):
        names[path] = f"{tokens.getrandbits(64):016x}{'.png' if is_picture(path) else '.flac'}"
        if is_picture(path):
            Image.fromarray(read_image(root / path)).save(folder / names[path], format="PNG")
        else:
            wave, rate = read_native(root / path)
            soundfile.write(folder / names[path], to_int16(wave), rate, format="FLAC", subtype="PCM_16")
    return names


def _template(items: Sequence[Item]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(ANSWER_COLUMNS)
    rows.writerows(("", item.item, "", "") for item in items)
    return text.getvalue()
