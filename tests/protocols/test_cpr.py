"""Right and wrong faces for a voice, judged by a matcher whose verdicts can be told beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.registry import PROTOCOLS
from benchmark.tasks import TASKS
from benchmark.upstream.matcher.load import JUDGES
from protocols import fitting
from protocols.cpr import Cpr
from protocols.protocol import Doubting, Together
from protocols.trial import Score, Trial
from protocols.triplets import triplets

KEYS = ("cpr@any", "cpr@same_gender")
PEOPLE = 8


def angle(person: int) -> np.ndarray:
    at = ((person + 0.3) / (PEOPLE + 1)) ** 1.3 * np.pi / 2  # nobody is half way between two others
    return np.array([np.cos(at), np.sin(at)])


def colours(person: int) -> np.ndarray:
    """The angle, as 8 bits a colour hold it."""
    return np.round(255 * angle(person)) / 255


class Made:
    """Embeds a face as its red and green, a voice as those that stand in its first row; counts both and who is asked.

    deaf: judges to whom all faces are those of nobody.
    """

    def __init__(self) -> None:
        self.embedded = 0
        self.asked: set[str] = set()
        self.deaf: set[str] = set()

    def judge(self, file: str) -> Made | Deaf:
        self.asked.add(file)
        return Deaf() if file in self.deaf else self

    def face(self, pictures: Tensor) -> Tensor:
        self.embedded += len(pictures)
        return (pictures.mean((2, 3))[:, :2] + 1) / 2

    def voice(self, mel: Tensor) -> Tensor:
        self.embedded += len(mel)
        return mel[:, 0, :2, 0]


class Deaf:
    """A judge without a preference."""

    def face(self, pictures: Tensor) -> Tensor:
        return torch.zeros(len(pictures), 2)

    def voice(self, mel: Tensor) -> Tensor:
        return torch.ones(len(mel), 2)


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """A recording sounds like the person whose number is its first byte."""
    matcher = Made()

    def hear(path: Path) -> Tensor:
        if not path.is_file():
            raise BenchmarkError(f"{path}: there is no such sound file.")
        mel = torch.zeros(1, 64, 30)
        mel[0, :2] = torch.from_numpy(angle(path.read_bytes()[0])).float()[:, None]
        return mel

    monkeypatch.setattr(fitting, "matcher", matcher.judge)
    monkeypatch.setattr(fitting, "mel_of", hear)
    return matcher


def picture(path: Path, person: int) -> str:
    red, green = (round(255 * x) for x in colours(person))
    Image.new("RGB", (32, 32), (red, green, 0)).save(path)
    return path.name


def recording(path: Path, person: int, number: int) -> str:
    path.write_bytes(bytes([person]) + str(number).encode())
    return path.name


def like(target: int) -> int:
    """Whom a system that has not learnt much makes of a target."""
    return (3 * target + 1) % PEOPLE


def translations(root: Path, learnt: bool = False, sources: int = 4) -> list[Trial]:
    """Every source with the voice of everybody; even people are women."""
    return [
        Trial(
            output=picture(root / f"out{learnt}{s}_{p}.png", p if learnt else like(p)),
            system="s",
            task="audio_guided_translation",
            source=f"s{s}.png",
            reference=recording(root / f"p{p}.flac", p, 0),
            source_id=f"s{s}",
            source_gender=s % 2,
            target_id=f"p{p}",
            target_gender=p % 2,
            trial=f"pocket_made-seen-{s * PEOPLE + p:05d}",
            split="seen",
        )
        for s in range(sources)
        for p in range(PEOPLE)
    ]


def conversions(root: Path, learnt: bool = False, rows: int = 32) -> list[Trial]:
    """Recordings of people of no number, in the voice of everybody's face in turn."""
    return [
        Trial(
            output=recording(root / f"out{learnt}{i}.flac", i % PEOPLE if learnt else like(i % PEOPLE), i),
            system="s",
            task="image_guided_vc",
            source=f"s{i}.flac",
            reference=picture(root / f"p{i % PEOPLE}.png", i % PEOPLE),
            source_id=f"s{i % 5}",
            source_gender=i % 2,
            target_id=f"p{i % PEOPLE}",
            target_gender=i % PEOPLE % 2,
            trial=f"pocket_made-seen-{i:04d}",
            split="seen",
        )
        for i in range(rows)
    ]


def judged(rows: Sequence[Trial], root: Path, keys: Sequence[str] = KEYS) -> dict[tuple[str, str], Score]:
    return {(s.metric, s.trial): s for s in Cpr(*keys).score(rows, root)}


def test_both_cross_modal_tasks_are_judged_by_it() -> None:
    together: Together = Cpr(*KEYS)
    doubting: Doubting = Cpr(*KEYS)
    assert together.metrics == doubting.metrics == KEYS
    entries = {key: entry for key, entry in PROTOCOLS.items() if entry.target == "protocols.cpr:Cpr"}
    assert tuple(entries) == KEYS
    for task in ("image_guided_vc", "audio_guided_translation"):
        assert set(KEYS) <= set(TASKS[task].metrics)
        assert all(task in entry.tasks for entry in entries.values())


def test_of_a_learnt_system_all_is_right(tmp_path: Path) -> None:
    for rows in (translations(tmp_path, learnt=True), conversions(tmp_path, learnt=True)):
        found = judged(rows, tmp_path)
        assert len(found) == 2 * len(rows)
        assert {score.value for score in found.values()} == {1.0}


def test_values_are_those_of_the_triplets_of_the_list(tmp_path: Path) -> None:
    """An oracle: by the angles, without files, networks or the protocol."""
    faces, voices = translations(tmp_path), conversions(tmp_path)
    for rows, made_faces in ((faces, True), (voices, False)):
        found, values = judged(rows, tmp_path), set()
        for key, same_gender in zip(KEYS, (False, True), strict=True):
            wrong = triplets(rows, same_gender)
            for row in rows:
                mine, theirs = int(row.target_id[1:]), int(wrong[row.trial].target_id[1:])
                if made_faces:  # the voice is real, the faces are made
                    right, other = colours(like(mine)) @ angle(mine), colours(like(theirs)) @ angle(mine)
                else:  # the voice is made, the faces are real
                    right, other = colours(mine) @ angle(like(mine)), colours(theirs) @ angle(like(mine))
                assert found[key, row.trial].value == float(right > other), (key, row.trial)
                values.add((key, right > other))
        assert len(values) == 4, "else this test says nothing"


def test_each_of_the_judges_has_one_vote(tmp_path: Path, made: Made) -> None:
    """A learnt system's rows are right to all; of three judges, one without a preference takes a sixth."""
    rows = conversions(tmp_path, learnt=True)
    assert {score.value for score in judged(rows, tmp_path).values()} == {1.0}
    assert made.asked == set(JUDGES) == set(Cpr.weights)
    made.deaf = {JUDGES[1]}
    assert [score.value for score in judged(rows, tmp_path).values()] == pytest.approx([5 / 6] * 2 * len(rows))


def test_one_output_for_all_is_at_chance(tmp_path: Path) -> None:
    """One face for all ties in every triplet; one voice for all is right as often as it is wrong."""
    same = [replace(row, output="outFalse0_0.png") for row in translations(tmp_path)]
    assert {score.value for score in judged(same, tmp_path).values()} == {0.5}
    rows = conversions(tmp_path, rows=200)
    one = [replace(row, output=rows[0].output, source_id="s") for row in rows]
    for key in KEYS:
        values = [score.value or 0.0 for (metric, _), score in judged(one, tmp_path).items() if metric == key]
        assert np.mean(values) == pytest.approx(0.5, abs=0.05), "nobody's picture stands on one side more often"


def test_outputs_of_anybody_are_at_chance(tmp_path: Path) -> None:
    """400 rows: within 4 standard deviations of a fair coin."""
    random, rows = Random(0), conversions(tmp_path, rows=400)
    for number, row in enumerate(rows):
        recording(tmp_path / row.output, random.randrange(PEOPLE), number)
    for key in KEYS:
        values = [score.value for (metric, _), score in judged(rows, tmp_path).items() if metric == key]
        assert len(values) == 400
        assert abs(sum(v or 0.0 for v in values) - 200) < 4 * np.sqrt(400 / 4)


def test_the_order_of_rows_is_no_matter_and_files_are_embedded_once(tmp_path: Path, made: Made) -> None:
    rows = [*translations(tmp_path), *conversions(tmp_path)]
    found = judged(rows, tmp_path)
    once = made.embedded
    contents = {(tmp_path / name).read_bytes() for row in rows for name in (row.output, row.reference)}
    assert once == len(JUDGES) * len(contents), "equal contents are embedded once by each judge, for both keys"
    assert judged(Random(3).sample(rows, len(rows)), tmp_path) == found


def test_what_cannot_be_read_fails_the_rows_that_meet_it_alone(tmp_path: Path) -> None:
    rows = translations(tmp_path)
    wrong = {name: other.trial for name, other in triplets(rows, same_gender=True).items()}
    (tmp_path / rows[0].output).write_bytes(b"no picture")
    rows[9] = replace(rows[9], output="")
    found = judged(rows, tmp_path, KEYS[1:])
    bad = {rows[0].trial, rows[9].trial}
    expected = bad | {name for name, other in wrong.items() if other in bad}
    assert {trial for (_, trial), score in found.items() if score.error is not None} == expected
    assert found[KEYS[1], rows[9].trial].error == "The row names no output."
    (meets,) = (name for name, other in wrong.items() if other == rows[9].trial)
    assert found[KEYS[1], meets].error == f"{rows[9].trial}, whose output is the wrong face, has none."

    rows = conversions(tmp_path)
    wrong = {name: other.trial for name, other in triplets(rows, same_gender=True).items()}
    (tmp_path / rows[5].output).unlink()
    rows[6] = replace(rows[6], output="")
    failed = {trial for (_, trial), score in judged(rows, tmp_path, KEYS[1:]).items() if score.error is not None}
    assert failed == {rows[5].trial, rows[6].trial}, "nobody meets another one's voice"


def test_a_source_with_one_reference_is_left_out_and_told(tmp_path: Path) -> None:
    rows = translations(tmp_path)
    alone = [row for row in rows if row.source != "s0.png"] + rows[:1]
    protocol = Cpr(*KEYS)
    planned = protocol.planned(alone)
    assert {key: len(planned["s", key]) for key in KEYS} == dict.fromkeys(KEYS, 24)
    assert (KEYS[0], rows[0].trial) not in judged(alone, tmp_path)
    said = protocol.remarks(alone)
    assert [line.partition(" rows have")[0] for line in said[1:]] == [f"{key}: 1 of 25" for key in KEYS]
    one_gender = [row for row in rows if row.target_gender == 1]
    assert {key for _, key in protocol.planned(one_gender)} == {"cpr@same_gender"}
    assert "cpr@any: 16 of 16 rows have no triplet" in protocol.remarks(one_gender)[1]
    assert 'genders = "both"' in protocol.remarks(one_gender)[1]


def test_it_plans_what_it_gives(tmp_path: Path) -> None:
    rows = [*translations(tmp_path), *conversions(tmp_path)]
    rows[3] = replace(rows[3], output="voice.flac")  # a voice where a face is made
    rows[40] = replace(rows[40], output="face.png")
    found = judged(rows, tmp_path)
    for key in KEYS:
        planned = Cpr(*KEYS).planned(rows)["s", key]
        assert sorted(planned) == sorted(trial for metric, trial in found if metric == key)
        assert len(planned) == 62
    assert Cpr(*KEYS).fits(rows)
    assert not Cpr(*KEYS).fits([replace(rows[0], trial="mine-1")])
