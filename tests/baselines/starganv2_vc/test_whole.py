"""StarGANv2-VC whole: a training that is broken off goes on as if it had not been; what translation depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.starganv2_vc.system import StarGANv2VC, cycled_betas
from benchmark.errors import BenchmarkError
from benchmark.runner.corpora import derive_wanted
from benchmark.training.checkpoint import load_trained, read
from benchmark.training.loop import TrainSettings, train

Make = Callable[..., StarGANv2VC]
TASK = "audio_guided_vc"


def mels(rows: int, seed: int, frames: int = 80) -> Tensor:
    return torch.randn(rows, 1, 80, frames, generator=torch.Generator().manual_seed(seed)) - 0.5


def run(
    make: Make, speech_store: Callable[..., Any], folder: Path, stops: list[int], **changes: Any
) -> tuple[dict[str, Any], str]:
    """Train to each of `stops` in turn -> (last checkpoint, the log's last line without times)."""
    store = speech_store(train=5, unseen=2, name=folder.name, seconds=1.2)
    short = {"classifier_start": 2, "consistency_start": 1, "cycle_momentum": 4, "lr": 1e-3, "ema": 0.9}
    for stop in stops:
        system = make(**{**short, **changes})
        derive_wanted(system, [store])
        result = train(system, [store], folder, TrainSettings(steps=stop, save_every=1, log_every=1, device="cpu"))
    return read(result.checkpoint), (folder / "train.jsonl").read_text().splitlines()[-1].split('"steps_per_s"')[0]


def test_a_resumed_training_is_the_uninterrupted_one(
    make: Make, speech_store: Callable[..., Any], tmp_path: Path
) -> None:
    """With dropout in the auxiliary networks, cycled betas, consistency and the classifier, which start on the way."""
    whole, line = run(make, speech_store, tmp_path / "whole", [3])
    pieces, same = run(make, speech_store, tmp_path / "pieces", [1, 3])
    assert line == same
    assert '"discriminator_latent/consistency"' in line
    assert '"generator_reference/classifier"' in line
    assert whole["optimizers"]["generator"]["param_groups"][0]["betas"] == pytest.approx(cycled_betas(2, 4, 0.99))
    assert not [name for name in whole["model"] if name.split(".")[0] in StarGANv2VC.upstream]
    for name, tensor in whole["model"].items():
        assert torch.equal(tensor, pieces["model"][name]), name
    for name, state in whole["ema"].items():
        for key, tensor in state.items():
            assert torch.equal(tensor, pieces["ema"][name][key]), (name, key)


def test_training_and_loading_give_the_averages(make: Make, speech_store: Callable[..., Any], tmp_path: Path) -> None:
    state, _ = run(make, speech_store, tmp_path / "run", [2], domains="gender")
    system = make(domains="gender", classifier_start=2, consistency_start=1, cycle_momentum=4, lr=1e-3, ema=0.9)
    load_trained(system, tmp_path / "run" / "step-000000002.pt")
    for name in ("generator", "mapping_network", "style_encoder"):
        for key, tensor in system.get_submodule(name).state_dict().items():
            assert torch.equal(tensor, state["ema"][name][key])


def test_the_gender_only_control_trains(make: Make, speech_store: Callable[..., Any], tmp_path: Path) -> None:
    state, line = run(make, speech_store, tmp_path / "run", [1], **(StarGANv2VC.gender_only or {}))
    assert state["model"]["style_encoder.table.weight"].shape == (2, 6)
    assert '"generator_reference/style"' in line


# --------------------------------------------------------------------------------------------------------- translation


def translate(system: StarGANv2VC, frames: int = 101, heard: int = 90, rows: int = 4, **changes: Tensor) -> Tensor:
    reference: Mapping[str, Tensor] = {
        "mel80": mels(rows, 2, heard),
        "speaker": torch.tensor([0, 4, 1, 3])[:rows],
        "gender": torch.tensor([0, 1, 1, 0])[:rows],
    }
    source = {"mel80": mels(rows, 1, frames), "gender": torch.zeros(rows, dtype=torch.int64)}
    with torch.no_grad():
        return system.eval().translate(TASK, source, {**reference, **changes}, torch.arange(rows))


@pytest.mark.parametrize("frames", [1, 4, 79, 100, 102, 191])
def test_an_output_is_as_long_as_its_source(make: Make, frames: int) -> None:
    assert translate(make(), frames).shape == (4, 1, 80, frames)


@pytest.mark.parametrize("heard", [1, 40, 79, 80, 133])
def test_references_may_be_short_or_long(make: Make, heard: int) -> None:
    assert bool(translate(make(), heard=heard).isfinite().all())


def test_of_a_whole_number_of_steps_nothing_is_padded(make: Make) -> None:
    system = make()
    x, reference = mels(4, 1, 100), mels(4, 2, 90)
    with torch.no_grad():
        style = system.style_encoder(reference, torch.tensor([0, 4, 1, 3]))
        expected = system.generator(x, style, system.eval().f0_network.features(x))
    torch.testing.assert_close(translate(system, 100), expected)


@pytest.mark.parametrize("changes", [{}, {"domains": "gender"}, {"domains": "gender", "reference": "gender"}])
def test_rows_depend_on_themselves_alone(make: Make, changes: dict[str, str]) -> None:
    system = make(**changes)
    together = translate(system)
    source, heard = mels(4, 1, 101), mels(4, 2, 90)
    for i, (speaker, gender) in enumerate(((0, 0), (4, 1), (1, 1), (3, 0))):
        column = {"mel80": heard[i : i + 1], "speaker": torch.tensor([speaker]), "gender": torch.tensor([gender])}
        with torch.no_grad():
            alone = system.translate(TASK, {"mel80": source[i : i + 1]}, column, torch.tensor([i]))
        torch.testing.assert_close(alone[0], together[i], atol=1e-4, rtol=1e-4)


def test_outputs_follow_voice_and_domain_of_the_reference(make: Make) -> None:
    system = make()
    plain = translate(system)
    assert not torch.allclose(plain, translate(system, mel80=mels(4, 3, 90)))
    assert not torch.allclose(plain, translate(system, speaker=torch.tensor([1, 0, 4, 2])))
    assert torch.equal(plain, translate(system, gender=torch.tensor([1, 0, 0, 1])))


def test_the_gender_only_control_hears_the_gender_and_nothing_else(make: Make) -> None:
    system = make(**(StarGANv2VC.gender_only or {}))
    plain = translate(system)
    assert torch.equal(plain, translate(system, mel80=mels(4, 3, 90)))
    assert not torch.allclose(plain, translate(system, gender=torch.tensor([1, 0, 0, 1])))


def test_a_reference_without_a_head_is_told(make: Make) -> None:
    unknown = torch.tensor([0, -1, 1, 2])
    with pytest.raises(BenchmarkError, match="starganv2_vc:one_shot"):
        translate(make(), speaker=unknown)
    with pytest.raises(BenchmarkError, match="unknown gender"):
        translate(make(domains="gender"), gender=unknown)
    assert translate(make(domains="gender"), speaker=unknown).shape == (4, 1, 80, 101)
