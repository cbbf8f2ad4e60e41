"""How results/golden/media was made: recordings and pictures of the embedded corpus, and two lists that pair them.

    python tests/golden/make_media.py results/golden/media

The files are committed and not made again in CI: then a score that moves says that the scorer changed, and not the
corpus. 10 recordings (16 kHz FLAC) of 8 people, 24 pictures (128 px JPEG).
"""

from __future__ import annotations

import sys
from pathlib import Path

import soundfile
from PIL import Image

from benchmark.corpora.manifest import Record
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.media.audio import RATE, resample
from protocols.trial import Trial, write_trials


def voices(folder: Path) -> list[Trial]:
    """`copy` hands the source on, `other` somebody else's sentence: every word right, and nearly every word wrong."""
    reader = PocketCorpus(pool="pocket_av", scale=0.1)
    people: dict[str, list[Record]] = {}
    for record in reader.records():
        people.setdefault(record.speaker, []).append(record)
    chosen = [records[0] for records in list(people.values())[:8]]
    chosen += [records[1] for records in list(people.values())[:2]]
    for record in chosen:
        wave = reader.load(record).wave
        assert wave is not None
        soundfile.write(folder / f"{record.id}.flac", resample(wave, RATE, 16_000), 16_000)
    rows = []
    for i in range(len(chosen)):
        source, target, other = (chosen[(i * step + shift) % len(chosen)] for step, shift in ((1, 0), (3, 1), (7, 5)))
        if source.speaker == target.speaker:
            target = chosen[(i + 4) % len(chosen)]
        for system, output in (("copy", source), ("other", other)):
            rows.append(
                Trial(
                    output=f"{output.id}.flac",
                    system=system,
                    task="image_guided_vc",
                    source=f"{source.id}.flac",
                    natural_target_voice=(f"{target.id}.flac",),
                    source_id=source.speaker,
                    source_gender=source.gender,
                    target_id=target.speaker,
                    target_gender=target.gender,
                    transcript=source.transcript or "",
                    trial=f"v{i:02d}",
                )
            )
    return rows


def faces(folder: Path) -> list[Trial]:
    """Of each gender 8 pictures are real ones, 2 are sources, 2 are references and outputs; three draws a source."""
    reader = PocketCorpus(pool="pocket_faces", scale=0.1, frames_per_clip=1)
    names: dict[int, list[str]] = {0: [], 1: []}
    for record in reader.records():
        if record.gender is None or len(names[record.gender]) == 12:
            continue
        pictures = reader.load(record).faces
        assert pictures is not None
        own = names[record.gender]
        place = f"real/{'male' if record.gender else 'female'}" if len(own) < 8 else "."
        (folder / place).mkdir(parents=True, exist_ok=True)
        own.append(f"{place}/{record.id}.jpg".removeprefix("./"))
        Image.fromarray(pictures[0]).save(folder / own[-1], quality=92, subsampling=0)
    rows = []
    for gender in (0, 1):
        others = names[1 - gender][8:]
        for i, source in enumerate(names[gender][8:10]):
            for draw in range(3):
                reference = others[(i + draw) % 4]
                for system, output in (("copy", source), ("other", others[(i + draw + 1) % 4])):
                    rows.append(
                        Trial(
                            output=output,
                            system=system,
                            task="image_guided_translation",
                            source=source,
                            reference=reference,
                            source_id=Path(source).stem,
                            source_gender=gender,
                            target_id=Path(reference).stem,
                            target_gender=1 - gender,
                            trial=f"f{gender}{i}{draw}",
                            draw=draw,
                        )
                    )
    return rows


def main(folder: Path) -> None:
    for name, make in (("voices", voices), ("faces", faces)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        write_trials(folder / name / "trials.csv", make(folder / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
