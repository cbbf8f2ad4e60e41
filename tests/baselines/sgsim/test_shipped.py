"""SGSIM as it is shipped for the embedded corpus, on twenty trials."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch

from baselines.sgsim.system import SGSIM
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.media.image import resized
from benchmark.registry import parse_system
from benchmark.runner.corpora import derive_wanted, open_store
from benchmark.runner.shipped import find_shipped, load_shipped
from benchmark.runner.systems import build
from benchmark.settings import Profile, load_profile
from benchmark.upstream.stylegan2.descend import descend

ROWS = 20


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
        corpora = {"pocket_av_many": {"scale": 0.05, "frames_per_clip": 1}}
        made = open_store("pocket_av_many", None, Profile("mini", corpora=corpora), 0, 1)
        derive_wanted(build(parse_system("sgsim"), load_profile("pocket")), [made])
        return made


@pytest.fixture(scope="module")
def shipped() -> SGSIM:
    record = find_shipped("sgsim")
    assert record is not None
    system = build(parse_system("sgsim"), load_profile("pocket"))
    load_shipped(system, "sgsim", record)
    assert isinstance(system, SGSIM)
    return system.eval()


def read(store: Store, key: str, rows: range) -> torch.Tensor:
    """(N, ..) of the first of every record; voices cut to the shortest."""
    of = feature(key)
    raw = [torch.from_numpy(store.rows(of, i).copy()) for i in rows]
    if key == "face128":
        return torch.cat([of.batch(one[None, :1]) for one in raw])
    return of.batch(torch.stack([one[: min(map(len, raw))] for one in raw]))


@pytest.mark.slow
def test_the_objective_falls_step_by_step_in_the_mean_of_twenty_trials(shipped: SGSIM, store: Store) -> None:
    """At every step but the first, which the ramp of the rate begins with 0; single rows may rise."""
    s = shipped.settings
    faces = resized(read(store, "face128", range(ROWS)), shipped.generator.settings.size)
    voices = {"mel128": read(store, "mel128", range(ROWS, 2 * ROWS)), "gender": torch.zeros(ROWS)}
    with torch.no_grad():
        audio = shipped.embed(voices)
        start = shipped.inverted(faces)
        first = shipped.generator(start)
        objective = partial(shipped.objective, start, first, audio)
        seen: list[torch.Tensor] = []

        def watched(styles: torch.Tensor) -> torch.Tensor:
            values = objective(styles)
            seen.append(values.detach())
            return values

        found = descend(start, watched, s.steps, s.rate)
        means = torch.stack([*seen, objective(found)]).mean(1)
        inverted = float((first - faces).square().mean().sqrt())
    values = means.tolist()
    assert values[1] == pytest.approx(values[0], abs=1e-6)
    assert all(after < before for before, after in pairwise(values[1:])), values
    assert values[-1] < 0.5 * values[0]
    assert inverted < 0.25, f"root mean squared difference of faces and their inversions: {inverted:.3f}"


@pytest.mark.slow
def test_the_same_seeds_give_the_same_pictures(shipped: SGSIM, store: Store) -> None:
    source = {"face128": read(store, "face128", range(4))}
    reference = {"mel128": read(store, "mel128", range(4, 8)), "gender": torch.zeros(4)}
    made = []
    for _ in range(2):
        shipped.inversions.clear()
        with torch.no_grad():
            made.append(shipped.translate("audio_guided_translation", source, reference, torch.arange(4)))
    assert torch.equal(*made)
