"""How a voice embedding is trained: what is asked of whom, by which classifiers, and that steps of it teach."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.system import Step
from benchmark.training.loop import TrainSettings, train
from benchmark.upstream.face_embedding.network import FaceTrunkSettings
from benchmark.upstream.voice_embedding.augment import bands_hidden
from benchmark.upstream.voice_embedding.covariates import UNKNOWN, covariates_of
from benchmark.upstream.voice_embedding.evaluate import evaluate
from benchmark.upstream.voice_embedding.network import VoiceEmbeddingSettings
from benchmark.upstream.voice_embedding.recipe import RECIPE, SETTINGS
from benchmark.upstream.voice_embedding.training import Settings, VoiceEmbeddingTraining

SMALL = Settings(
    covariates=("identity", "gender"),
    voice=VoiceEmbeddingSettings((12, 12, 16, 16), 8),
    face=FaceTrunkSettings((4, 8, 8, 8, 8), embedding=8),
    batch=8,
    crop=100,
    steps=4,
    warm_up=1,
    hidden=0,
    noise=0.0,
)
LABELS = {"identity": torch.tensor([0, 1, 2, UNKNOWN]), "gender": torch.tensor([0, 1, 0, 1])}


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda t: t)


def batch(rows: list[int]) -> dict[str, dict[str, Tensor]]:
    made = torch.Generator().manual_seed(2)
    return {
        "voice": {"mel64": torch.randn(len(rows), 1, 64, 100, generator=made), "record": torch.tensor(rows)},
        "face": {"face128": torch.rand(len(rows), 3, 128, 128, generator=made), "record": torch.tensor(rows[::-1])},
    }


def test_labels_of_a_store_know_training_people_alone(people: Store) -> None:
    labels = covariates_of(people)
    assert set(labels) == {"identity", "gender"}, "the embedded corpus knows no nationality"
    for i, record in enumerate(people.records):
        assert labels["gender"][i] == record.gender
        assert (labels["identity"][i] == UNKNOWN) == (record.split == "unseen")
    shown = labels["identity"][labels["identity"] != UNKNOWN]
    assert sorted(set(shown.tolist())) == list(range(8))


def test_a_nationality_is_a_covariate_where_it_is_known(people: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [
        replace(r, nationality={0: "USA", 1: "Canada", 2: None}[i % 3]) if r.split == "train" else r
        for i, r in enumerate(people.records)
    ]
    monkeypatch.setattr(people, "records", known)
    labels = covariates_of(people)["nationality"]
    for label, record in zip(labels.tolist(), known, strict=True):
        assert label == {"Canada": 0, "USA": 1, None: UNKNOWN}[record.nationality]
    trained = VoiceEmbeddingTraining(replace(SMALL, covariates=("identity", "nationality")), {**covariates_of(people)})
    assert {n: tuple(p.shape) for n, p in trained.classifiers.items()} == {"identity": (8, 8), "nationality": (2, 8)}


def test_both_modalities_are_classified_by_the_same_parameters() -> None:
    torch.manual_seed(0)
    trained = VoiceEmbeddingTraining(SMALL, LABELS).eval()
    made = batch([0, 1, 2, 1])
    terms = trained.classify(made, step())
    assert set(terms) == {"voice_identity", "voice_gender", "face_identity", "face_gender"}
    assert set(trained.classifiers) == {"identity", "gender"}
    for side in ("voice", "face"):
        (gradient,) = torch.autograd.grad(terms[f"{side}_identity"], trained.classifiers["identity"], retain_graph=True)
        assert gradient.abs().max() > 0
    # By hand: additive margin on the right person, scaled cosines, cross entropy.
    found = trained.network(made["voice"]["mel64"])
    cosine = found @ functional.normalize(trained.classifiers["identity"]).T
    logits = 16.0 * cosine.detach().numpy()
    truth = np.array([0, 1, 2, 1])
    logits[np.arange(4), truth] -= 16.0 * 0.2
    expected = np.mean(np.log(np.exp(logits).sum(1)) - logits[np.arange(4), truth])
    assert terms["voice_identity"].item() == pytest.approx(float(expected), rel=1e-5)
    gender = 16.0 * (found @ functional.normalize(trained.classifiers["gender"]).T)
    expected_gender = functional.cross_entropy(gender, torch.tensor([0, 1, 0, 1]))
    assert terms["voice_gender"].item() == pytest.approx(float(expected_gender), rel=1e-5)


def test_an_unknown_label_asks_for_nothing() -> None:
    torch.manual_seed(0)
    trained = VoiceEmbeddingTraining(SMALL, LABELS).eval()
    with_unknown, without = batch([0, 1, 3]), batch([0, 1, 3])
    without["voice"] = {k: v[:2] for k, v in without["voice"].items()}
    a, b = (trained.classify(made, step())["voice_identity"] for made in (with_unknown, without))
    assert float(a) == pytest.approx(float(b), rel=1e-5)
    nobody = batch([3, 3])
    assert float(trained.classify(nobody, step())["voice_identity"]) == 0.0


def test_the_default_is_both_modalities_and_the_recipe_is_of_no_contestant() -> None:
    """Reading 15 of CAE's open points."""
    assert Settings().voice_pretrain == SETTINGS.voice_pretrain == "dimnet_i"
    assert RECIPE.corpus == "pocket_upstream_pairs"


def test_traits_are_read_from_both_modalities_by_one_map() -> None:
    torch.manual_seed(0)
    traits = torch.randn(4, 3)
    trained = VoiceEmbeddingTraining(replace(SMALL, traits=0.5), LABELS, traits).eval()
    made = batch([0, 1, 3])
    terms = trained.classify(made, step())
    read = trained.reading(trained.network(made["voice"]["mel64"]))
    assert terms["voice_traits"].item() == pytest.approx(
        0.5 * (read - traits[[0, 1, 3]]).square().mean().item(), rel=1e-5
    )
    for side in ("voice", "face"):
        (gradient,) = torch.autograd.grad(terms[f"{side}_traits"], trained.reading.weight, retain_graph=True)
        assert gradient.abs().max() > 0
    assert "reading" in trained.optimizers()["networks"].modules
    with pytest.raises(BenchmarkError, match="nobody knows traits"):
        VoiceEmbeddingTraining(replace(SMALL, traits=0.5), LABELS)


def test_the_recipe_asks_for_what_face_and_voice_have_in_common(people: Store) -> None:
    trained = RECIPE.build(people)
    corpus = PocketCorpus(seed=5, pool="pocket_upstream_pairs", frames_per_clip=1, scale=0.01)
    for i in (0, len(people.records) - 1):
        known = corpus.identity(people.records[i]).vector[:-1]
        np.testing.assert_allclose(trained.get_buffer("traits")[i], known, rtol=1e-6)


def test_softmax_is_voices_alone() -> None:
    trained = VoiceEmbeddingTraining(replace(SMALL, voice_pretrain="softmax", covariates=("identity",)), LABELS)
    assert set(trained.draws()["people"].columns) == {"voice"}
    assert not hasattr(trained, "face")
    assert set(trained.classify({"voice": batch([0, 1])["voice"]}, step())) == {"voice_identity"}


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="taught by identity"):
        replace(SMALL, covariates=("gender",))
    with pytest.raises(BenchmarkError, match="Nobody has labels of nationality; there are identity, gender"):
        VoiceEmbeddingTraining(replace(SMALL, covariates=("identity", "nationality")), LABELS)


def test_hidden_bands_are_neighbours_and_no_more_than_most() -> None:
    mel = torch.ones(400, 1, 64, 3)
    hidden = bands_hidden(mel, 10, torch.Generator().manual_seed(0))[:, 0, :, 0] == 0
    assert (hidden.sum(1) <= 10).all()
    assert hidden.sum(1).max() == 10
    assert (hidden.sum(1) == 0).any()
    assert ((hidden[:, 1:] & ~hidden[:, :-1]).sum(1) + hidden[:, 0].long() <= 1).all(), "one run of bands"
    assert hidden.any(0).all(), "every band is hidden in some row"
    assert torch.equal(bands_hidden(mel, 0, torch.Generator()), mel)


def test_noise_and_hidden_bands_are_what_is_heard() -> None:
    mel = torch.zeros(300, 1, 64, 20)
    trained = VoiceEmbeddingTraining(replace(SMALL, noise=1.0, noise_level=0.3), LABELS)
    heard = trained.heard(mel, torch.Generator().manual_seed(0))
    assert 0.28 < heard.flatten(1).std(1).max() < 0.32
    assert heard.flatten(1).std(1).min() < 0.02


@pytest.mark.slow
def test_steps_of_it_teach_and_ship_what_the_loader_takes(people: Store, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = VoiceEmbeddingTraining(replace(SMALL, steps=60, lr=3e-3), covariates_of(people))
    result = train(trained, [people], tmp_path, TrainSettings(steps=60, log_every=10, device="cpu"))
    lines = [json.loads(line) for line in (result.checkpoint.parent / "train.jsonl").read_text().splitlines()]
    assert lines[-1]["classify/voice_identity"] < 0.8 * lines[0]["classify/voice_identity"]
    assert RECIPE.network(trained) is trained.network
    figures = evaluate(trained.network, people)
    assert {key.rsplit("_", 1)[1] for key in figures} == {"unseen"}, "a training person has one held-out recording"
    assert 0.0 <= figures["auc_unseen"] <= 1.0
    assert figures["same_unseen"] > figures["gender_unseen"]
