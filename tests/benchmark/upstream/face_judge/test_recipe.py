"""How the judge of faces is trained: which labels a row gets, the losses, and that steps of it run."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import FEATURES, feature
from benchmark.system import Step
from benchmark.training.feed import Feed
from benchmark.training.loop import TrainSettings, train
from benchmark.training.plan import Plan
from benchmark.upstream.face_judge.labels import labels_of
from benchmark.upstream.face_judge.network import ATTRIBUTES, Judgement
from benchmark.upstream.face_judge.recipe import RECIPE, FaceJudgeTraining, Settings, standard

PLAIN = Settings(batch=8, steps=4, warm_up=2, shift=0, soft=0.0, noise=0.0, contrast=0.0, tint=0.0)


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda t: t)


def training(store: Store, settings: Settings = PLAIN) -> FaceJudgeTraining:
    torch.manual_seed(0)
    labels = labels_of(store)
    return FaceJudgeTraining(settings, labels, standard(store, labels), people=8)


def test_a_rows_labels_are_of_its_picture(faces: Store) -> None:
    """`record` indexes the store that the labels were made of."""
    trained, labels = training(faces), labels_of(faces)
    plan = Plan([faces], trained.draws(), seed=0, features=FEATURES)
    with Feed(plan, torch.device("cpu")) as feed:
        for number in range(3):
            face = feed.batches("faces", number)[0]["face"]
            for picture, record in zip(face["face128"], face["record"].tolist(), strict=True):
                stored = torch.from_numpy(faces.rows(feature("face128"), record)[0].copy())
                assert torch.equal(picture, stored.permute(2, 0, 1).float() / 127.5 - 1.0)
                assert faces.records[record].split == "train"
            torch.testing.assert_close(trained.degrees[face["record"]].numpy(), labels.pose[face["record"]])
            assert face["speaker"].max() < trained.people.out_features
            assert torch.equal(face["gender"], torch.from_numpy(faces.index["gender"])[face["record"]])


def test_scores_are_standard_over_the_training_pictures(faces: Store) -> None:
    trained = training(faces)
    rows = trained.attributes[[record.split == "train" for record in faces.records]]
    varied = rows.std(0) > 0
    torch.testing.assert_close(rows.mean(0)[varied], torch.zeros(int(varied.sum())), atol=1e-5, rtol=0)
    torch.testing.assert_close(rows.std(0)[varied], torch.ones(int(varied.sum())))


def test_the_losses_of_right_labels_and_wrong_people(faces: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = training(faces)
    own = np.array([i for i, record in enumerate(faces.records) if record.split == "train"])[::5]
    codes = {name: i for i, name in enumerate(dict.fromkeys(r.speaker for r in faces.records))}
    column = {
        "face128": torch.stack(
            [
                feature("face128").batch(torch.from_numpy(faces.rows(feature("face128"), int(i))[None].copy()))[0]
                for i in own
            ]
        ),
        "record": torch.from_numpy(own),
        "speaker": torch.tensor([codes[faces.records[i].speaker] for i in own]),
        "gender": torch.from_numpy(faces.index["gender"][own]),
    }
    mirror = torch.rand(len(own), generator=torch.Generator().manual_seed(0)) < 0.5
    assert mirror.any()
    assert not mirror.all()
    turn = torch.where(mirror[:, None], torch.tensor([-1.0, 1.0, -1.0]), torch.ones(3))
    scores = trained.attributes[column["record"]].clone()
    scores[:, ATTRIBUTES.index("light_azimuth")] *= turn[:, 0]
    who = torch.nn.functional.normalize(trained.people.weight)[(column["speaker"] + 1) % 8].detach()
    seen = []

    class Knowing(torch.nn.Module):
        spread = trained.network.spread

        def forward(self, x: torch.Tensor) -> object:
            seen.append(x)
            gender = 100.0 * (2.0 * column["gender"] - 1.0)
            return Judgement((), x, who, gender, turn * trained.degrees[column["record"]], scores)

    monkeypatch.setattr(trained, "network", Knowing())
    terms = trained.judge({"face": column}, step())
    assert float(terms["pose"]) == 0.0
    assert float(terms["gender"]) < 1e-12
    assert float(terms["attributes"]) < 1e-10
    cosine = who @ torch.nn.functional.normalize(trained.people.weight).T
    wanted = []
    for row, speaker in zip(cosine.tolist(), column["speaker"].tolist(), strict=True):
        logits = [16.0 * (c - 0.2 * (i == speaker)) for i, c in enumerate(row)]
        wanted.append(math.log(sum(map(math.exp, logits))) - logits[speaker])
    assert terms["people"].item() == pytest.approx(0.3 * sum(wanted) / len(wanted), rel=1e-5)
    shrunk = torch.nn.functional.interpolate(column["face128"], (64, 64), mode="bilinear", antialias=True)
    torch.testing.assert_close(seen[0], torch.where(mirror[:, None, None, None], shrunk.flip(3), shrunk))


def test_pictures_are_changed_but_recognisable(faces: Store) -> None:
    trained = training(faces, Settings())
    pictures = torch.rand(16, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 0.2 - 1.0
    pictures[:, :, 32:96, 32:96] += 1.2
    seen = trained.seen(pictures, torch.zeros(16, dtype=torch.bool), torch.Generator().manual_seed(0))
    assert seen.shape == (16, 3, 64, 64)
    assert seen.abs().max() <= 1.0
    assert (seen[:, :, 20:44, 20:44].mean((1, 2, 3)) > seen[:, :, :12].mean((1, 2, 3)) + 0.6).all()
    assert len({tuple(row.flatten()[:50].tolist()) for row in seen}) == 16


def test_the_rate_warms_up_and_falls_to_nothing(faces: Store) -> None:
    trained = training(faces, Settings(steps=100, warm_up=10))
    rates = [trained._rate(i) for i in range(101)]
    assert rates[9] == rates[10] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.0)


def test_forty_steps_learn_the_few_people_of_a_small_store(faces: Store, tmp_path: Path) -> None:
    trained = training(faces, Settings(batch=16, steps=40, warm_up=4))
    result = train(trained, [faces], tmp_path, TrainSettings(steps=40, log_every=10, device="cpu"))
    assert result.steps == 40
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    for term in ("people", "gender", "attributes"):
        assert lines[-1][f"judge/{term}"] < 0.8 * lines[0][f"judge/{term}"], term


def test_the_record_says_what_attributes_are_scores_of(faces: Store) -> None:
    described = RECIPE.describe(faces)["attributes"]
    assert tuple(described) == ATTRIBUTES
    rows = labels_of(faces).attributes[[record.split == "train" for record in faces.records]]
    np.testing.assert_allclose([d[0] for d in described.values()], rows.mean(0), atol=1e-4)
    assert RECIPE.corpus == "pocket_judge_faces", "a judge never sees a contestant's pool"
    assert set(RECIPE.train) >= {"steps"}
    assert RECIPE.train["steps"] == Settings.steps, "the rate ends where the training does"
