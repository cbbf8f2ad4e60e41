"""All five corpora of the XFaVoT paper in one command: as many people as the paper has, one small recording of each.

The readers choose and hold out as they do by default, so that the speaker heads are the paper's 128: 33 - 4 people of
GRID, 109 - 30 of VCTK, 16 videos of LRS3 and 4 speakers of Lip2Wav (papers.md 1.6). CelebA-HQ's are only seen.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmark.cli import main
from benchmark.corpora.prepared import Store
from benchmark.training.checkpoint import read
from benchmark.training.plan import Plan
from benchmark.training.records import Records, speaker_codes
from methods.xfavot.objective import StyleSource, draw_source
from methods.xfavot.system import GENDERS, SPEAKERS, XFaVoT

CORPORA = ("grid", "vctk", "celeba_hq", "lrs3", "lip2wav")
PEOPLE = {"grid": 29, "vctk": 79, "lrs3": 16, "lip2wav": 4}
"""Training people who are heard."""
SEED = 2
"""Step 0 reads people who are seen and heard, step 1 those only seen and those only heard."""
PROFILE = """
[corpora.grid]
frames_per_clip = 1
[corpora.lrs3]
frames_per_clip = 1
[corpora.lip2wav]
frames_per_clip = 1
[systems.xfavot]
kinds = ["paired", "faces", "voices"]
f0_network = "pocket"
asr_network = "pocket"
auxiliary_train_mode = false
size = 32
depth = 1
width = 4
voice_width = 4
max_width = 8
hidden = 8
batch = 2
people = 8
crop = 80
classifier_start = 0
[systems.xfavot.train]
steps = 2
"""
Layouts = dict[str, dict[str, str | Path]]


def layouts(clip: Path, voice: Path, picture: Path) -> Layouts:
    """Corpus -> path below its root -> the file that lies there, or the text in it."""
    people, videos = range(225, 334), [f"v1deo_{i:02d}-aB" for i in range(20)]
    sets = ["trainval"] * 12 + ["pretrain"] * 6 + ["test"] * 2
    lecturers = {"chem": "M", "chess": "M", "dl": "F", "eh": "F", "hs": "M"}
    return {
        "grid": {f"s{i}/video/mpg_6000/bbaf2n.mpg": clip for i in range(1, 35) if i != 21},
        "vctk": {
            **{f"wav48_silence_trimmed/p{i}/p{i}_001_mic1.flac": voice for i in people},
            **{f"txt/p{i}/p{i}_001.txt": "Please call Stella.\n" for i in people},
            "speaker-info.txt": "ID  AGE  GENDER\n" + "".join(f"p{i}  23  {'FM'[i % 2]}  English\n" for i in people),
        },
        "celeba_hq": {
            f"{split}/{gender}/{number:06d}.jpg": picture
            for number, (split, gender) in enumerate(
                (split, gender) for split in ("train", "val") for gender in ("female", "male") for _ in range(3)
            )
        },
        "lrs3": {
            **{f"{folder}/{video}/50001.mp4": clip for folder, video in zip(sets, videos, strict=True)},
            **{f"{folder}/{video}/50001.txt": "Text:  SO WHAT\n" for folder, video in zip(sets, videos, strict=True)},
            "speakers.csv": "speaker,gender\n" + "".join(f"{v},{'FM'[i % 2]}\n" for i, v in enumerate(videos)),
        },
        "lip2wav": {
            **{f"Dataset/{name}/intervals/-vid_{name}/cut-0.mp4": clip for name in lecturers},
            **{f"Dataset/{name}/train.txt": f"-vid_{name}\n" for name in lecturers},
            "speakers.csv": "speaker,gender\n" + "".join(f"{name},{g}\n" for name, g in lecturers.items()),
        },
    }


@pytest.fixture
def roots(tmp_path: Path, write_mp4: Callable[..., None]) -> dict[str, Path]:
    """Corpus -> its folder."""
    clip, voice, picture = tmp_path / "clip.mp4", tmp_path / "voice.flac", tmp_path / "face.jpg"
    write_mp4(clip, np.full((224, 224, 3), 90, np.uint8), seconds=2.2)  # GRID refuses clips below 2 s
    soundfile.write(voice, 0.3 * np.sin(2 * np.pi * 200 * np.arange(round(1.2 * 48000)) / 48000), 48000)
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(picture)
    for corpus, files in layouts(clip, voice, picture).items():
        for name, content in files.items():
            path = tmp_path / corpus / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content) if isinstance(content, str) else shutil.copyfile(content, path)
    return {corpus: tmp_path / corpus for corpus in CORPORA}


@pytest.mark.slow
@pytest.mark.usefixtures("face_in_the_middle")
def test_one_command_trains_on_all_five(
    roots: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[StyleSource] = []
    passes: list[tuple[XFaVoT, Any]] = []
    given = XFaVoT.given

    def noting_row(*arguments: Any) -> StyleSource:
        drawn.append(draw_source(*arguments))
        return drawn[-1]

    def noting_batch(self: XFaVoT, encoder: Any, batch: Any, *rest: Any, **named: Any) -> Any:
        passes.append((self, batch))
        return given(self, encoder, batch, *rest, **named)

    monkeypatch.setattr("methods.xfavot.system.draw_source", noting_row)
    monkeypatch.setattr(XFaVoT, "given", noting_batch)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "five.toml").write_text(PROFILE)
    out = tmp_path / "out"
    command = ["train", "--task", "image_guided_vc", "--systems", "xfavot", "--profile", str(tmp_path / "five.toml")]
    for corpus, root in roots.items():
        command += ["--corpus", f"{corpus}={root}"]
    with pytest.raises(SystemExit) as stop:
        main([*command, "--seed", str(SEED), "--jobs", "1", "--out", str(out)])
    assert not stop.value.code

    prepared = {store.corpus: store for store in map(Store, (tmp_path / "cache" / "store").iterdir())}
    stores = [prepared[corpus] for corpus in CORPORA]
    assert not any(store.meta["skipped"] for store in stores)
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "trained"
    assert record["corpora"] == list(record["corpus_sha256"]) == list(CORPORA)
    state = read(out / "systems" / "xfavot" / "step-000000002.pt")
    assert [word.split(":")[0] for word in state["settings"]["corpora"].split()] == list(CORPORA)

    codes = speaker_codes(stores)
    heads = {who for who, code in codes.items() if code < SPEAKERS}
    assert Counter(corpus for corpus, _ in heads) == PEOPLE
    assert sum(PEOPLE.values()) == SPEAKERS
    assert {corpus for corpus, _ in codes.keys() - heads} == {"celeba_hq"}
    held_out = {(r.corpus, r.speaker) for store in stores for r in store.records if r.split == "unseen"}
    assert Counter(corpus for corpus, _ in held_out) == {"grid": 4, "vctk": 30, "celeba_hq": 6}
    assert held_out.isdisjoint(codes)
    for critic in ("classifier", "audio_discriminator"):
        assert state["model"][f"{critic}.own.weight"].shape[0] == GENDERS + SPEAKERS
    assert state["model"]["mapping_network.own.0.weight"].shape[0] == GENDERS + SPEAKERS

    assert {row.kind for row in drawn} == {None, "paired", "faces", "voices"}
    people = list(codes)
    columns = Plan(stores, passes[0][0].draws(), SEED).columns["people"]
    drawable = {name: Counter(people[code][0] for code in column.group.code) for name, column in columns.items()}
    assert drawable["voice"] == PEOPLE
    assert drawable["paired_voice"] == drawable["paired_face"] == {"grid": 29, "lrs3": 16, "lip2wav": 4}
    assert drawable["voices_voice"] == {"vctk": 79}
    assert drawable["faces_face"] == {"celeba_hq": 6}
    records = Records(stores)
    for _, batch in passes:
        for name, column in batch.items():
            assert records.training[column["record"]].all(), "a batch has somebody who is held out"
            assert {people[int(code)][0] for code in column["speaker"]} <= set(drawable[name])
