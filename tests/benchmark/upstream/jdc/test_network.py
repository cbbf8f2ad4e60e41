"""The F0 network: its sizes, frozen values of the official code, any number of frames and rows, gradients.

`EXPECTED` was printed by hand by `JDCNet` of yl4579/StarGANv2-VC@985df557:Utils/JDC/model.py (voicing: by that of
yl4579/PitchExtractor@c4d518d6:model.py), both filled with `state` and given `mel` below, in float64.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.upstream.jdc.network import JDC, POCKET, JDCSettings

SMALL = JDCSettings(widths=(3, 4, 5, 6), hidden=4, unit=50.0)
EXPECTED = {
    "f0": """
        0.094211270675 0.126580181945 0.268207639753 0.073398450448 0.051438127475 0.046474964947
        0.122861287816 0.005009715796 0.134606241055 0.220602215092 0.121361252277 0.069977914204
    """,
    "silent": """
        0.676950758022 1.040875421387 0.837279552182 0.872261778685 0.874190756679 0.961247574796
        0.902454942412 0.403366383104 1.108284657970 1.031279117108 0.556601525257 0.808709531219
    """,
    "features": """
        1.833382949439 1.522456183613 1.128927432538 3.038798206390 2.392493809023 1.723529725394
        1.049379398817 0.846390665579 2.650919015509 4.676188593495 4.241081075115 2.426611890709
        2.572045458816 4.158443471283 3.889880602211 4.631902193773 4.890618353215 4.154031525444
        6.169262926457 4.497189014983 6.567425869716 4.688556023450 1.202075337708 2.701503566539
        -0.042541754828 -0.033792921192 -0.028161096068 -0.028658690669 -0.026219031891 -0.040292232364
        -0.031460227304 -0.042330471041 1.577185801155 1.322932102259 3.107186577416 1.631571018568
        2.319967299168 2.600327463483 0.233035062745 0.583163237639 2.610161722046 4.514880994041
        4.035873556731 5.302013099281 3.686752177163 5.021372911697 3.327053489358 2.645141856404
        4.709445774486 3.819500393809 5.393615056367 5.646423501521 5.201103547027 3.565484383230
        2.163673194211 3.384943879560 -0.026188323320 -0.035879845860 -0.033492297230 -0.042673816806
        -0.038172822769 -0.028297063436 -0.046826611965 -0.041795079556
    """,
    "pooled": """
        6.105394917343 4.643264899571 4.245137679301 4.285252137523 -0.003222970975 -0.004229978157
        -0.009302582849 -0.006410889502 5.223663323937 3.127152651006 4.088365889748 4.980062166906
        1.643908255742 0.550581034898 0.287363978890 0.465267334978 4.698489638457 4.014228896614
        4.290564738423 3.659829108174 -0.007363113218 -0.006122465383 -0.000274569594 -0.003747326495
        3.695691746590 2.508041472210 3.623799679426 3.467444267209 0.818482530016 0.906026010473
        -0.001540981292 0.432429722742
    """,
    "gradient": """
        -0.446583761992 0.294687137568 -0.405380930223 0.026440700215 1.757102192404 1.347126648868
        1.453893516707 -0.227269817318 -0.877265725781 -0.578208973851 -0.668490181571 -1.746023848471
        -1.566863233411 -1.258456828059 0.981395860528 1.183694393487 -0.428429507790 -0.311727351642
        -0.796738862605 0.275848067068 -0.127495238263 0.413830954687 -0.116989569150 0.799037493751
        1.258413568473 -0.352032349339 -0.377843366147 2.800074372065 -0.586057880694 -1.496078387867
        0.506868119476 -1.533295964855 1.542583561709 1.038316782833 2.900995466453 -1.732927004324
        -1.703655514643 -0.187977982063 -0.275675483287 -0.934119885451
    """,
}


def mel() -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).uniform(-1.8, 3.0, (2, 1, 80, 24)))


def close(values: Tensor, expected: str) -> None:
    np.testing.assert_allclose(values.flatten().numpy(), np.array(expected.split(), float), atol=1e-10, rtol=0)


def small(seed: int = 0) -> JDC:
    """With running statistics that no batch has."""
    torch.manual_seed(seed)
    network = JDC(SMALL).eval()
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.3)
    return network.requires_grad_(False)


def test_sizes() -> None:
    """With the detector that the official file carries and does not call."""
    with torch.device("meta"):
        assert sum(p.numel() for p in JDC().parameters()) == 5_248_067
        assert sum(p.numel() for p in JDC(POCKET).parameters()) == 120_939
        assert (JDC().channels, JDC(POCKET).channels) == (256, 32)


def test_readings_are_those_of_the_official_code(full: JDC) -> None:
    with torch.no_grad():
        found = full(mel())
    close(found.f0[:, ::4], EXPECTED["f0"])
    close(-found.voiced[:, ::4], EXPECTED["silent"])
    close(found.features[:, 5::64, ::3, 7::12], EXPECTED["features"])
    close(found.pooled[:, 9::64, :, 7::12], EXPECTED["pooled"])


def test_the_gradient_of_the_mel_is_that_of_the_official_code(full: JDC) -> None:
    x = mel().requires_grad_(True)
    found = full(x)
    (found.f0.mean() + found.features.mean() + found.pooled.mean()).backward()
    assert x.grad is not None
    close(1000.0 * x.grad[:, :, ::16, ::6], EXPECTED["gradient"])
    assert all(p.grad is None for p in full.parameters())


@pytest.mark.parametrize("frames", [1, 2, 50, 192, 200])
@pytest.mark.parametrize("rows", [1, 3])
def test_any_number_of_frames_and_rows(frames: int, rows: int, make_mels: Callable[[int, int], Tensor]) -> None:
    network, x = small(), make_mels(rows, frames)
    found = network(x)
    assert found.f0.shape == found.voiced.shape == (rows, frames)
    assert found.features.shape == (rows, 6, 10, frames)
    assert found.pooled.shape == (rows, 6, 2, frames)
    assert found.f0.min() >= 0.0
    assert torch.equal(network.features(x), found.features)


def test_a_row_is_read_alone(make_mels: Callable[[int, int], Tensor]) -> None:
    network, x = small(), make_mels(3, 40)
    together = network(x)
    for row in range(3):
        for whole, own in zip(together, network(x[row : row + 1]), strict=True):
            torch.testing.assert_close(whole[row], own[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("reading", ["f0", "features", "pooled", "voiced"])
def test_gradients_of_every_reading_reach_the_mel_and_leave_it_unchanged(
    reading: str, make_mels: Callable[[int, int], Tensor]
) -> None:
    x = make_mels(2, 20).requires_grad_(True)
    before = x.detach().clone()
    getattr(small()(x), reading).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.abs().amax((1, 2)) > 0.0).all()
    assert torch.equal(x, before)


def test_the_unit_scales_f0_alone(make_mels: Callable[[int, int], Tensor]) -> None:
    x, one = make_mels(1, 12), JDC(JDCSettings(widths=SMALL.widths, hidden=SMALL.hidden, unit=1.0)).eval()
    one.load_state_dict(small().state_dict())
    torch.testing.assert_close(small()(x).f0, 50.0 * one(x).f0)
    assert torch.equal(small()(x).voiced, one(x).voiced)


def test_the_last_pooling_drops_the_highest_bands_as_published_or_none() -> None:
    """Of 10 bands, fours leave 8 and 9 out."""
    x = torch.randn(1, 1, 80, 6, generator=torch.Generator().manual_seed(0))
    for taken in (4, 5):
        network = JDC(JDCSettings(widths=SMALL.widths, hidden=SMALL.hidden, last_pool=taken)).eval()
        found = network(x)
        for place in range(2):
            bands = found.features[:, :, taken * place : taken * (place + 1)]
            assert torch.equal(found.pooled[:, :, place], bands.amax(2))


def test_dropout_works_in_training_alone_and_lstms_always_train() -> None:
    """cuDNN has no gradient of an LSTM in eval mode."""
    network, x = small().train(), torch.randn(2, 1, 80, 9, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(network(x).f0, network(x).f0)
    network.eval()
    assert torch.equal(network(x).f0, network(x).f0)
    assert network.f0.lstm.training
    assert network.detector.lstm.training
    assert not network.norm.training
