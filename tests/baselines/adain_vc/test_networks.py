"""AdaIN-VC's networks against numbers computed once with jjery2243542/adaptive_voice_conversion@d1cad9f."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from baselines.adain_vc.networks import ContentEncoder, ConvBank, Decoder, SpeakerEncoder, adain, pool, shuffle
from baselines.adain_vc.system import kl_divergence

SUB, UP = (1, 2, 1, 2, 1, 2), (2, 1, 2, 1, 2, 1)


def networks(bins: int, width: int, bank: int, code: int, embedding: int, dense: int) -> nn.ModuleList:
    return nn.ModuleList(
        [
            SpeakerEncoder(bins, width, embedding, 5, bank, 8, SUB, dense),
            ContentEncoder(bins, width, code, 5, bank, 8, SUB),
            Decoder(bins, width, code, embedding, 5, UP),
        ]
    )


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def fill(module: nn.Module) -> None:
    """Weights by formula, in the order of registration: no random generator can drift under the frozen numbers."""
    with torch.no_grad():
        for j, p in enumerate(module.parameters()):
            scale = 0.1 if p.dim() == 1 else math.sqrt(2 / p[0].numel())
            p.copy_((scale * torch.sin(0.37 * torch.arange(p.numel()).double() ** 1.1 + j)).reshape(p.shape))


def wave(*shape: int, phase: float = 0.0) -> Tensor:
    return torch.sin(0.7 * torch.arange(math.prod(shape)).double() ** 1.05 + phase).reshape(shape)


def digest(x: Tensor) -> list[float]:
    return [*(x.flatten()[i].item() for i in (0, x.numel() // 2, x.numel() - 1)), x.abs().mean().item()]


def test_parameter_counts_of_the_official_sizes() -> None:
    parts = networks(512, 128, 128, 128, 128, 6)
    assert [count(p) for p in parts] == [3_756_288, 3_574_656, 1_709_568]
    assert count(parts) == 9_040_512
    assert count(networks(80, 128, 128, 128, 128, 6)) == 4_892_880


FROZEN = {
    "full": (
        (512, 128, 128, 128, 128, 6),
        (2, 512, 40),
        {
            "embedding": [0.21246207205135995, -0.6233291714618295, 0.18046217075340912, 0.21510658563372995],
            "mean": [-0.9339326367689396, -0.601453488431324, -0.7533783947268186, 0.7398530256769167],
            "log_variance": [-0.6263970625010999, -0.3396520462916066, 1.6415118562201034, 0.7551888416181013],
            "decoded": [0.2921561810158083, 0.7637470385170696, 1.6433580574680065, 0.5838233761219007],
            "losses": [0.8373525783409868, 0.7086559657290848],
            "converted": [1.2478144651494805, 0.7463178508942235],
        },
    ),
    "small": (
        (80, 12, 5, 9, 7, 2),
        (3, 80, 41),
        {
            "embedding": [1.3085208097203536, -0.007516863936681828, 0.5836556712817529, 0.44141331069898176],
            "mean": [1.4188428869549623, 1.2504747528986009, -1.8678679100966564, 1.2702944137295527],
            "log_variance": [-1.238501033912446, 0.14081183074408893, 2.190292841848096, 1.3620772134079298],
            "decoded": [0.5530240026815021, 2.4427607595713434, -0.001799691384675998, 1.579881210856243],
            "losses": [1.7097725641368844, 3.2684762213771563],
            "converted": [-1.1250512887382775, 1.2466613560905873],
        },
    ),
}


@pytest.mark.parametrize("size", FROZEN)
def test_outputs_and_losses_equal_the_official_code(size: str) -> None:
    sizes, shape, expected = FROZEN[size]
    parts = networks(*sizes).double()
    fill(parts)
    speaker, content, decoder = parts
    x = wave(*shape)
    with torch.no_grad():
        embedding, (mean, log_variance) = speaker(x), content(x)
        decoded = decoder(mean + (log_variance / 2).exp() * wave(*mean.shape, phase=1.0), embedding)
        converted = decoder(mean, speaker(x.flip(0).flip(2)))
    assert decoded.shape[-1] == 8 * math.ceil(shape[-1] / 8)
    losses = [F.l1_loss(decoded[..., : shape[-1]], x).item(), kl_divergence(mean, log_variance).item()]
    got = {
        "embedding": digest(embedding),
        "mean": digest(mean),
        "log_variance": digest(log_variance),
        "decoded": digest(decoded),
        "losses": losses,
        "converted": [converted.flatten()[777].item(), converted.abs().mean().item()],
    }
    for name, values in expected.items():
        assert got[name] == pytest.approx(values, rel=1e-9, abs=1e-9), name


def test_one_seed_gives_the_official_losses() -> None:
    """Holds only while modules are made in the official order."""
    torch.manual_seed(0)
    speaker, content, decoder = networks(512, 128, 128, 128, 128, 6)
    torch.manual_seed(0)
    x = torch.randn(4, 512, 128)
    with torch.no_grad():
        embedding, (mean, log_variance) = speaker(x), content(x)
        decoded = decoder(mean + (log_variance / 2).exp() * torch.randn(mean.shape), embedding)
    assert F.l1_loss(decoded, x).item() == pytest.approx(1.03370, abs=5e-6)
    assert kl_divergence(mean, log_variance).item() == pytest.approx(2.66611, abs=5e-6)


def test_adain_takes_the_mean_first_and_adds_no_one() -> None:
    x, mean, std = torch.randn(2, 3, 50), torch.randn(2, 3), torch.randn(2, 3)
    y = adain(x, torch.cat([mean, std], dim=1))
    torch.testing.assert_close(y.mean(2), mean, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(y.std(2, unbiased=False), std.abs(), rtol=1e-3, atol=1e-3)


def test_shuffle_puts_neighbouring_channels_into_neighbouring_frames() -> None:
    x = torch.arange(12.0).reshape(1, 4, 3)
    expected = torch.tensor([[[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]]]).float()
    assert torch.equal(shuffle(x, 2), expected)
    assert torch.equal(shuffle(x, 1), x)


def test_pool_averages_what_is_left_at_the_end() -> None:
    assert torch.equal(pool(torch.tensor([[[1.0, 3.0, 7.0]]]), 2), torch.tensor([[[2.0, 7.0]]]))


def test_bank_ends_with_its_input_and_each_kernel_keeps_the_length() -> None:
    bank = ConvBank(3, 4, 8)
    x = torch.randn(2, 3, 11)
    y = bank(x)
    assert y.shape == (2, bank.width, 11)
    assert torch.equal(y[:, -3:], x)
    assert [k.kernel_size[0] for k in bank.kernels] == list(range(1, 9))  # type: ignore[union-attr,index]


@given(st.integers(17, 90))
def test_the_decoder_rounds_the_length_up_to_a_multiple_of_eight(frames: int) -> None:
    _, content, decoder = networks(4, 2, 1, 2, 3, 1)
    with torch.no_grad():
        mean, log_variance = content(torch.randn(1, 4, frames))
        decoded = decoder(mean, torch.randn(1, 3))
    assert mean.shape == log_variance.shape == (1, 2, math.ceil(frames / 8))
    assert decoded.shape == (1, 4, 8 * math.ceil(frames / 8))
