"""Loss curves in golden files, and tolerances measured over seeds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.reporting.curves import off_curve, reach, read_curves, spread
from benchmark.reporting.golden import read_golden

Make = Callable[..., Path]
Judge = Callable[..., tuple[int, str]]
GOLDEN = Path(__file__).parents[3] / "results/golden/training.json"


def trained(folder: Path, losses: list[float]) -> Path:
    """A run folder with a training log, learning rate and costs included."""
    log = folder / "systems/adain_cvc/train.jsonl"
    log.parent.mkdir(parents=True)
    lines = [
        {
            "step": 4 * i + 3,
            "auto/loss": loss,
            "auto/lr/all": 1e-3,
            "auto/grad_norm/all": 1.0,
            "steps_per_s": 2.0 + loss,
            "auto_seconds": loss,
        }
        for i, loss in enumerate(losses)
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_log_is_read_without_rates_and_costs(tmp_path: Path) -> None:
    assert read_curves(trained(tmp_path, [2.0, 1.0])) == {"adain_cvc": {"auto/loss": {3: 2.0, 7: 1.0}}}
    (tmp_path / "systems/adain_cvc/train.jsonl").write_text('{"step": 3}\n{"ste')
    with pytest.raises(BenchmarkError, match=r"train.jsonl:2 is no line of a training log"):
        read_curves(tmp_path)


def test_what_is_allowed_is_the_standard_deviation_over_runs() -> None:
    runs = [{"n": {"p/t": {3: value, 7: 5.0}}} for value in (1.0, 2.0, 3.0)]
    assert spread([*runs, {"n": {"p/t": {3: 2.0}}}]) == {"n": {"p/t": {3: 0.816497}}}, (
        "a step that one lacks is left out"
    )
    assert spread(runs) == {"n": {"p/t": {3: 1.0, 7: 0.0}}}


def test_one_training_in_twenty_lies_beyond_the_reach_of_five() -> None:
    assert reach([1.0, 2.0, 3.0]) == pytest.approx(4.302653 * (4 / 3) ** 0.5, rel=1e-5)
    draws = np.random.default_rng(0).normal(3.0, 0.5, (4000, 6))
    beyond = [abs(row[5] - row[:5].mean()) > reach(row[:5].tolist()) for row in draws]
    assert np.mean(beyond) == pytest.approx(0.05, abs=0.012)


def test_a_curve_that_leaves_the_band_or_lacks_a_value_is_said() -> None:
    a, allowed = {"n": {"p/t": {3: 2.0, 7: 1.0}}}, {"n": {"p/t": {3: 0.5, 7: 0.1}}}
    assert not list(off_curve(a, {"n": {"p/t": {3: 2.5, 7: 0.95}}}, allowed))
    ((status, text),) = off_curve(a, {"n": {"p/t": {3: 2.6, 7: 1.3}}}, allowed)
    assert (status, text) == ("differs", "n p/t: 2 of 2 values are off: step 7 is 1.3, A has 1 (allowed 0.1)")
    assert list(off_curve(a, {"n": {"p/t": {3: 2.0}}}, allowed)) == [("missing", "n p/t: no value at step 7")]
    ((status, _),) = off_curve(a, {"n": {"p/t": {3: float("nan"), 7: 1.0}}}, allowed)
    assert status == "differs"


def test_a_golden_file_of_several_seeds(made_run: Make, judge: Judge, tmp_path: Path) -> None:
    runs = [trained(made_run(f"s{i}", noise=i), [2.0 + 0.1 * i, 1.0]) for i in range(3)]
    golden = tmp_path / "golden.json"
    assert judge("--write", golden, runs[0], "--band", *runs[1:])[0] == 0
    stored = read_golden(golden)
    assert stored.band == ("0", "0", "0"), "the runs are made ones of one seed"
    assert stored.allowed == {"adain_cvc": {"auto/loss": {3: 0.1, 7: 0.0}}}
    tolerance = (stored.tolerances or {})["spksim@resemblyzer adain_cvc:pocket"]
    assert 0.002 < tolerance < 0.15
    assert "spksim@resemblyzer ground_truth" not in (stored.tolerances or {}), "what no seed moves has its usual one"
    assert judge(golden, runs[0])[0] == 0
    shutil.copytree(runs[0], tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved/systems")
    code, text = judge(golden, trained(tmp_path / "moved", [2.3, 1.0]))
    assert code == 1
    assert "differs  curve: adain_cvc auto/loss: 1 of 2 values are off: step 3 is 2.3, A has 2 (allowed 0.1)" in text
    code, text = judge(golden, made_run("untrained"))
    assert code == 1
    assert "missing  curve: adain_cvc auto/loss: no value at step 3, 7" in text
    assert judge("--write", golden, runs[1])[0] == 0
    assert read_golden(golden).allowed == stored.allowed, "kept, as tolerances are"


def test_a_band_without_a_golden_file_to_write_is_a_mistake(made_run: Make, judge: Judge) -> None:
    code, text = judge(made_run("a"), made_run("b"), "--band", made_run("c"))
    assert code == 2
    assert "--band goes with --write" in text


def test_the_golden_training_says_what_it_was_measured_with() -> None:
    golden = read_golden(GOLDEN)
    assert len(set(golden.band)) >= 3
    terms = golden.allowed["adain_cvc"]
    assert set(terms) == {"autoencode/reconstruction", "autoencode/kl"}
    for term, bounds in terms.items():
        assert len(bounds) == 10
        assert all(bound > 0 for bound in bounds.values()), term
    curve = list(golden.curves["adain_cvc"]["autoencode/reconstruction"].values())
    fall = curve[0] - curve[-1]
    assert fall > 3 * max(terms["autoencode/reconstruction"].values()), "it learns more than a seed moves it"
