"""CAE as it is shipped for the embedded corpus: a network deaf to its voices would pass every other test."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.registry import parse_system
from benchmark.runner.corpora import derive_wanted, open_store
from benchmark.runner.shipped import find_shipped, load_shipped, training_speakers
from benchmark.runner.systems import build
from benchmark.settings import Profile, load_profile
from benchmark.upstream.face_judge.evaluate import judged
from benchmark.upstream.face_judge.load import face_judge, judged_size
from methods.cae.system import CAE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
        corpora = {"pocket_av_many": {"scale": 0.1, "frames_per_clip": 1}}
        made = open_store("pocket_av_many", None, Profile("mini", corpora=corpora), 0, 1)
        derive_wanted(build(parse_system("cae"), load_profile("pocket")), [made])
        return made


@pytest.fixture(scope="module")
def shipped() -> CAE:
    record = find_shipped("cae")
    assert record is not None
    system = build(parse_system("cae"), load_profile("pocket"), training_speakers(record))
    load_shipped(system, "cae", record)
    assert isinstance(system, CAE)
    return system.eval()


def faces(store: Store, rows: list[int]) -> torch.Tensor:
    of = feature("face128")
    return torch.cat([of.batch(torch.from_numpy(store.rows(of, i)[None, :1].copy())) for i in rows])


def made_of(system: CAE, store: Store, proposals: torch.Tensor, heard: list[int]) -> torch.Tensor:
    """The proposals with a recording each, whole."""
    of, outputs = feature("mel64"), []
    for proposal, i in zip(proposals, heard, strict=True):
        reference = {
            "mel64": of.batch(torch.from_numpy(store.rows(of, i)[None].copy())),
            "gender": torch.tensor([int(store.index["gender"][i])]),
        }
        with torch.no_grad():
            source = {"face128": proposal[None]}
            outputs.append(system.translate("face_from_voice", source, reference, torch.zeros(1, dtype=torch.long)))
    return torch.cat(outputs)


@pytest.mark.slow
def test_two_voices_give_two_faces(shipped: CAE, store: Store) -> None:
    """Of one proposal; one voice gives the same face again."""
    first = {int(who): i for i, who in reversed(list(enumerate(store.index["speaker"])))}
    heard = list(first.values())[:8]
    proposals = faces(store, [heard[-1]]).expand(8, -1, -1, -1)
    outputs = made_of(shipped, store, proposals, heard)
    moved = (outputs[:, None] - outputs).abs().mean((2, 3, 4))
    assert moved[~torch.eye(8, dtype=torch.bool)].min() > 0.01
    torch.testing.assert_close(made_of(shipped, store, proposals[:1], heard[:1])[0], outputs[0])


@pytest.mark.slow
def test_outputs_look_like_who_is_heard_more_than_like_others_of_the_gender(shipped: CAE, store: Store) -> None:
    """The judge has seen none of them. One output a recording, over a proposal of somebody else."""
    rows = list(range(len(store.records)))
    _, first, who = np.unique(store.index["speaker"], return_index=True, return_inverse=True)
    seen = faces(store, rows)
    outputs = made_of(shipped, store, seen[np.roll(first, -1)[who]], rows)
    with torch.no_grad():
        identity = [F.normalize(judged(face_judge(), judged_size(x)).identity, dim=1) for x in (outputs, seen)]
    likeness = identity[0] @ identity[1].T
    speaker, gender = (torch.from_numpy(store.index[name]) for name in ("speaker", "gender"))
    same = speaker[:, None] == speaker
    other = ~same & (gender[:, None] == gender)
    mean = [likeness[which].mean().item() for which in (same, other)]
    assert mean[0] - mean[1] > 0.08, f"own {mean[0]:.3f}, others of the gender {mean[1]:.3f}, {len(rows)} recordings"
