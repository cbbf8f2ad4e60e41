"""AdaIN-VC as a system: objective, lengths, rows, controls, errors."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from baselines.adain_vc.system import AdainVC, AdainVCSettings, kl_divergence
from benchmark.errors import BenchmarkError
from benchmark.system import Step

SMALL = AdainVCSettings(channels=8, bank_channels=4, dense_blocks=2, code=5, embedding=6, batch=4, crop=40)
TASK = "audio_guided_vc"


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def column(rows: int, frames: int, bins: int = 80, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mel = torch.randn(rows, 1, bins, frames, generator=generator)
    return {f"mel{bins}": mel, "gender": torch.arange(rows) % 2, "speaker": torch.arange(rows)}


def make(**changes: object) -> AdainVC:
    torch.manual_seed(0)
    return AdainVC(replace(SMALL, **changes)).eval()  # type: ignore[arg-type]


def test_sizes_of_the_default_and_the_official_variant() -> None:
    def count(**changes: object) -> int:
        with torch.device("meta"):
            return sum(p.numel() for p in AdainVC(AdainVCSettings(**changes)).parameters())  # type: ignore[arg-type]

    assert count() == 4_892_880
    assert count(**AdainVC.variants["official"]) == 9_040_512


def test_defaults_are_the_published_ones() -> None:
    s = AdainVCSettings()
    assert (s.batch, s.crop, s.lr, s.weight_decay, s.amsgrad, s.clip) == (128, 128, 5e-4, 1e-4, True, 5.0)
    assert (s.lambda_rec, s.lambda_kl, s.kl_annealing) == (10.0, 1.0, 20_000)
    (optimizer,) = AdainVC(SMALL).optimizers().values()
    assert optimizer.options == {"betas": (0.9, 0.999), "amsgrad": True, "weight_decay": 1e-4}
    assert (optimizer.kind, optimizer.lr, optimizer.clip) == ("adam", 5e-4, 5.0)
    (draw,) = AdainVC(SMALL).draws().values()
    assert (draw.size, draw.columns["voice"].crop, draw.columns["voice"].pool) == (4, 40, "any")


def test_the_optimizer_holds_every_parameter_once() -> None:
    system = make()
    (optimizer,) = system.optimizers().values()
    held = [p for m in optimizer.modules for p in getattr(system, m).parameters()]
    assert {id(p) for p in held} == {id(p) for p in system.parameters()}
    assert len(held) == len(list(system.parameters()))


@pytest.mark.parametrize("index", [0, 4_999, 19_999, 50_000])
def test_terms_equal_the_objective_computed_by_hand(index: int) -> None:
    system, batch = make(), {"voice": column(3, 43)}
    terms = system("autoencode", batch, step(index, seed=7))
    x = batch["voice"]["mel80"][:, 0]
    mean, log_variance = system.content_encoder(x)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(7))
    decoded = system.decoder(mean + torch.exp(0.5 * log_variance) * noise, system.speaker_encoder(x))
    kl = 0.5 * torch.mean(torch.exp(log_variance) + mean**2 - 1 - log_variance)
    assert set(terms) == {"reconstruction", "kl"}
    torch.testing.assert_close(terms["reconstruction"], 10 * F.l1_loss(decoded[..., :43], x))
    torch.testing.assert_close(terms["kl"], min(1.0, (index + 1) / 20_000) * kl)


def test_kl_is_that_of_a_normal_to_the_standard_normal() -> None:
    mean, log_variance = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)


@pytest.mark.parametrize("changes", [{}, {"mel": "mel512"}, {"reference": "gender"}])
def test_gradient_reaches_every_parameter(changes: dict[str, str]) -> None:
    system = make(**changes).train()
    bins = 512 if changes.get("mel") == "mel512" else 80
    sum(system("autoencode", {"voice": column(4, 40, bins)}, step()).values()).backward()  # type: ignore[union-attr]
    for name, parameter in system.named_parameters():
        # A convolution's bias is taken off again by the instance normalisation behind it: its gradient is 0 in exact
        # arithmetic, so only its presence can be asked for.
        assert parameter.grad is not None, name
        assert parameter.dim() == 1 or parameter.grad.abs().sum() > 0, name


@settings(deadline=None, max_examples=25)
@given(st.integers(17, 120), st.integers(17, 60))
def test_the_output_is_as_long_as_the_source(frames: int, other: int) -> None:
    with torch.no_grad():
        out = make().translate(TASK, column(2, frames), column(2, other, seed=1), torch.zeros(2, dtype=torch.int64))
    assert out.shape == (2, 1, 80, frames)


@pytest.mark.parametrize("mel", ["mel80", "mel512"])
def test_rows_do_not_depend_on_their_neighbours(mel: str) -> None:
    system, bins = make(mel=mel).double(), int(mel[3:])
    source, reference = column(5, 61, bins), column(5, 33, bins, seed=1)
    source[mel], reference[mel] = source[mel].double(), reference[mel].double()
    seeds = torch.arange(5)
    with torch.no_grad():
        together = system.translate(TASK, source, reference, seeds)
        for i in range(5):
            one = {k: v[i : i + 1] for k, v in source.items()}, {k: v[i : i + 1] for k, v in reference.items()}
            alone = system.translate(TASK, *one, seeds[i : i + 1] + 100)
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-9)


def test_the_reference_decides_and_only_its_own_row() -> None:
    system, source = make(), column(2, 40)
    first, second = column(2, 40, seed=1), column(2, 40, seed=2)
    mixed = {k: torch.cat([first[k][:1], second[k][1:]]) for k in first}
    with torch.no_grad():
        a, b = (system.translate(TASK, source, r, torch.zeros(2, dtype=torch.int64)) for r in (first, mixed))
    torch.testing.assert_close(a[0], b[0])
    assert (a[1] - b[1]).abs().max() > 1e-3


def test_gender_only_sees_the_gender_alone() -> None:
    assert AdainVC.gender_only is not None
    system, source = make(**AdainVC.gender_only), column(2, 40)
    women = {"gender": torch.zeros(2, dtype=torch.int64)}
    men = {"gender": torch.ones(2, dtype=torch.int64)}
    seeds = torch.zeros(2, dtype=torch.int64)
    with torch.no_grad():
        first, second = (system.translate(TASK, source, column(2, 40, seed=s) | women, seeds) for s in (1, 2))
        other = system.translate(TASK, source, column(2, 40, seed=1) | men, seeds)
        assert torch.equal(first, second)
        assert (first - other).abs().max() > 1e-3
        with pytest.raises(BenchmarkError, match="unknown gender"):
            system.translate(TASK, source, column(2, 40) | {"gender": torch.tensor([0, -1])}, seeds)


def test_mel512_is_normalised_per_band_and_given_back_in_its_own_scale() -> None:
    plain, scaled = make(mel="mel512"), make(mel="mel512")
    mean, std = torch.linspace(-2, 3, 512), torch.linspace(0.5, 4, 512)
    assert scaled.statistics == {"mel512"}
    assert {"mel512_mean", "mel512_std"} <= set(scaled.state_dict())
    assert make().statistics == frozenset()
    scaled.get_buffer("mel512_mean").copy_(mean)
    scaled.get_buffer("mel512_std").copy_(std)
    source, reference = column(2, 40, 512), column(2, 40, 512, seed=1)

    def put(c: dict[str, Tensor]) -> dict[str, Tensor]:
        return c | {"mel512": c["mel512"] * std[:, None] + mean[:, None]}

    seeds = torch.zeros(2, dtype=torch.int64)
    with torch.no_grad():
        expected = plain.translate(TASK, source, reference, seeds) * std[:, None] + mean[:, None]
        got = scaled.translate(TASK, put(source), put(reference), seeds)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    losses = [
        s("autoencode", {"voice": c}, step())["reconstruction"] for s, c in ((plain, source), (scaled, put(source)))
    ]
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-4)


def test_a_few_steps_of_training_lower_the_reconstruction() -> None:
    system, batch = make().train(), {"voice": column(4, 40)}
    adam = torch.optim.Adam(system.parameters(), lr=3e-3, amsgrad=True)
    losses = []
    for i in range(15):
        terms = system("autoencode", batch, step(i, seed=i))
        adam.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        adam.step()
        losses.append(terms["reconstruction"].item())
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mel": "mel64"}, "mel is 'mel64'"),
        ({"reference": "face"}, "takes 'voice' or 'gender'"),
        ({"upsample": (2, 1, 1, 1, 1, 1)}, "same product"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        make(**changes)


def test_an_unknown_setting_is_a_type_error_of_the_dataclass() -> None:
    with pytest.raises(TypeError, match="chanels"):
        AdainVCSettings(chanels=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("short", ["source", "reference"])
def test_too_short_a_recording_says_how_long_it_must_be(short: str) -> None:
    frames = {"source": 40, "reference": 40} | {short: 16}
    with pytest.raises(BenchmarkError, match=r"16 mel frames is too short; give at least 17"):
        make().translate(
            TASK, column(1, frames["source"]), column(1, frames["reference"]), torch.zeros(1, dtype=torch.int64)
        )


def test_the_learning_rate_falls_only_where_asked() -> None:
    assert AdainVC(AdainVC.Settings()).optimizers()["all"].schedule is None
    schedule = AdainVC(AdainVC.Settings(lr_decay=100)).optimizers()["all"].schedule
    assert schedule is not None
    factors = [schedule(i) for i in range(0, 121, 10)]
    assert factors[0] == 1.0
    assert factors[5] == pytest.approx(0.5)
    assert factors[10:] == pytest.approx([0.0, 0.0, 0.0])
    assert factors == sorted(factors, reverse=True)
