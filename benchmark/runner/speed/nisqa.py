"""`nisqa`: our batched reader of nisqa.tar against predict_dir of the nisqa package."""

from __future__ import annotations

import contextlib
import io
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmark import weights
from benchmark.runner.speed.measure import Comparison, Side
from benchmark.upstream.nisqa import nisqa_network
from protocols.nisqa import Nisqa
from protocols.trial import Trial

_WEIGHTS = "nisqa.tar"
_BATCHES, _WORKERS = (1, 4, 8, 16), (0, 2)


def default_batch() -> Comparison:
    return Comparison(ours, lambda folder: predict_dir(folder, 1, 0), "s a clip", 1e-3)


def best_batch() -> Comparison:
    """The peer's fastest pair of batch size and number of worker processes, found on the clips of the warming up."""
    chosen: list[tuple[int, int]] = []

    def peer(folder: Path) -> Side:
        if not chosen:  # the first folder is that of the warming up
            predict_dir(folder, 1, 0).run()
            chosen.append(min(product(_BATCHES, _WORKERS), key=lambda pair: _seconds(predict_dir(folder, *pair))))
        return predict_dir(folder, *chosen[0])

    return Comparison(ours, peer, "s a clip", 1e-3)


def ours(folder: Path) -> Side:
    nisqa_network(_WEIGHTS)
    trials = [Trial(output=path.name, system="speed", task="speed") for path in sorted(folder.iterdir())]
    return Side("ours", lambda: [_number(score.value) for score in Nisqa(_WEIGHTS).score(trials, folder)])


def predict_dir(folder: Path, batch: int, workers: int) -> Side:
    """The package over a folder; its network is built here, and what it prints is dropped."""
    from nisqa.NISQA_model import nisqaModel  # type: ignore[import-untyped]

    settings = {
        "mode": "predict_dir",
        "data_dir": str(folder),
        "pretrained_model": str(weights.get(_WEIGHTS)),
        "output_dir": None,
        "ms_channel": None,
        "tr_bs_val": batch,
        "tr_num_workers": workers,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        model = nisqaModel(settings)

    def run() -> list[float]:
        with contextlib.redirect_stdout(io.StringIO()):
            table: Any = model.predict()
        return [float(value) for value in table.sort_values("deg")["mos_pred"]]

    return Side(f"nisqa predict_dir, batch {batch}, {workers} workers", run)


def _seconds(side: Side) -> float:
    start = perf_counter()
    side.run()
    return perf_counter() - start


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
