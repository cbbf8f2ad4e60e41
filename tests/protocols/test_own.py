"""A system's own network as a judge: its classes, its embeddings, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from benchmark.errors import BenchmarkError
from benchmark.registry import PROTOCOLS
from benchmark.upstream.face_embedding.network import FaceTrunk, FaceTrunkSettings
from benchmark.upstream.face_embedding.own import read_own, write_own
from protocols.own import Own
from protocols.protocol import Remarking, Together
from protocols.trial import Score, Trial

KEYS = tuple(key for key, entry in PROTOCOLS.items() if entry.target == "protocols.own:Own")
RETRIEVAL = tuple(key for key in KEYS if key.startswith("retrieval") and not key.endswith(":source"))
SPEAKERS = tuple(f"p{i}" for i in range(12))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    trunk = FaceTrunk(FaceTrunkSettings(widths=(4, 4, 8, 8, 8), embedding=16))
    write_own(tmp_path / "own.safetensors", trunk, nn.Linear(16, len(SPEAKERS)), SPEAKERS)
    return tmp_path / "own.safetensors"


def paint(path: Path, seed: int, side: int = 64) -> str:
    cells = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST).save(path)
    return path.name


def made_rows(folder: Path, side: int = 64) -> list[Trial]:
    """The last three targets are strangers to the classifier."""
    return [
        Trial(
            output=paint(folder / f"out{i}.png", i, side),
            system="s",
            task="face_from_voice",
            source=paint(folder / f"source{i}.png", 100 + i),
            reference=f"voice{i}.flac",
            source_id=f"p{(i + 1) % 12}",
            source_gender=(i + 1) % 2,
            target_id=f"p{i}",
            target_gender=i % 2,
            trial=f"pocket_made-seen-{i:04d}",
            split="seen",
            other_target_face=paint(folder / f"truth{i}.png", 200 + i),
            other_face=paint(folder / f"other{i}.png", 300 + i),
        )
        for i in range(15)
    ]


def judged(
    rows: Sequence[Trial], root: Path, own: Path | None, keys: Sequence[str] = KEYS
) -> dict[tuple[str, str], Score]:
    protocol = Own(*keys)
    protocol.ask_own(own)
    return {(s.metric, s.trial): s for s in protocol.score(rows, root)}


def looked(root: Path, name: str) -> torch.Tensor:
    picture = np.asarray(Image.open(root / name))
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def test_it_is_a_protocol_of_several_keys() -> None:
    together: Together = Own(*KEYS)
    remarking: Remarking = Own(*KEYS)
    assert together.metrics == remarking.metrics == KEYS
    assert len(KEYS) == 7
    assert together.weights == ()


def test_classes_and_cosines_are_those_of_the_network_itself(tmp_path: Path, own: Path) -> None:
    rows, judge = made_rows(tmp_path), read_own(own)
    found = judged(rows, tmp_path, own)
    values = []
    for row in rows:
        embedding = judge.embedding(looked(tmp_path, row.output))
        for family, name in (("target", row.other_target_face), ("input", row.source), ("random", row.other_face)):
            expected = torch.cosine_similarity(embedding, judge.embedding(looked(tmp_path, name))).item()
            assert found[f"cos_{family}@own", row.trial].value == pytest.approx(expected, abs=1e-5)
        best = judge.scores(embedding)[0].softmax(0).argsort(descending=True).tolist()
        for k in (1, 5, 10):
            key = (f"retrieval_top{k}@own", row.trial)
            if row.target_id in SPEAKERS:
                values.append(found[key].value)
                assert values[-1] == float(SPEAKERS.index(row.target_id) in best[:k])
            else:
                assert key not in found, "the classifier has no class of such a person"
        assert found["retrieval_top5@own:source", row.trial].value == float(SPEAKERS.index(row.source_id) in best[:5])
    assert set(values) == {0.0, 1.0}, "otherwise this test says nothing"


def test_other_rows_and_the_size_of_pictures_change_nothing(tmp_path: Path, own: Path) -> None:
    rows = made_rows(tmp_path)
    found = judged(rows, tmp_path, own)
    for row in rows[::4]:
        for key, score in judged([row], tmp_path, own).items():
            assert score.value == pytest.approx(found[key].value, abs=1e-5)
    large = judged(made_rows(tmp_path, 128), tmp_path, own)
    moved = [abs((large[key].value or 0) - (s.value or 0)) for key, s in found.items() if key[0] == "cos_target@own"]
    assert max(moved) < 0.05, "the filter blurs the edges of the cells alone"


def test_what_cannot_be_read_fails_its_row(tmp_path: Path, own: Path) -> None:
    rows = made_rows(tmp_path)
    (tmp_path / rows[0].output).write_bytes(b"no picture")
    (tmp_path / rows[1].other_face).unlink()
    rows[2] = replace(rows[2], output="")
    failed = {key: s.error or "" for key, s in judged(rows, tmp_path, own).items() if s.error is not None}
    assert {key for key in failed if key[1] == rows[0].trial} == {(key, rows[0].trial) for key in KEYS}
    assert [key for key in failed if key[1] == rows[1].trial] == [("cos_random@own", rows[1].trial)]
    assert failed["retrieval_top5@own", rows[2].trial] == "The row names no output."
    assert len(failed) == 2 * len(KEYS) + 1


def test_it_plans_what_it_gives(tmp_path: Path, own: Path) -> None:
    rows = made_rows(tmp_path)
    protocol = Own(*KEYS)
    protocol.ask_own(own)
    planned, found = protocol.planned(rows), judged(rows, tmp_path, own)
    for key in KEYS:
        assert sorted(planned["s", key]) == sorted(trial for metric, trial in found if metric == key)
    assert len(planned["s", "retrieval_top1@own"]) == 12
    assert len(planned["s", "cos_target@own"]) == 15


def test_without_such_a_judge_there_is_no_value_and_a_word_why(tmp_path: Path) -> None:
    rows = made_rows(tmp_path)
    protocol = Own(*KEYS)
    assert protocol.planned(rows) == {}, "a list that somebody else made is never told"
    protocol.ask_own(None)
    assert protocol.planned(rows) == {}
    assert list(protocol.score(rows, tmp_path)) == []
    (said,) = protocol.remarks(rows)
    assert said == f"{', '.join(KEYS)}: no system of this list has a classifier of its own."
    with pytest.raises(BenchmarkError, match="no face network of a system"):
        protocol.ask_own(tmp_path / rows[0].output)


def test_what_a_reader_has_to_know_is_said(tmp_path: Path, own: Path) -> None:
    rows = made_rows(tmp_path)
    protocol = Own(*KEYS)
    protocol.ask_own(own)
    judge, chance, proposed = protocol.remarks(rows)
    assert proposed.startswith("retrieval_top5@own:source: seen: 15 outputs, the person of the proposal searched for")
    assert "has seen the training data and has taught a contestant" in judge
    assert chance == (
        f"{', '.join(RETRIEVAL)}: seen: 12 outputs, the target searched for among 12 people (6 women, 6 men). Chance "
        "8.33 %, 41.7 %, 83.3 %; of one who knows the gender alone 16.7 %, 83.3 %, 100 %."
    )
