"""Forced choices between two faces by a matcher whose verdicts can be told beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.media.audio import write_flac
from benchmark.registry import PROTOCOLS
from protocols import fitting
from protocols.distractors import distractors
from protocols.fitting import chosen, mel_of, of_two_faces
from protocols.mapping import Mapped, of_two_pairs
from protocols.protocol import Doubting, Together
from protocols.trial import Score, Trial

KEYS = ("mapping@pocket", "mapping@pocket:pairs")
PEOPLE = 8
VECTORS = arrays.arrays(np.float64, (4, 3, 2), elements=st.floats(-1, 1))


class Made:
    """Embeds a face as its red and green, a voice as those that stand in its first row."""

    def __init__(self) -> None:
        self.heard = 0
        self.seen = 0

    def face(self, pictures: Tensor) -> Tensor:
        self.seen += len(pictures)
        return (pictures.mean((2, 3))[:, :2] + 1) / 2

    def voice(self, mel: Tensor) -> Tensor:
        self.heard += len(mel)
        return mel[:, 0, :2, 0]


@pytest.fixture(autouse=True)
def matcher(monkeypatch: pytest.MonkeyPatch) -> Made:
    """A recording of person p, who stands in its name, is heard as the angle of p."""
    made = Made()

    def hear(path: Path) -> Tensor:
        if not path.is_file():
            raise BenchmarkError(f"{path}: there is no such sound file.")
        mel = torch.zeros(1, 64, 30)
        mel[0, :2] = torch.tensor(angle(int(path.stem.partition("_")[0][1:])))[:, None]
        return mel

    monkeypatch.setattr(fitting, "matcher", lambda file: made)
    monkeypatch.setattr(fitting, "mel_of", hear)
    return made


def angle(person: int) -> tuple[float, float]:
    at = (person + 0.3) / (PEOPLE + 1) * np.pi / 2  # no two angles mirror each other
    return float(np.cos(at)), float(np.sin(at))


def paint(path: Path, person: int) -> str:
    red, green = (round(255 * x) for x in angle(person))
    Image.new("RGB", (32, 32), (red, green, 0)).save(path)
    return path.name


def shown(person: int) -> int:
    return (3 * person + 1) % PEOPLE


def made_rows(folder: Path, split: str = "seen", n: int = 32) -> list[Trial]:
    """Every output shows somebody else than the one that was heard; even people are women."""
    rows = []
    for i in range(n):
        target = i % PEOPLE
        voice = f"p{target}_{split}{i}.flac"
        (folder / voice).write_bytes(bytes([target]))
        rows.append(
            Trial(
                output=paint(folder / f"out_{split}{i}.png", shown(target)),
                system="s",
                task="face_from_voice",
                source=f"source{i}.png",
                reference=voice,
                source_id=f"p{(i + 1) % PEOPLE}",
                target_id=f"p{target}",
                target_gender=target % 2,
                trial=f"pocket_made-{split}-{i:04d}",
                split=split,
                other_target_face=paint(folder / f"truth_{split}{i}.png", target),
            )
        )
    return rows


def judged(rows: Sequence[Trial], root: Path, keys: Sequence[str] = KEYS) -> dict[tuple[str, str], Score]:
    return {(s.metric, s.trial): s for s in Mapped(*keys).score(rows, root)}


def fits(person: int, face: int) -> float:
    return float(np.dot(angle(person), [round(255 * x) / 255 for x in angle(face)]))


def test_it_is_a_protocol_of_two_keys() -> None:
    together: Together = Mapped(*KEYS)
    doubting: Doubting = Mapped(*KEYS)
    assert together.metrics == doubting.metrics == KEYS
    assert tuple(k for k, entry in PROTOCOLS.items() if entry.target == "protocols.mapping:Mapped") == KEYS


def test_choices_worked_by_hand() -> None:
    """A voice along x; one face leans towards it, the other away."""
    voice, near, far = [[1.0, 0.0]], [[0.8, 0.6]], [[0.6, 0.8]]
    assert of_two_faces(np.array([near, far, voice])) == 1.0
    assert of_two_faces(np.array([far, near, voice])) == 0.0
    assert of_two_faces(np.array([near, near, voice])) == 0.5
    other = [[0.0, 1.0]]
    assert of_two_pairs(np.array([near, far, voice, other])) == 1.0
    assert of_two_pairs(np.array([far, near, voice, other])) == 0.0
    assert of_two_pairs(np.array([near, near, voice, other])) == 0.5
    assert of_two_pairs(np.array([near, far, voice, voice])) == 0.5, "two equal voices assign nothing"


def test_every_judge_has_one_vote() -> None:
    """Three judges: to the first the right face is nearer, to the second the wrong one, to the third both are alike."""
    voice = [[1.0, 0.0]] * 3
    own, other = [[0.8, 0.6], [0.6, 0.8], [0.6, 0.8]], [[0.6, 0.8], [0.8, 0.6], [0.6, 0.8]]
    assert of_two_faces(np.array([own, other, voice])) == 0.5
    assert of_two_faces(np.array([own[:1], other[:1], voice[:1]])) == 1.0
    assert of_two_faces(np.array([own[::2], other[::2], voice[::2]])) == 0.75
    across = [[0.0, 1.0]] * 3
    assert of_two_pairs(np.array([own, other, voice, across])) == 0.5
    assert of_two_pairs(np.array([own[::2], other[::2], voice[::2], across[::2]])) == 0.75


@given(VECTORS)
def test_choices_of_the_other_side_are_the_contrary(vectors: np.ndarray) -> None:
    own, other, voice, other_voice = vectors
    one, two = of_two_faces(np.stack([own, other, voice])), of_two_faces(np.stack([other, own, voice]))
    assert one + two == pytest.approx(1.0)
    right = of_two_pairs(vectors)
    assert of_two_pairs(np.stack([other, own, other_voice, voice])) == right, "the pair has no order"
    votes = [of_two_pairs(vectors[:, judge : judge + 1]) for judge in range(vectors.shape[1])]
    assert set(votes) <= {0.0, 0.5, 1.0}
    assert right == pytest.approx(np.mean(votes)), "judges do not hear each other"
    assert chosen((own * voice).sum(1), (other * voice).sum(1)) == of_two_faces(np.stack([own, other, voice]))


def test_values_are_those_of_the_pairs_of_the_list(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    found = judged(rows, tmp_path)
    values: set[tuple[str, float]] = set()
    for gender in (0, 1):
        own = [row for row in rows if row.target_gender == gender]
        for row, other in ((row, distractors(own)[row.trial]) for row in own):
            a, b = (int(r.target_id[1:]) for r in (row, other))
            mine, theirs = shown(a), shown(b)
            one = float(fits(a, mine) > fits(a, theirs))
            two = float(fits(a, mine) + fits(b, theirs) > fits(a, theirs) + fits(b, mine))
            assert found[KEYS[0], row.trial].value == one
            assert found[KEYS[1], row.trial].value == two
            values |= {(KEYS[0], one), (KEYS[1], two)}
    assert values >= {(key, value) for key in KEYS for value in (0.0, 1.0)}, "otherwise this test says nothing"


def test_real_faces_are_all_mapped_and_one_face_for_all_is_at_chance(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    truth = [replace(row, output=row.other_target_face) for row in rows]
    assert {s.value for s in judged(truth, tmp_path).values()} == {1.0}
    same = [replace(row, output=rows[0].output) for row in rows]
    assert {s.value for s in judged(same, tmp_path).values()} == {0.5}


def test_other_splits_and_the_order_of_rows_are_no_matter(tmp_path: Path, matcher: Made) -> None:
    rows, more = made_rows(tmp_path), made_rows(tmp_path, "unseen")
    apart = judged(rows, tmp_path) | judged(more, tmp_path)
    heard = matcher.heard
    assert judged(rows + more, tmp_path) == apart
    assert judged(Random(0).sample(rows, len(rows)) + more, tmp_path) == apart
    assert heard == 2 * PEOPLE, "equal recordings are heard once by each of the two objects"


def test_what_cannot_be_read_fails_the_rows_that_meet_it(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    for i, row in enumerate(rows):
        (tmp_path / row.reference).write_bytes(bytes([i]))
    met = {}
    for gender in (0, 1):
        met |= distractors([row for row in rows if row.target_gender == gender])
    meets = {name: {trial for trial, other in met.items() if other.trial == name} for name in (r.trial for r in rows)}
    (tmp_path / rows[0].output).write_bytes(b"no picture")
    (tmp_path / rows[5].reference).unlink()
    rows[10] = replace(rows[10], output="")
    failed = {key: s.error or "" for key, s in judged(rows, tmp_path).items() if s.error is not None}
    first, fifth, tenth = (rows[i].trial for i in (0, 5, 10))
    assert {trial for metric, trial in failed if metric == KEYS[0]} == {
        first,
        *meets[first],
        fifth,
        tenth,
        *meets[tenth],
    }
    assert {trial for metric, trial in failed if metric == KEYS[1]} == {
        first,
        *meets[first],
        fifth,
        *meets[fifth],
        tenth,
        *meets[tenth],
    }
    assert failed[KEYS[0], tenth] == "The row names no output."
    for other in meets[tenth] - {first, fifth}:
        assert failed[KEYS[0], other] == f"{tenth}, whose output it is to be told apart from, has none."
    assert "p5_seen5.flac: cannot be read (No such file" in failed[KEYS[0], fifth]


def test_it_plans_what_it_gives_and_says_what_it_does_not(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    rows[3] = replace(rows[3], reference="face.png")
    rows[4] = replace(rows[4], target_gender=None)
    rows[6] = replace(rows[6], target_id="")
    rows[7] = replace(rows[7], output="voice.flac")
    protocol, found = Mapped(*KEYS), judged(rows, tmp_path)
    for key in KEYS:
        planned = protocol.planned(rows)["s", key]
        assert sorted(planned) == sorted(trial for metric, trial in found if metric == key)
        assert len(planned) == 28
    (said,) = protocol.remarks(rows)
    assert said.startswith(f"{', '.join(KEYS)}: 3 of 32 rows have no value: a row needs a recording as its reference")
    assert protocol.fits(rows)
    assert not protocol.fits([replace(rows[0], trial="mine-1")])
    alone = [replace(row, target_id="p0", target_gender=0) for row in rows[:4]]
    assert protocol.planned(alone) == {}


def test_a_recording_is_heard_as_its_voiced_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    time = np.arange(48000) / 24000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 30)) * (1 + np.sin(2 * np.pi * 4 * time)) / 10
    write_flac(tmp_path / "voice.flac", buzz)
    mel = mel_of(tmp_path / "voice.flac")
    assert mel.shape[:2] == (1, 64)
    assert 100 < mel.shape[2] <= 200
    write_flac(tmp_path / "silent.flac", np.zeros(48000))
    with pytest.raises(BenchmarkError, match=r"silent.flac: 0.00 s of voice are heard in it; .* Is it silent\?"):
        mel_of(tmp_path / "silent.flac")
    write_flac(tmp_path / "short.flac", buzz[:2400])
    with pytest.raises(BenchmarkError, match=r"a face is matched with 0.25 s at least"):
        mel_of(tmp_path / "short.flac")
    with pytest.raises(BenchmarkError, match="there is no such sound file"):
        mel_of(tmp_path / "none.flac")
