"""What the trainer is given, and what its phases see."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.media.mel import log_mel
from benchmark.system import Step
from benchmark.training.loop import TrainSettings, train
from benchmark.upstream.parallel_wavegan.losses import stft_loss
from benchmark.upstream.parallel_wavegan.magnitudes import MagnitudeSettings
from benchmark.upstream.parallel_wavegan.network import DiscriminatorSettings, GeneratorSettings
from benchmark.upstream.parallel_wavegan.recipe import PocketTraining
from benchmark.upstream.parallel_wavegan.recipe import Settings as PocketSettings
from benchmark.upstream.parallel_wavegan.training import ParallelWaveGANTraining, Settings, smoothed

SMALL = Settings(
    batch=2,
    samples=3000,
    adversarial_start=10,
    generator=GeneratorSettings(4, 2, 8, 8, 8),
    discriminator=DiscriminatorSettings(4, 8),
)
POCKET = PocketSettings(
    batch=2,
    samples=3000,
    smoothed=0.0,
    magnitude_steps=5,
    adversarial_start=10,
    generator=GeneratorSettings(4, 2, 8, 8, 8, upsample=(5, 5, 3), subbands=4),
    discriminator=DiscriminatorSettings(4, 8),
    magnitudes=MagnitudeSettings(16, 1),
)


def step(index: int) -> Step:
    return Step(index, torch.Generator().manual_seed(index), None, lambda rows: rows)


def crop(training: ParallelWaveGANTraining, voice: Tensor) -> dict[str, dict[str, Tensor]]:
    wanted = training.draws()["speech"].columns["speech"].crop
    assert wanted is not None
    return {"speech": {"wave24k": voice[:, :wanted]}}


def test_the_defaults_are_vctk_v1() -> None:
    own = ParallelWaveGANTraining(Settings())
    generator, discriminator = own.optimizers()["generator"], own.optimizers()["discriminator"]
    assert (generator.kind, generator.lr, generator.options, generator.clip) == ("radam", 1e-4, {"eps": 1e-6}, 10.0)
    assert (discriminator.lr, discriminator.clip) == (5e-5, 1.0)
    rates = [generator.schedule(s) for s in (0, 199_999, 200_000, 400_000)]  # type: ignore[misc]
    assert rates == [1.0, 1.0, 0.5, 0.25]
    later = [discriminator.schedule(s) for s in (100_000, 299_999, 300_000)]  # type: ignore[misc]
    assert later == [1.0, 1.0, 0.5], "the discriminator's begin when it does"
    assert [(phase.name, phase.start) for phase in own.phases()] == [("generate", 0), ("discriminate", 100_000)]
    assert own.settings.adversarial == 4.0


@pytest.mark.parametrize(("kind", "settings"), [(ParallelWaveGANTraining, SMALL), (PocketTraining, POCKET)])
def test_the_adversary_judges_and_teaches_from_its_step_on(kind: type, settings: Settings, voice: Tensor) -> None:
    torch.manual_seed(0)
    own = kind(settings)
    batch = crop(own, voice)
    before, after = own.generate(batch, step(9)), own.generate(batch, step(10))
    assert after.keys() - before.keys() == {"adversarial"}
    wave, _, true = own.made(batch["speech"]["wave24k"], step(10))
    said = {name: own.discriminator(x[:, None]) for name, x in (("fake", wave), ("real", true))}
    torch.testing.assert_close(after["adversarial"], settings.adversarial * (said["fake"] - 1).square().mean())
    after["adversarial"].backward()
    stepped = next(phase.steps for phase in own.phases() if phase.name == "generate")
    for name in (module for optimiser in stepped for module in own.optimizers()[optimiser].modules):
        gradients = [p.grad for p in own.get_submodule(name).parameters() if p.grad is not None]
        assert any(gradient.any() for gradient in gradients), f"{name} is stepped, and untaught by the judgement"
    own.zero_grad()
    terms = own.discriminate(batch, step(10))
    torch.testing.assert_close(
        terms, {"real": (said["real"] - 1).square().mean(), "fake": said["fake"].square().mean()}
    )
    sum(terms.values()).backward()
    assert all(p.grad is None for p in own.generator.parameters()), "its output is given"
    assert all(p.grad is not None for p in own.discriminator.parameters())


@pytest.mark.parametrize(("kind", "settings"), [(ParallelWaveGANTraining, SMALL), (PocketTraining, POCKET)])
def test_every_frame_heard_is_one_of_the_recording(
    kind: type, settings: Settings, voice: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = kind(settings)
    seen: list[Tensor] = []
    real = own.bands
    monkeypatch.setattr(own, "bands", lambda mel, step: seen.append(mel) or real(mel, step))
    offset = 600
    width = own.draws()["speech"].columns["speech"].crop
    _, _, true = own.made(voice[:, offset : offset + width], step(0))
    mel = log_mel(voice)
    first = offset // 300 + 2
    assert torch.allclose(seen[0], mel[..., first : first + seen[0].shape[-1]], atol=1e-5)
    begin = offset + 300 * (2 + 2 + 2)
    assert torch.equal(true, voice[:, begin : begin + 3000])
    assert seen[0].shape[-1] == 10 + 2 * (2 + 2), "ten frames, with context and margin"


def test_terms_are_the_losses_of_the_output(voice: Tensor) -> None:
    torch.manual_seed(0)
    own = ParallelWaveGANTraining(replace(SMALL, mel=3.0))
    batch = crop(own, voice)
    wave, _, true = own.made(batch["speech"]["wave24k"], step(1))
    terms = own.generate(batch, step(1))
    convergence, logarithm = stft_loss(wave, true)
    assert torch.equal(terms["convergence"], convergence)
    assert torch.equal(terms["logarithm"], logarithm)
    assert torch.allclose(terms["mel"], 3.0 * (log_mel(wave) - log_mel(true)).abs().mean())


def test_sub_bands_share_the_loss(voice: Tensor) -> None:
    torch.manual_seed(0)
    generator = GeneratorSettings(4, 2, 8, 8, 8, upsample=(5, 5, 3), subbands=4)
    whole = ParallelWaveGANTraining(replace(SMALL, generator=generator))
    shared = ParallelWaveGANTraining(replace(SMALL, generator=generator, subband_loss=True))
    shared.load_state_dict(whole.state_dict())
    alone, both = (own.generate(crop(own, voice), step(1)) for own in (whole, shared))
    assert torch.allclose(both["convergence"], 0.5 * alone["convergence"])
    assert both.keys() - alone.keys() == {"subband_convergence", "subband_logarithm"}


def test_the_phases_of_the_pocket_form(voice: Tensor) -> None:
    torch.manual_seed(0)
    own = PocketTraining(POCKET)
    assert [(p.name, p.start, p.stop) for p in own.phases()] == [
        ("shape", 0, 5),
        ("generate", 5, None),
        ("discriminate", 10, None),
    ]
    rate = own.optimizers()["magnitudes"].schedule
    assert [round(rate(s), 3) for s in (0, 5, 50)] == [1.0, 0.1, 0.1]  # type: ignore[misc]
    own.generate(crop(own, voice), step(5))["convergence"].backward()
    assert own.generator.magnitudes.exit.weight.grad.abs().max() > 0, "spectra of the output teach the magnitudes too"


def test_magnitudes_are_learnt_frame_by_frame(voice: Tensor) -> None:
    torch.manual_seed(0)
    own = PocketTraining(replace(POCKET, frames=30))
    optimiser = torch.optim.Adam(own.generator.magnitudes.parameters(), 0.02)
    losses = []
    for i in range(40):
        terms = own.shape({"speech": {"wave24k": voice}}, step(i))
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        losses.append(float(terms["convergence"].detach() + terms["logarithm"].detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_smoothing() -> None:
    mel = torch.randn(40, 1, 80, 30, generator=torch.Generator().manual_seed(0))
    source = torch.Generator().manual_seed(1)
    some = smoothed(mel, 0.5, 1.5, source)
    changed = (some - mel).abs().flatten(1).amax(1) > 1e-4
    assert 10 < changed.sum() < 30
    assert torch.equal(some[~changed], mel[~changed])
    assert (some[changed].flatten(1).std(1) < mel[changed].flatten(1).std(1)).all()
    assert torch.equal(smoothed(mel, 0.0, 1.5, source), mel)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "settings"), [(ParallelWaveGANTraining, replace(SMALL, lr=1e-3)), (PocketTraining, POCKET)]
)
def test_the_trainer_goes_past_the_start_of_the_adversary(
    kind: type, settings: Settings, speech_store: Callable[..., Store], tmp_path: Path
) -> None:
    """Sixteen steps, ten without a discriminator: it is as it was until then, and is stepped after."""
    store = speech_store(train=4, unseen=1, recordings=(3, 1, 1), seconds=1.0)
    torch.manual_seed(0)
    own = kind(settings)
    first = {name: value.clone() for name, value in own.discriminator.state_dict().items()}
    reached: dict[int, bool] = {}
    for steps in (settings.adversarial_start, settings.adversarial_start + 6):
        result = train(own, [store], tmp_path, TrainSettings(steps=steps, log_every=1, device="cpu"))
        assert result.steps == steps
        after = own.discriminator.state_dict()
        reached[steps] = any(not torch.equal(value, after[name]) for name, value in first.items())
    assert reached == {settings.adversarial_start: False, settings.adversarial_start + 6: True}
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    judged = [line["step"] for line in lines if "discriminate/real" in line]
    assert judged, "its terms are logged by the index of their step"
    assert min(judged) == settings.adversarial_start
    assert all(math.isfinite(value) for line in lines for value in line.values() if isinstance(value, float))
