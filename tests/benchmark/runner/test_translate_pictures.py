"""Trials -> pictures: sizes, seeds, resuming, rows that cannot be given, references that change hands."""

from __future__ import annotations

import errno
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.controls import ControlSettings, CopyReference, CopySource, GroundTruth, RandomReference
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.image import read_image
from benchmark.runner.grid import crossed, write_grid
from benchmark.runner.shelf import Shelf
from benchmark.runner.shuffling import shuffle_references
from benchmark.runner.translate import Translated, judged, output_path, translate
from benchmark.system import FACE, Column, System
from benchmark.tasks import TASKS
from protocols.trial import Trial
from protocols.trial_list import FaceTrialSettings, TrialList
from protocols.trials import draw_trials

GUIDED, LATENT = TASKS["image_guided_translation"], TASKS["latent_guided_translation"]
CPU = torch.device("cpu")


class Half(System):
    """Both pictures' mean at 64 px; without a reference, a grey that the seed decides."""

    tasks = frozenset({GUIDED.name, LATENT.name})

    def __init__(self, broken: int | None = None) -> None:
        super().__init__(None)
        self.inputs = dict.fromkeys(self.tasks, ("face128",))
        self.output = dict.fromkeys(self.tasks, FACE)
        self.rows, self.broken = 0, broken
        self.seeds: list[int] = []
        self.genders: list[int] = []

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        small = torch.nn.functional.avg_pool2d(source["face128"], 2)
        self.seeds += seeds.tolist()
        self.genders += reference["gender"].tolist()
        if task == LATENT.name:
            out = torch.ones_like(small) * (seeds % 200 / 100 - 1)[:, None, None, None]
        else:
            out = (small + torch.nn.functional.avg_pool2d(reference["face128"], 2)) / 2
        for row in range(len(out)):
            if self.rows == self.broken:
                out[row, 0, 3, 3] = torch.nan
            self.rows += 1
        return out


@pytest.fixture
def store(speech_store: Callable[..., Store]) -> Store:
    return speech_store()


def drawn(store: Store, task: Any = GUIDED, seed: int = 0, repeats: int = 1, **table: Any) -> TrialList:
    settings = FaceTrialSettings(**{"sources": 3, "draws": 4, **table})
    return draw_trials([store], task.name, task.reference, settings, seed, repeats)


def go(system: System, trials: TrialList, store: Store, root: Path, task: Any = GUIDED, seed: int = 0) -> Translated:
    return translate(system, "half", task, trials.trials, Shelf([store], trials), root, seed, CPU)


def test_every_output_is_a_picture_of_the_systems_own_size(store: Store, tmp_path: Path) -> None:
    trials = drawn(store)
    done = go(Half(), trials, store, tmp_path)
    assert not done.failures
    assert done.vocoder is None
    assert done.real_time_factor is not None
    assert done.real_time_factor > 0
    shelf = Shelf([store], trials)
    for trial in trials.trials:
        assert output_path("half", trial) == f"media/half/{trial.trial}.png"
        got = read_image(tmp_path / output_path("half", trial)).astype(float)
        assert got.shape == (64, 64, 3)
        both = [shelf.rows(path, "face128")[0].astype(float).mean() for path in (trial.source, trial.reference)]
        assert got.mean() == pytest.approx(np.mean(both), abs=0.51), "its own source and its own reference"


def test_what_is_there_is_not_made_again(store: Store, tmp_path: Path) -> None:
    trials = drawn(store)
    go(Half(), trials, store, tmp_path)
    lost = tmp_path / output_path("half", trials.trials[5])
    before = lost.read_bytes()
    lost.unlink()
    again = Half()
    first = go(again, trials, store, tmp_path)
    assert again.rows == 1
    assert lost.read_bytes() == before
    assert go(Half(), trials, store, tmp_path).real_time_factor == first.real_time_factor, "earlier sessions count"


def test_a_full_disk_is_told_and_what_was_written_is_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark.runner import translate_pictures

    trials, real = drawn(store), translate_pictures.write_png
    names = {output_path("half", t).split("/")[-1] for t in trials.trials[:7]}

    def full(path: Path, image: Tensor) -> None:
        if path.name in names:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, image)

    monkeypatch.setattr(translate_pictures, "write_png", full)
    with pytest.raises(OSError, match="No space left"):
        go(Half(), trials, store, tmp_path)
    assert all(read_image(p).shape == (64, 64, 3) for p in tmp_path.rglob("*.png"))
    monkeypatch.setattr(translate_pictures, "write_png", real)
    assert not go(Half(), trials, store, tmp_path).failures
    assert len(list(tmp_path.rglob("*.png"))) == len(trials.trials)


def test_a_picture_with_nan_is_a_named_failure(store: Store, tmp_path: Path) -> None:
    trials = drawn(store)
    done = go(Half(broken=2), trials, store, tmp_path)
    assert done.failures == {trials.trials[2].trial: "the system gave a value that is not finite"}
    assert not (tmp_path / output_path("half", trials.trials[2])).exists()
    assert len(list(tmp_path.rglob("*.png"))) == len(trials.trials) - 1


def test_a_system_that_refuses_names_its_rows(store: Store, tmp_path: Path) -> None:
    class Refusing(Half):
        def translate(self, *_: Any) -> Tensor:
            raise BenchmarkError("no faces today")

    trials = drawn(store)
    assert set(go(Refusing(), trials, store, tmp_path).failures.values()) == {"no faces today"}


def test_a_latent_guided_row_has_the_targets_gender_and_a_latent_of_its_own(store: Store, tmp_path: Path) -> None:
    system, trials = Half(), drawn(store, LATENT)
    assert not go(system, trials, store, tmp_path, LATENT).failures
    assert system.genders == [t.target_gender for t in trials.trials]
    assert len(set(system.seeds)) == len(trials.trials)


def test_latents_of_a_repeat_are_those_of_its_own_seed(store: Store, tmp_path: Path) -> None:
    twice, alone = drawn(store, LATENT, 3, repeats=2), drawn(store, LATENT, 4)
    both, one = Half(), Half()
    go(both, twice, store, tmp_path / "both", LATENT, 3)
    go(one, alone, store, tmp_path / "one", LATENT, 4)
    assert [s for s, t in zip(both.seeds, twice.trials, strict=True) if t.repeat == 1] == one.seeds


@pytest.mark.parametrize(
    ("cls", "column"),
    [
        (CopySource, "source"),
        (CopyReference, "reference"),
        (GroundTruth, "other_target_face"),
        (RandomReference, "other_face"),
    ],
)
def test_a_control_is_judged_by_the_very_picture(store: Store, tmp_path: Path, cls: Any, column: str) -> None:
    trials = drawn(store)
    shelf, control = Shelf([store], trials), cls(ControlSettings())
    shelf.write(tmp_path)
    assert translate(control, "c", GUIDED, trials.trials, shelf, tmp_path, 0, CPU) == Translated(None, None, {})
    for trial in trials.trials:
        row = judged(control, "c", trial)
        assert (row.system, row.output, row.content) == ("c", getattr(trial, column), "")
        picture = read_image(tmp_path / row.output)
        assert np.array_equal(picture, shelf.rows(row.output, "face128")[0]), "bit for bit"
    assert not (tmp_path / "media" / "c").exists()


def test_a_control_without_a_picture_is_a_named_failure(tmp_path: Path) -> None:
    alone = [Trial(task=GUIDED.name, source="s", reference="r", trial="lonely")]
    control, shelf = RandomReference(ControlSettings()), Shelf([], TrialList())
    done = translate(control, "c", GUIDED, alone, shelf, tmp_path, 0, CPU)
    assert "no other picture" in done.failures["lonely"]


def sets(trials: list[Trial]) -> dict[tuple[str, int], list[str]]:
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for trial in trials:
        found[trial.source, trial.repeat].append(trial.reference)
    return found


def test_shuffled_sets_of_references_stay_whole(speech_store: Callable[..., Store]) -> None:
    trials = drawn(speech_store(16, 16), sources=6, draws=4, repeats=2).trials
    shuffled = shuffle_references(trials, 0)
    owner = {t.reference: (t.split, t.target_gender, t.target_id) for t in trials}
    for before, after in zip(trials, shuffled, strict=True):
        assert owner[after.reference][:2] == (before.split, before.target_gender)
        assert owner[after.reference][2] != before.target_id
        assert after.target_id == before.target_id, "the row is still judged against its own target"
    kept = Counter(frozenset(s) for s in sets(trials).values())
    assert Counter(frozenset(s) for s in sets(shuffled).values()) == kept
    assert all(len(set(s)) == 4 for s in sets(shuffled).values()), "as different as before"
    for repeat in (0, 1):
        given = [sorted(t.reference for t in rows if t.repeat == repeat) for rows in (trials, shuffled)]
        assert given[0] == given[1], "within the repeat"


def test_one_source_shuffles_its_own_references() -> None:
    rows = [
        Trial(source="s", reference=f"r{i}", target_id=f"p{i}", target_gender=0, trial=f"c-seen-{i}", draw=i)
        for i in range(4)
    ]
    got = [t.reference for t in shuffle_references(rows, 0)]
    assert sorted(got) == ["r0", "r1", "r2", "r3"]
    assert all(reference != f"r{i}" for i, reference in enumerate(got))


def test_a_lone_target_cannot_be_shuffled() -> None:
    rows = [Trial(source=f"s{i // 2}", reference="r", target_id="p", target_gender=0, draw=i % 2) for i in range(4)]
    assert [t.reference for t in shuffle_references(rows, 0)] == [""] * 4


def test_the_grid_crosses_people_of_both_genders(store: Store, tmp_path: Path) -> None:
    trials = drawn(store, sources=0)
    pairs = crossed(trials.trials)
    assert Counter(t.target_gender for t in pairs) == {0: 16, 1: 16}, "four people a gender are held out"
    for gender in (0, 1):
        here = [t for t in pairs if t.target_gender == gender]
        assert len({(t.source_id, t.target_id) for t in here}) == len(here) == 16
        assert {t.split for t in here} == {"unseen"}
    shelf = Shelf([store], trials)
    shelf.write(tmp_path)
    assert not translate(Half(), "grid/half", GUIDED, pairs, shelf, tmp_path, 0, CPU).failures
    write_grid(tmp_path, "grid/half", "half:tiny", pairs)
    whole = read_image(tmp_path / "grid.png").astype(int)
    assert min(whole.shape[:2]) > 300
    (tmp_path / output_path("grid/half", pairs[0])).unlink()
    write_grid(tmp_path, "grid/half", "half:tiny", pairs)
    changed = (np.abs(read_image(tmp_path / "grid.png").astype(int) - whole).sum(2) > 0).sum()
    assert 0 < changed <= 150**2, "one cell is grey, the others stay"


def test_the_grid_of_latents_is_of_a_sources_own_draws(store: Store) -> None:
    trials = drawn(store, LATENT, draws=10).trials
    pairs = crossed(trials)
    assert {t.reference for t in pairs} == {""}
    first = [t.draw for t in pairs if t.source == pairs[0].source]
    assert first == list(range(8))
