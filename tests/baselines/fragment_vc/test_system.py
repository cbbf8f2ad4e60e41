"""Fragment-VC as a system: curriculum, objective, lengths, rows, controls, errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.fragment_vc.content import READERS, content
from baselines.fragment_vc.curriculum import warm_half_cosine
from baselines.fragment_vc.system import FragmentVC, FragmentVCSettings
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.runner.corpora import derive_wanted
from benchmark.system import Step
from benchmark.training.checkpoint import read
from benchmark.training.loop import TrainSettings, check_phases, train
from benchmark.training.optimisers import Optimisers

TASK = "audio_guided_vc"
SMALL = FragmentVCSettings(
    content="pocket",
    width=8,
    hidden=8,
    kernel=3,
    post_channels=6,
    references=2,
    batch=3,
    accumulate=1,
    gender_frames=9,
    dropout=0.0,
    post_dropout=0.0,
    warmup=2,
    restart=4,
    alone=8,
    decay=12,
)


def make(**changes: Any) -> FragmentVC:
    torch.manual_seed(0)
    return FragmentVC(replace(SMALL, **changes)).eval()


def step(index: int = 0, seed: int = 0) -> Step:
    return Step(index, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def column(rows: int, frames: int, seed: int = 0, lengths: list[int] | None = None) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {
        "mel80": torch.randn(rows, 1, 80, frames, generator=generator),
        "gender": torch.arange(rows) % 2,
        "record": torch.arange(rows) + 10,
    }
    return found if lengths is None else found | {"mel80_rows": torch.tensor(lengths)}


def speakers(voice: Mapping[str, Tensor], frames: int, lengths: list[list[int]] | None = None) -> dict[str, Tensor]:
    """Three recordings a row, of which the row's own is the second."""
    rows = len(voice["record"])
    generator = torch.Generator().manual_seed(5)
    record = torch.stack([torch.arange(rows) + 30, voice["record"], torch.arange(rows) + 60], dim=1)
    found = {"mel80": torch.randn(rows, 3, 1, 80, frames, generator=generator), "record": record}
    return found if lengths is None else found | {"mel80_rows": torch.tensor(lengths)}


# ------------------------------------------------------------------------------------------------------------ settings


def test_defaults_are_the_published_ones() -> None:
    with torch.device("meta"):
        system = FragmentVC(FragmentVCSettings())
        official = FragmentVC(FragmentVCSettings(**FragmentVC.variants["official"]))
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in system.named_children()}
    assert sizes == {
        "content_encoder": 94_370_944,
        "unet": 24_727_808,
        "smoothers": 18_891_264,
        "mel_linear": 41_040,
        "post_net": 4_348_144,
    }
    assert {d: (draw.size, draw.columns["voice"].crop) for d, draw in system.draws().items()} == {
        "voices": (16, None),
        "speakers": (16, None),
    }
    assert system.draws()["speakers"].columns["references"].count == 11
    assert system.inputs[TASK] == ("mel80", "wave16k")
    assert official.inputs[TASK] == ("mel326", "wave16k")
    assert official.output[TASK] == "mel326"
    assert system.upstream == {"content_encoder"}
    assert [p.p for p in system.unet.modules() if isinstance(p, nn.Dropout)] == [0.1] * 3
    check_phases(system, 1)
    (first, second), optimizers = system.phases(), system.optimizers()
    assert (first.start, first.stop, first.accumulate) == (0, 50_000, 2)
    assert (second.start, second.stop, second.accumulate) == (50_000, None, 2)
    assert {n: (o.modules, o.kind, o.lr, dict(o.options)) for n, o in optimizers.items()} == {
        "all": (("unet", "smoothers", "mel_linear", "post_net"), "adamw", 1e-4, {"weight_decay": 0.01}),
        "unet": (("unet",), "adamw", 1e-6, {"weight_decay": 0.01}),
        "decoder": (("smoothers", "mel_linear", "post_net"), "adamw", 1e-4, {"weight_decay": 0.01}),
    }
    for name, start in (("all", 0), ("unet", 50_000), ("decoder", 50_000)):
        schedule = optimizers[name].schedule
        assert schedule is not None
        for k in (50_000, 50_100, 100_000, 249_999):
            assert schedule(k) == warm_half_cosine(k, start, 500, 250_000)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_rate": "official"}, "that of mel326"),
        ({"mel": "mel326"}, "read from mel80"),
        ({"restart": 8}, "must come before alone"),
        ({"heads": 3}, "heads 3 divide width 8"),
        ({"kernel": 4}, "kernel 4 be odd"),
        ({"warmup": 0}, "warmup 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        make(**changes)


def test_without_wav2vec_weights_it_is_said_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"wav2vec2_fairseq_base_ls960\.pth"):
        make(content="wav2vec2")


# ---------------------------------------------------------------------------------------------------------- curriculum


def spied(system: FragmentVC) -> list[tuple[Tensor, Tensor]]:
    """What `reconstruct` is given as reference and padding, from now on."""
    seen: list[tuple[Tensor, Tensor]] = []
    plain = system.reconstruct

    def reconstruct(voice: Any, reference: Tensor, padding: Tensor) -> Any:
        seen.append((reference, padding))
        return plain(voice, reference, padding)

    system.reconstruct = reconstruct  # type: ignore[method-assign]
    return seen


def test_at_first_a_recording_is_its_own_reference() -> None:
    system, voice = make(), column(3, 20, lengths=[20, 11, 16])
    seen = spied(system)
    system("from_itself", {"voice": voice}, step())
    ((reference, padding),) = seen
    assert torch.equal(reference, voice["mel80"][:, 0])
    assert (~padding).sum(1).tolist() == [20, 11, 16]


def test_later_the_references_are_the_speakers_other_recordings() -> None:
    system, voice = make(), column(3, 20)
    references = speakers(voice, 15, lengths=[[15, 9, 4], [3, 15, 6], [7, 7, 15]])
    seen = spied(system)
    system("from_others", {"voice": voice, "references": references}, step(8))
    ((reference, padding),) = seen
    mels = references["mel80"][:, :, 0]
    for row, (one, two) in enumerate([(15, 4), (3, 6), (7, 15)]):
        expected = torch.cat([mels[row, 0, :, :one], mels[row, 2, :, :two]], dim=1)
        assert torch.equal(reference[row, :, ~padding[row]], expected)


@pytest.mark.parametrize(("index", "share"), [(4, 1.0), (5, 0.75), (6, 0.5), (7, 0.25), (8, 0.0), (11, 0.0)])
def test_the_target_is_among_its_references_as_often_as_the_curriculum_says(index: int, share: float) -> None:
    """In all rows of a batch or in none, as the step's choices fall."""
    system, voice = make(), column(3, 6)
    batch = {"voice": voice, "references": speakers(voice, 5)}
    seen = spied(system)
    for seed in range(60):
        with torch.no_grad():
            system("from_others", batch, step(index, seed))
    frames = [reference.shape[2] for reference, _ in seen]
    assert set(frames) <= {10, 16}
    assert frames.count(16) / 60 == pytest.approx(share, abs=0.18)
    expected = [16 if np.random.default_rng(seed).random() >= 1 - share else 10 for seed in range(60)]
    assert frames == expected
    for reference, padding in seen:
        if reference.shape[2] == 16:
            assert torch.equal(reference[:, :, 10:], voice["mel80"][:, 0])
            assert not padding.any()


def test_the_second_phase_starts_with_fresh_optimisers_and_the_rates_rise_again(tmp_path: Path) -> None:
    system = make()
    fabric = type("Plain", (), {"device": torch.device("cpu"), "setup_optimizers": staticmethod(lambda o: o)})()
    optimisers = Optimisers(system, fabric)
    voice = column(3, 12)
    batch = {"voice": voice, "references": speakers(voice, 9)}
    rates: list[dict[str, float]] = []
    for k in range(8):
        (phase,) = [p for p in system.phases() if p.start <= k and (p.stop is None or k < p.stop)]
        assert phase.name == ("from_itself" if k < 4 else "from_others")
        optimisers.focus(phase.steps)
        before = {name: value.clone() for name, value in system.state_dict().items()}
        sum(system(phase.name, batch, step(k)).values()).backward()
        rates.append(optimisers.step(phase.steps, k, {}))
        moved = {
            name.split(".")[0]
            for name, p in system.named_parameters()
            if not torch.equal(before[name], p) and not name.startswith("content_encoder")
        }
        assert moved == (set() if k in (0, 4) else {"unet", "smoothers", "mel_linear", "post_net"})
        assert all(
            torch.equal(before[n], p) for n, p in system.content_encoder.state_dict(prefix="content_encoder.").items()
        )
    steps = {name: {int(s["step"]) for s in o["state"].values()} for name, o in optimisers.state_dict().items()}
    assert steps == {"all": {4}, "unet": {4}, "decoder": {4}}
    assert [set(r) for r in rates] == [{"lr/all"}] * 4 + [{"lr/unet", "lr/decoder"}] * 4
    assert [r["lr/all"] for r in rates[:4]] == pytest.approx([1e-4 * warm_half_cosine(k, 0, 2, 12) for k in range(4)])
    assert [r["lr/unet"] for r in rates[4:]] == pytest.approx(
        [1e-6 * warm_half_cosine(k, 4, 2, 12) for k in range(4, 8)]
    )


# ----------------------------------------------------------------------------------------------------------- objective


def test_the_objective_is_the_mean_over_recordings_of_each_ones_l1() -> None:
    system, lengths = make(), [20, 11, 16]
    voice = column(3, 20, lengths=lengths)
    got = system("from_itself", {"voice": voice}, step())["l1"]
    source, _ = content(system.content_encoder, READERS["pocket"], "mel80", voice, matched=True)
    padding = torch.arange(20) >= torch.tensor(lengths)[:, None]
    mel = voice["mel80"][:, 0]
    decoded = system.decode(source, mel, padding, padding)
    expected = [(decoded[i, :, :n] - mel[i, :, :n]).abs().mean() for i, n in enumerate(lengths)]
    torch.testing.assert_close(got, torch.stack(expected).mean())


def test_at_the_official_rate_only_the_overlap_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Content frame i beside mel frame i; here 8 of them in row 0, whose mel has 11 frames, and 5 in row 1, of 3."""
    system = make()
    features, lengths = torch.randn(2, 8, 64), torch.tensor([8, 5])
    monkeypatch.setattr(
        "baselines.fragment_vc.system.content", lambda *given: (features, lengths) if not given[-1] else None
    )
    system.settings = replace(system.settings, frame_rate="official")
    voice = column(2, 11, lengths=[11, 3])
    got = system("from_itself", {"voice": voice}, step())["l1"]
    mel, padding = voice["mel80"][:, 0], torch.arange(11) >= torch.tensor([[11], [3]])
    decoded = system.decode(features, mel, torch.arange(8) >= lengths[:, None], padding)
    expected = [(decoded[i, :, :n] - mel[i, :, :n]).abs().mean() for i, n in enumerate((8, 3))]
    torch.testing.assert_close(got, torch.stack(expected).mean())


def test_what_pads_a_reference_is_not_looked_at() -> None:
    system, voice = make(), column(2, 20)
    reference = torch.randn(2, 80, 30)
    padding = torch.arange(30) >= torch.tensor([[30], [17]])
    other = reference.clone()
    other[1, :, 21:] = 7.0  # beyond what three convolutions of the last own frame reach
    with torch.no_grad():
        one, two = (system.reconstruct(voice, mel, padding)["l1"] for mel in (reference, other))
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("changes", [{}, {"reference": "gender"}])
@pytest.mark.parametrize("phase", ["from_itself", "from_others"])
def test_gradient_reaches_every_parameter_that_an_optimiser_steps(phase: str, changes: dict[str, str]) -> None:
    system, voice = make(**changes).train(), column(3, 16)
    system(phase, {"voice": voice, "references": speakers(voice, 9)}, step(9))["l1"].backward()
    stepped = {p for o in system.optimizers().values() for m in o.modules for p in system.get_submodule(m).parameters()}
    assert {p for n, p in system.named_parameters() if not n.startswith("content_encoder")} == stepped
    for name, parameter in system.named_parameters():
        if parameter in stepped:
            assert parameter.grad is not None, name
            # A bias before a batch normalisation, or of keys, moves nothing.
            assert parameter.dim() == 1 or parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name


def test_a_few_steps_of_training_lower_the_error() -> None:
    system, batch = make(width=16, hidden=16).train(), {"voice": column(4, 24)}
    adam = torch.optim.AdamW([p for p in system.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for k in range(30):
        loss = system("from_itself", batch, step(k))["l1"]
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


# --------------------------------------------------------------------------------------------------------- translation


@pytest.mark.parametrize(("frames", "other"), [(1, 1), (17, 40), (64, 3)])
def test_the_output_is_as_long_as_the_source(frames: int, other: int) -> None:
    with torch.no_grad():
        out = make().translate(TASK, column(2, frames), column(2, other, seed=1), torch.zeros(2, dtype=torch.int64))
    assert out.shape == (2, 1, 80, frames)


def test_rows_do_not_depend_on_their_neighbours() -> None:
    system = make().double()
    source, reference = column(4, 31), column(4, 23, seed=1)
    source["mel80"], reference["mel80"] = source["mel80"].double(), reference["mel80"].double()
    seeds = torch.arange(4)
    with torch.no_grad():
        together = system.translate(TASK, source, reference, seeds)
        for i in range(4):
            one = {k: v[i : i + 1] for k, v in source.items()}, {k: v[i : i + 1] for k, v in reference.items()}
            alone = system.translate(TASK, *one, seeds[i : i + 1] + 100)
            torch.testing.assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-9)


def test_the_mel_of_the_source_is_not_looked_at_beside_its_content() -> None:
    """The voice of the source can only come through the content features."""
    system, source, reference = make(), column(2, 20), column(2, 12, seed=1)
    features = torch.randn(2, 64, 10)
    system.content_encoder = type("Fixed", (nn.Module,), {"forward": lambda self, mel: features})()
    seeds = torch.zeros(2, dtype=torch.int64)
    with torch.no_grad():
        one, two = (system.translate(TASK, column(2, 20, seed=s), reference, seeds) for s in (0, 7))
        other = system.translate(TASK, source, column(2, 12, seed=2), seeds)
    assert torch.equal(one, two)
    assert (one - other).abs().max() > 1e-4


def test_gender_only_sees_the_gender_alone() -> None:
    assert FragmentVC.gender_only is not None
    system, source = make(**FragmentVC.gender_only), column(2, 20)
    women, men = ({"gender": torch.full((2,), g)} for g in (0, 1))
    seeds = torch.zeros(2, dtype=torch.int64)
    translate = partial(system.translate, TASK, source)
    with torch.no_grad():
        first, second = (translate(column(2, 20, seed=s) | women, seeds) for s in (1, 2))
        other = translate(column(2, 20, seed=1) | men, seeds)
        assert torch.equal(first, second)
        assert (first - other).abs().max() > 1e-4
        with pytest.raises(BenchmarkError, match="unknown gender"):
            translate(column(2, 20) | {"gender": torch.tensor([0, -1])}, seeds)


# ----------------------------------------------------------------------------------------------------- a whole training


def run(speech_store: Callable[..., Any], folder: Path, stops: list[int], **changes: Any) -> dict[str, Any]:
    """Train to each of `stops` in turn -> the last checkpoint."""
    store = speech_store(train=4, unseen=2, recordings=(4, 1, 2), name=folder.name)
    derive_wanted(make(**changes), [store])
    for stop in stops:
        settings = TrainSettings(steps=stop, save_every=2, log_every=1, device="cpu")
        result = train(make(lr=1e-3, unet_lr=1e-3, batch=2, **changes), [store], folder / "run", settings)
    return read(result.checkpoint)


def test_whole_recordings_are_trained_on_through_both_phases(speech_store: Callable[..., Any], tmp_path: Path) -> None:
    state = run(speech_store, tmp_path / "store", [6], accumulate=2)
    lines = [json.loads(line) for line in (tmp_path / "store" / "run" / "train.jsonl").read_text().splitlines()]
    assert ["from_itself/l1" in line for line in lines] == [True] * 4 + [False] * 2
    assert ["from_others/l1" in line for line in lines] == [False] * 4 + [True] * 2
    assert not any(name.startswith("content_encoder") for name in state["model"])
    assert set(state["upstream"]) == {"content_encoder"}
    assert set(state["features"]) == {"mel80"}


def test_a_training_resumed_across_the_restart_is_the_uninterrupted_one(
    speech_store: Callable[..., Any], tmp_path: Path
) -> None:
    whole = run(speech_store, tmp_path / "whole", [7], crop=16)
    pieces = run(speech_store, tmp_path / "pieces", [3, 4, 5, 7], crop=16)
    for name, tensor in whole["model"].items():
        assert torch.equal(tensor, pieces["model"][name]), name


def test_the_gender_only_control_trains(speech_store: Callable[..., Any], tmp_path: Path) -> None:
    state = run(speech_store, tmp_path / "store", [6], reference="gender", crop=16)
    assert state["model"]["gender_bank.mels"].shape == (2, 80, 9)
    assert not torch.equal(
        state["model"]["gender_bank.mels"], make(reference="gender").state_dict()["gender_bank.mels"]
    )
