"""How the judge of voices with faces is trained: what it chooses from, what stays frozen; steps of it teach."""

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
from benchmark.corpora.pocket.identity import VISIBLE
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.system import Step
from benchmark.training.feed import Feed
from benchmark.training.loop import TrainSettings, train
from benchmark.training.plan import Plan
from benchmark.upstream.face_judge.load import face_judge
from benchmark.upstream.matcher.evaluate import evaluate
from benchmark.upstream.matcher.network import Matcher
from benchmark.upstream.matcher.recipe import RECIPE, MatcherTraining, Settings, visible
from benchmark.upstream.voice_embedding.evaluate import drivers_of

PLAIN = Settings(batch=6, crop=100, steps=4, warm_up=1, hidden=0, voice_noise=0.0)


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda t: t)


def batch(genders: list[int]) -> dict[str, dict[str, Tensor]]:
    made, rows = torch.Generator().manual_seed(2), torch.arange(len(genders))
    return {
        "voice": {
            "mel64": torch.randn(len(rows), 1, 64, 100, generator=made),
            "record": rows,
            "gender": torch.tensor(genders),
        },
        "face": {"face128": 2 * torch.rand(len(rows), 3, 128, 128, generator=made) - 1, "record": rows},
    }


def test_both_sides_of_a_row_are_of_one_person_and_nobody_is_there_twice(pairs: Store) -> None:
    plan = Plan([pairs], MatcherTraining(PLAIN, visible(pairs)).draws(), seed=0)
    with Feed(plan, torch.device("cpu")) as feed:
        made = feed.batches("people", 3)[0]
    assert torch.equal(made["voice"]["speaker"], made["face"]["speaker"])
    assert len(set(made["voice"]["speaker"].tolist())) == 6
    assert made["voice"]["mel64"].shape == (6, 1, 64, 100)


def test_the_terms_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choices among everybody and among the gender, both ways; one map of both sides to what they have in common."""
    torch.manual_seed(0)
    drivers = torch.randn(4, len(VISIBLE))
    trained = MatcherTraining(replace(PLAIN, drivers=0.5), drivers)
    voices, faces = (functional.normalize(torch.randn(4, 64)) for _ in range(2))
    monkeypatch.setattr(trained.network, "voice", lambda mel: voices)
    monkeypatch.setattr(trained.network, "face", lambda pictures: faces)
    gender = [0, 1, 0, 1]
    terms = trained.match(batch(gender), step())
    score = PLAIN.scale * (voices @ faces.T).numpy()

    def loss(rows: np.ndarray, within: bool) -> float:
        found = []
        for i in range(4):
            among = [j for j in range(4) if not within or gender[j] == gender[i]]
            found.append(np.log(sum(np.exp(rows[i, j]) for j in among)) - rows[i, i])
        return 0.5 * float(np.mean(found))

    assert float(terms["all_faces"]) == pytest.approx(loss(score, False), rel=1e-4)
    assert float(terms["all_voices"]) == pytest.approx(loss(score.T, False), rel=1e-4)
    assert float(terms["within_faces"]) == pytest.approx(loss(score, True), rel=1e-4)
    assert float(terms["within_voices"]) == pytest.approx(loss(score.T, True), rel=1e-4)
    weight, bias = trained.drivers.weight, trained.drivers.bias
    for side, found in (("voice", voices), ("face", faces)):
        expected = 0.5 * ((found @ weight.T + bias - drivers) ** 2).mean()
        assert float(terms[f"drivers_{side}"]) == pytest.approx(float(expected), rel=1e-4)
    assert len(terms) == 6


def test_what_both_sides_have_in_common_leaves_out_what_is_hidden(pairs: Store) -> None:
    made = visible(pairs)
    assert made.shape == (len(pairs.records), 8)
    assert "hidden" not in VISIBLE
    corpus = PocketCorpus(seed=5, pool="pocket_judge_pairs", scale=0.01)
    for i in (0, len(pairs.records) - 1):
        np.testing.assert_allclose(made[i], corpus.identity(pairs.records[i]).vector[:-1], rtol=1e-6)
        np.testing.assert_allclose(drivers_of(pairs)[i], corpus.identity(pairs.records[i]).vector)


def test_embeddings_have_length_one_and_are_of_their_row_alone() -> None:
    torch.manual_seed(0)
    network = Matcher().eval()
    made = batch([0, 1, 0])
    pictures = functional.avg_pool2d(made["face"]["face128"], 2)
    for found, one in (
        (network.voice(made["voice"]["mel64"]), network.voice(made["voice"]["mel64"][1:2])),
        (network.face(pictures), network.face(pictures[1:2])),
    ):
        assert found.shape == (3, 64)
        torch.testing.assert_close(found.norm(dim=1), torch.ones(3))
        torch.testing.assert_close(one, found[1:2], atol=1e-5, rtol=0)
    with pytest.raises(BenchmarkError, match="No voice is heard"):
        network.voice(torch.zeros(1, 1, 64, 0))


@pytest.mark.slow
def test_steps_of_it_teach_and_leave_the_judge_as_it_is(pairs: Store, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = RECIPE.build(pairs)
    assert isinstance(trained, MatcherTraining)
    trained.settings = replace(PLAIN, steps=30, lr=3e-3, shift=0, soft=0.0, noise=0.0)
    result = train(trained, [pairs], tmp_path, TrainSettings(steps=30, log_every=5, device="cpu"))
    lines = [json.loads(line) for line in (result.checkpoint.parent / "train.jsonl").read_text().splitlines()]
    assert lines[-1]["match/all_faces"] < 0.8 * lines[0]["match/all_faces"]
    network = RECIPE.network(trained)
    assert network is trained.network
    shipped = face_judge().state_dict()
    assert all(torch.equal(value, shipped[name]) for name, value in trained.network.judge.state_dict().items())
    figures = evaluate(trained.network.eval(), pairs)
    assert figures["faces_any_seen"] > 0.6, "people that it was trained on, other recordings and pictures"
    assert set(figures) == {
        f"{name}_{split}"
        for split in ("seen", "unseen", "blurred")
        for name in (
            *(f"{m}_{s}" for m in ("faces", "voices", "auc", "eer") for s in ("any", "within")),
            "map_faces",
            "map_voices",
        )
    }
