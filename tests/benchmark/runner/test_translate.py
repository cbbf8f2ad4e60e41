"""Trials -> media: shuffling, grouping, and rows that cannot be given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from baselines.controls import CopySource, GroundTruth, VocodedCopySource
from benchmark.corpora.prepared import Store
from benchmark.media.vocoder import GriffinLim
from benchmark.runner.shelf import Shelf
from benchmark.runner.shuffling import shuffle_references
from benchmark.runner.translate import content_path, output_path, translate
from benchmark.system import Column
from benchmark.tasks import TASKS
from protocols.trial import Trial
from protocols.trial_list import TrialList, VoiceTrialSettings
from protocols.trials import draw_trials

TASK = TASKS["image_guided_vc"]
CPU = torch.device("cpu")


@pytest.fixture
def drawn(speech_store: Callable[..., Store]) -> tuple[Store, TrialList]:
    store = speech_store()
    return store, draw_trials([store], TASK.name, "face", VoiceTrialSettings(trials=16, natural=2), 0)


def test_shuffled_references_keep_split_and_gender_but_never_the_target(drawn: tuple[Store, TrialList]) -> None:
    trials = drawn[1].trials
    shuffled = shuffle_references(trials, 0)
    owner = {t.reference: (t.target_id, t.target_gender, t.split) for t in trials}
    for before, after in zip(trials, shuffled, strict=True):
        target, gender, split = owner[after.reference]
        assert (gender, split) == (before.target_gender, before.split)
        assert target != before.target_id
        assert after.target_id == before.target_id, "the row is still judged against its own target"
    assert sorted(t.reference for t in shuffled) == sorted(t.reference for t in trials)


def test_a_lone_target_cannot_be_shuffled() -> None:
    trials = [Trial(reference="a", target_id="x", target_gender=0, trial=str(i)) for i in range(3)]
    assert [t.reference for t in shuffle_references(trials, 0)] == ["", "", ""]


def test_copy_source_is_the_source(drawn: tuple[Store, TrialList], tmp_path: Path) -> None:
    store, trials = drawn
    shelf = Shelf([store], trials)
    shelf.write(tmp_path)
    done = translate(CopySource(CopySource.Settings()), "copy_source", TASK, trials.trials, shelf, tmp_path, 0, CPU)
    assert not done.failures
    for trial in trials.trials:
        out, rate = soundfile.read(tmp_path / output_path("copy_source", trial), dtype="int16")
        source, _ = soundfile.read(tmp_path / trial.source, dtype="int16")
        assert rate == 24000
        assert np.array_equal(out, source)
    assert all((tmp_path / t.reference).is_file() for t in trials.trials)
    assert all((tmp_path / v).is_file() for t in trials.trials for v in t.natural_target_voice)


def test_a_ground_truth_says_the_words_of_the_source(drawn: tuple[Store, TrialList], tmp_path: Path) -> None:
    store, trials = drawn
    shelf, some = Shelf([store], trials), trials.trials[:3]
    shelf.write(tmp_path)
    truth = GroundTruth(GroundTruth.Settings())
    assert not translate(truth, "ground_truth", TASK, some, shelf, tmp_path, 0, CPU).failures
    for trial in some:
        words, source, voice = (
            soundfile.read(tmp_path / path, dtype="int16")[0]
            for path in (content_path("ground_truth", trial), trial.source, output_path("ground_truth", trial))
        )
        assert np.array_equal(words, source)
        assert not np.array_equal(words, voice)
    copy = CopySource(CopySource.Settings())
    translate(copy, "copy_source", TASK, some, shelf, tmp_path, 0, CPU)
    assert not (tmp_path / content_path("copy_source", some[0])).exists(), "an output that says the source's words"


def test_vocoded_outputs_have_the_sources_length(drawn: tuple[Store, TrialList], tmp_path: Path) -> None:
    store, trials = drawn
    system = VocodedCopySource(VocodedCopySource.Settings())
    shelf, vocoders = Shelf([store], trials), {"mel80": GriffinLim()}
    done = translate(system, "v", TASK, trials.trials[:2], shelf, tmp_path, 0, CPU, vocoders)
    assert done.vocoder == "griffin_lim"
    assert done.real_time_factor is not None
    assert done.real_time_factor > 0
    assert soundfile.info(tmp_path / output_path("v", trials.trials[0])).frames == 12000


def test_what_is_there_is_not_made_again(drawn: tuple[Store, TrialList], tmp_path: Path) -> None:
    store, trials = drawn

    class Counting(CopySource):
        rows = 0

        def translate(self, task: str, source: Column, reference: Column | None, seeds: Tensor) -> Tensor:
            Counting.rows += len(seeds)
            return super().translate(task, source, reference, seeds)

    shelf = Shelf([store], trials)
    for _ in range(2):
        translate(Counting(Counting.Settings()), "c", TASK, trials.trials, shelf, tmp_path, 0, CPU)
    (tmp_path / output_path("c", trials.trials[3])).unlink()
    translate(Counting(Counting.Settings()), "c", TASK, trials.trials, shelf, tmp_path, 0, CPU)
    assert Counting.rows == len(trials.trials) + 1


def test_rows_that_cannot_be_given_are_named(drawn: tuple[Store, TrialList], tmp_path: Path) -> None:
    store, trials = drawn

    class Broken(CopySource):
        def translate(self, task: str, source: Column, reference: Column | None, seeds: Tensor) -> Tensor:
            out = super().translate(task, source, reference, seeds).clone()
            out[0, 5] = torch.nan
            return out

    shelf = Shelf([store], trials)
    done = translate(Broken(Broken.Settings()), "b", TASK, trials.trials[:1], shelf, tmp_path, 0, CPU)
    assert done.failures == {trials.trials[0].trial: "the system gave a value that is not finite"}
    assert not (tmp_path / output_path("b", trials.trials[0])).exists()
    first = trials.trials[0]
    alone = [Trial(task=TASK.name, source=first.source, reference=first.reference, trial="lonely")]
    done = translate(GroundTruth(GroundTruth.Settings()), "g", TASK, alone, shelf, tmp_path, 0, CPU)
    assert "no other recording" in done.failures["lonely"]


def test_labels_are_those_of_training(drawn: tuple[Store, TrialList]) -> None:
    store, trials = drawn
    shelf = Shelf([store], trials)
    seen, unseen = (next(t for t in trials.trials if t.split == split) for split in ("seen", "unseen"))
    column = shelf.column([seen.source, unseen.source], ("wave24k",), CPU)
    assert column["speaker"].tolist() == [int(seen.source_id[1:]), -1], "a held-out speaker never reaches a head"
    assert column["gender"].tolist() == [seen.source_gender, unseen.source_gender]
    assert column["wave24k"].shape == (2, 12000)
