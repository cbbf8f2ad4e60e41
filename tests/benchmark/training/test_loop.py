"""What a step does, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.training import loop
from benchmark.training.checkpoint import load_trained, read


def test_the_loop_stays_readable() -> None:
    assert len(Path(loop.__file__).read_text().splitlines()) < 300


def test_a_phase_changes_its_own_modules_alone(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    settings = {"steps": 6}
    code, answer = start("train", stores=[av], folder=str(tmp_path), system="watched", settings=settings).wait()
    assert code == 0
    stepped = {"criticise": ["critic"], "make": ["maker", "mapping"], "late": ["maker"]}
    order = ["criticise", "make"] * 4 + ["criticise", "make", "late"] * 2
    assert [phase for phase, _, _ in answer["notes"]] == order
    for phase, _, free in answer["notes"]:
        assert free == stepped[phase]
    for (phase, _, _), (_, changed, _) in zip(answer["notes"], answer["notes"][1:], strict=False):
        assert changed == stepped[phase]


def test_upstream_is_hashed_not_saved(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    _, answer = start("train", stores=[av], folder=str(tmp_path), settings={"steps": 1}).wait()
    state = read(Path(answer["checkpoint"]))
    assert not any(name.startswith("judge") for name in state["model"])
    assert list(state["upstream"]) == ["judge"]
    assert len(state["upstream"]["judge"]) == 64


def test_accumulated_micro_batches_equal_one_batch(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    """True of losses that are means over rows."""
    states = []
    for accumulate in (1, 2, 4):
        folder = tmp_path / str(accumulate)
        options = {"accumulate": accumulate, "contrastive": False}
        code, answer = start(
            "train", stores=[av], folder=str(folder), system="contrast", options=options, settings={"steps": 3}
        ).wait()
        assert code == 0
        states.append(read(Path(answer["checkpoint"])))
    for other in states[1:]:
        for name, tensor in states[0]["model"].items():
            torch.testing.assert_close(other["model"][name], tensor, atol=1e-6, rtol=0)


def test_autocast_reaches_networks_and_not_batches(start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    settings = {"steps": 2, "precision": "bf16-mixed"}
    code, answer = start("train", stores=[av], folder=str(tmp_path), system="mixed", settings=settings).wait()
    assert code == 0
    assert read(Path(answer["checkpoint"]))["model"]["maker.0.weight"].dtype == torch.float32


@pytest.mark.parametrize("placement", ["host", "mapped"])
def test_placement_does_not_change_training(placement: str, start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    digests = []
    for place in ("device", placement):
        settings = {"steps": 6, "placement": place}
        code, answer = start("train", stores=[av], folder=str(tmp_path / place), settings=settings).wait()
        assert code == 0
        digests.append(answer["digest"])
    assert digests[0] == digests[1]


def test_nan_names_term_step_and_records(kit: ModuleType, start: Callable[..., Any], tmp_path: Path) -> None:
    store = kit.make_store(tmp_path / "store", kit.people(2, records=2), broken="toy-p0-1")
    folder = tmp_path / "run"
    code, answer = start(
        "train",
        stores=[str(store.folder)],
        folder=str(folder),
        settings={"save_every": 1, "steps": 40},
        system="contrast",
        options={"size": 2},
    ).wait()
    assert (code, answer["error"]) == (3, "NonFiniteLoss")
    assert "Phase 'contrast', step " in answer["message"]
    assert "nce = nan" in answer["message"]
    assert "grad_norm/encoders = nan" in answer["message"]
    assert "Records of the batch: voice: " in answer["message"]
    assert "toy-p0-1 (band)" in answer["message"]
    for path in folder.glob("step-*.pt"):
        assert all(t.isfinite().all() for t in read(path)["model"].values())


def test_statistics_are_those_of_training_rows(
    kit: ModuleType, start: Callable[..., Any], av: str, tmp_path: Path
) -> None:
    _, answer = start("train", stores=[av], folder=str(tmp_path), settings={"steps": 1}).wait()
    model = read(Path(answer["checkpoint"]))["model"]
    store = kit.Store(Path(av))
    flat, offsets = store.flat(kit.BAND)
    split = store.index["split"]
    rows = torch.cat(
        [torch.from_numpy(flat[offsets[i] : offsets[i + 1]].astype("f8")) for i in range(len(split)) if split[i] == 0]
    )
    torch.testing.assert_close(model["band_mean"][:, 0].double(), rows.mean(0), atol=1e-6, rtol=0)
    torch.testing.assert_close(model["band_std"][:, 0].double(), rows.std(0, correction=0), atol=1e-6, rtol=0)


def test_a_constant_bin_gets_std_one(kit: ModuleType, tmp_path: Path) -> None:
    from benchmark.training.records import Records
    from benchmark.training.statistics import row_statistics

    store = kit.make_store(tmp_path / "s", kit.people(3))
    flat, _ = store.flat(kit.BAND)
    raw = flat.copy()
    raw[:, 1] = -1.878
    raw.tofile(store.folder / "band.bin")
    mean, std = row_statistics(Records([store]), kit.BAND)
    assert std[1] == 1.0
    assert mean[1] == pytest.approx(-1.878, abs=1e-3)
    assert (std[[0, 2, 3]] != 1.0).all()


def test_inference_takes_the_averages(kit: ModuleType, start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    _, answer = start("train", stores=[av], folder=str(tmp_path)).wait()
    state = read(Path(answer["checkpoint"]))
    torch.manual_seed(0)
    system = kit.Duel()
    load_trained(system, Path(answer["checkpoint"]), kit.FEATURES)
    averaged = 0
    for name, tensor in system.maker.state_dict().items():
        assert torch.equal(tensor, state["ema"]["maker"][name])
        averaged += not torch.equal(tensor, state["model"][f"maker.{name}"])
    assert averaged >= 4
    assert torch.equal(system.critic[0].weight, state["model"]["critic.0.weight"])
    with pytest.raises(BenchmarkError, match="judge"):
        load_trained(kit.Duel(), Path(answer["checkpoint"]), kit.FEATURES)  # another upstream network
    other = {
        **kit.FEATURES,
        "band": kit.Feature("band", "audio", "float16", (4,), 80, "wave", None, kit.BAND.batch, {"hop": 11}),
    }
    torch.manual_seed(0)
    with pytest.raises(BenchmarkError, match=r"features.*band"):
        load_trained(kit.Duel(), Path(answer["checkpoint"]), other)


def test_bad_phases_are_refused(kit: ModuleType) -> None:
    class Lost(kit.Duel):  # type: ignore[misc,name-defined]
        def phases(self) -> Any:
            return (kit.Phase("make", ("nobody",), "pairs"),)

    with pytest.raises(BenchmarkError, match="nobody"):
        loop.check_phases(Lost(), 1)


@pytest.mark.parametrize("bad", [{"steps": 0}, {"steps": 1, "seed": -1}, {"steps": 1, "devices": 0}])
def test_bad_settings_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(BenchmarkError):
        loop.TrainSettings(**bad)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_said(kit: ModuleType, start: Callable[..., Any], av: str, tmp_path: Path) -> None:
    code, answer = start("train", stores=[av], folder=str(tmp_path), settings={"device": "cuda"}).wait()
    assert code == 2
    assert "no GPU" in answer["message"]
