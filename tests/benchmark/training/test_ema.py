from __future__ import annotations

from types import ModuleType

import pytest
import torch

from benchmark.training.ema import Ema


@pytest.mark.parametrize("start", [0, 3])
def test_formula(kit: ModuleType, start: int) -> None:
    torch.manual_seed(1)
    system = kit.Duel()
    ema = Ema(system, start)
    expected = {n: p.detach().double().clone() for n, p in system.maker.named_parameters()}
    for step in range(6):
        with torch.no_grad():
            for parameter in system.maker.parameters():
                parameter += torch.randn_like(parameter)
            system.maker[1].running_mean += 1.0
        ema.update(step)
        for name, parameter in system.maker.named_parameters():
            live = parameter.detach().double()
            expected[name] = 0.9 * expected[name] + 0.1 * live if step >= start else live.clone()
    for name, parameter in ema.modules["maker"].named_parameters():
        torch.testing.assert_close(parameter.double(), expected[name], atol=1e-5, rtol=1e-5)
        assert not parameter.requires_grad
    for name, buffer in ema.modules["maker"].named_buffers():
        assert torch.equal(buffer, system.maker.get_buffer(name)), name
    assert not ema.modules["maker"].training


def test_decay_is_per_module(kit: ModuleType) -> None:
    system = kit.Duel()
    ema = Ema(system)
    with torch.no_grad():
        for module in (system.maker, system.mapping):
            for parameter in module.parameters():
                parameter.zero_()
    before = {name: [p.clone() for p in module.parameters()] for name, module in ema.modules.items()}
    ema.update(0)
    for name, decay in {"maker": 0.9, "mapping": 0.5}.items():
        for now, then in zip(ema.modules[name].parameters(), before[name], strict=True):
            torch.testing.assert_close(now, decay * then)
    assert set(ema.modules) == {"maker", "mapping"}


def test_a_system_may_name_other_weights_to_start_from(kit: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    system, other = kit.Duel(), kit.Duel()
    monkeypatch.setattr(system, "averages", lambda: {**kit.Duel.averages(system), "maker": other.maker})
    ema = Ema(system)
    for name, parameter in ema.modules["maker"].named_parameters():
        assert torch.equal(parameter, other.maker.get_parameter(name))
        assert parameter is not other.maker.get_parameter(name)
    ema.update(0)
    for name, parameter in ema.modules["maker"].named_parameters():
        expected = torch.lerp(other.maker.get_parameter(name), system.maker.get_parameter(name), 0.1)
        torch.testing.assert_close(parameter, expected)
