"""The pictures and sounds of docs/avatars.md, from a folder of avatars up: `python docs/images/avatars.py WORK`.

What lies in that folder already is not made again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from benchmark.media.audio import RATE, read_wave
from benchmark.media.avatar import avatar
from benchmark.media.image import FACE128, read_image
from benchmark.runner.corpora import open_store
from benchmark.settings import load_profile
from protocols.trial import read_trials

HERE = Path(__file__).parent
FACES = "xfavot@pocket_av shuffled_reference:xfavot@pocket_av cae@pocket_av_many shuffled_reference:cae@pocket_av_many"
VOICES = "xfavot@pocket_av shuffled_reference:xfavot@pocket_av"
RUNS = {
    "faces": f"audio_guided_translation --limit 320 --systems {FACES} copy_source ground_truth "
    "--metrics fid@pocket gender_flip@pocket cpr@same_gender",
    "voices": f"image_guided_vc --systems {VOICES} ground_truth random_reference copy_source "
    "--metrics spksim@resemblyzer cpr@same_gender",
}
"""Folder below the one named -> what follows `run --task`."""
SPOKEN = ("folder-unseen-0000", "folder-unseen-0003")
"""Trials to listen to: a woman towards another woman's avatar, a woman towards a man's."""


def benchmark(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "benchmark", *map(str, words)], check=True)


def people() -> None:
    """Eight people held out, as they are and drawn."""
    store = open_store("pocket_av", None, load_profile("pocket"), 0)
    unseen = {r.speaker: i for i, r in reversed(list(enumerate(store.records))) if r.split == "unseen"}
    faces = [store.rows(FACE128, i)[0] for i in sorted(unseen.values())[:8]]
    sheet = np.concatenate([np.concatenate(faces, 1), np.concatenate([avatar(face) for face in faces], 1)])
    save(sheet, "avatars-drawn.jpg")


def save(picture: np.ndarray, name: str) -> None:
    """As JPEG, no wider than a page."""
    image = Image.fromarray(picture)
    image.thumbnail((1024, 960))
    image.save(HERE / name, quality=75)


def spoken(run: Path) -> None:
    """Source and output of a few trials."""
    rows = {(row.system, row.trial): row for row in read_trials(run / "outputs.csv")}
    for number, trial in enumerate(SPOKEN, start=1):
        row = rows["xfavot@pocket_av", trial]
        for what, path in (("source", row.source), ("output", row.output)):
            soundfile.write(HERE / f"avatars-{number}-{what}.ogg", read_wave(run / path), RATE, subtype="VORBIS")
        Image.fromarray(read_image(run / row.reference)).save(HERE / f"avatars-{number}-reference.png")


def main(work: Path) -> None:
    benchmark("avatars", "--corpus", "pocket_av", "--out", work / "av")
    for name, words in RUNS.items():
        benchmark("run", "--task", *words.split(), "--corpus", f"folder={work / 'av'}", "--out", work / name)
    people()
    save(read_image(work / "faces" / "trials.png"), "avatars-faces.jpg")
    save(read_image(work / "voices" / "grid.png"), "avatars-voices.jpg")
    spoken(work / "voices")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
