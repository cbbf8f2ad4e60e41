"""Fragment-VC's networks against numbers computed once with yistLin/FragmentVC@79cc2ce, its layers called one by one
(`nn.TransformerEncoder` refuses them since torch 2.13, quirk Q36)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from baselines.fragment_vc.networks import Extractor, Unet, post_net, smoothers


class Networks(nn.Module):
    """The published sizes, all but the width: it alone is no constant of the official code."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.unet = Unet(80, 768, width, 2, 1024, 9, 0.1)
        self.smoothers = smoothers(3, width, 2, 1024, 9, 0.1)
        self.mel_linear = nn.Linear(width, 80)
        self.post_net = post_net(80, 512, 0.5)


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
    with torch.device("meta"):
        networks = Networks(512)
    assert {name: count(part) for name, part in networks.named_children()} == {
        "unet": 24_727_808,
        "smoothers": 18_891_264,
        "mel_linear": 41_040,
        "post_net": 4_348_144,
    }
    assert count(networks) == 48_008_256


FROZEN: dict[tuple[int, bool], dict[str, list[float]]] = {
    (16, False): {
        "unet": [-0.233559700582, -0.232522540667, 0.0732914217494, 0.0853131739556],
        "linear": [0.212595943512, 0.212604568105, 0.0866825377679, 0.122118306593],
        "mel": [0.310280489238, 0.310289113778, 0.110501696187, 0.14905758942],
    },
    (16, True): {
        "unet": [-0.235052346857, -0.232539860856, 0.0732896482256, 0.0850295291522],
        "linear": [0.212587848471, 0.212746479704, 0.0863304656387, 0.122161565768],
        "mel": [0.310272394307, 0.310431025132, 0.110149624313, 0.149082706068],
    },
    (512, False): {
        "unet": [-0.388101025634, -0.400429276691, 0.0847638931295, 0.0978706292779],
        "linear": [0.696227298917, 0.696579090073, 0.153506604973, 0.0925189505231],
        "mel": [0.793911779486, 0.794263557542, 0.177326152937, 0.125937269735],
    },
    (512, True): {
        "unet": [-0.393193362875, -0.400971283303, 0.084873641634, 0.096524867535],
        "linear": [0.696550252104, 0.697703072551, 0.154019283237, 0.0924766965428],
        "mel": [0.794234729392, 0.795387541614, 0.177838833305, 0.12566081309],
    },
}


@pytest.mark.parametrize(("width", "padded"), FROZEN)
def test_outputs_are_the_official_codes(width: int, padded: bool) -> None:
    """Sources of 14 and 9 frames, references of 11 and 23; masked frames are compared too: convolutions see them."""
    networks = Networks(width).double()
    fill(networks)
    networks.eval()
    source, reference = wave(2, 14, 768), wave(2, 80, 23, phase=1.0)
    masks: tuple[Tensor | None, Tensor | None] = (None, None)
    if padded:
        masks = (
            torch.arange(14) >= torch.tensor([[14], [9]]),
            torch.arange(23) >= torch.tensor([[11], [23]]),
        )
    with torch.no_grad():
        found = x = networks.unet(source, reference, *masks)
        for smoother in networks.smoothers:
            x = smoother(x, masks[0])
        linear = networks.mel_linear(x).mT
        mel = linear + networks.post_net(linear)
    for name, value in (("unet", found), ("linear", linear), ("mel", mel)):
        assert digest(value) == pytest.approx(FROZEN[width, padded][name], abs=1e-10), name


def test_the_smoothers_start_identical_and_are_not_one() -> None:
    first, second, third = smoothers(3, 8, 2, 16, 9, 0.1)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
        assert torch.equal(value, third.state_dict()[name])
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}


@pytest.mark.parametrize("residual", [False, True])
def test_without_a_residual_nothing_of_the_source_goes_on_but_where_it_looked(residual: bool) -> None:
    """A memory that is the same everywhere gives the same wherever one looks."""
    extractor = Extractor(8, 2, 16, 9, 0.1, residual).double().eval()
    memory = torch.randn(1, 1, 8, dtype=torch.double).expand(1, 12, 8)
    one, two = (torch.randn(1, 5, 8, dtype=torch.double) for _ in range(2))
    difference = (extractor(one, memory) - extractor(two, memory)).abs().max()
    assert (difference < 1e-9) == (not residual)


def test_order_of_the_reference_enters_through_its_neighbourhoods_alone() -> None:
    """Nothing knows positions: constant stretches of a reference may change places as far as edges do not matter."""
    unet = Unet(4, 6, 8, 2, 16, 9, 0.0).double().eval()
    source = torch.randn(1, 7, 6, dtype=torch.double)
    stretch = torch.randn(1, 4, 1, dtype=torch.double).expand(1, 4, 9)
    with torch.no_grad():
        short, long = unet(source, stretch), unet(source, torch.cat([stretch, stretch], dim=2))
    torch.testing.assert_close(short, long)


def test_dropout_stands_behind_the_last_layer_too_and_tanh_does_not() -> None:
    layers = list(post_net(80, 16, 0.5))
    assert [type(layer).__name__ for layer in layers[-3:]] == ["Conv1d", "BatchNorm1d", "Dropout"]
    assert sum(isinstance(layer, nn.Tanh) for layer in layers) == 4
    assert [layer.p for layer in layers if isinstance(layer, nn.Dropout)] == [0.5] * 5
