"""What a training run says about itself: `train.jsonl` always, TensorBoard as well, a bar on a terminal."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import torch

from benchmark.atomic import write_text
from benchmark.errors import BenchmarkError


class Log:
    """The log of one process; a silent one writes nothing (every rank but the first).

    A line of `train.jsonl` holds step, the values given, steps_per_s and samples_per_s since the line before,
    peak_memory in bytes, and the seconds of each phase of this step. A resumed run drops the lines of steps that are
    done again.
    """

    def __init__(self, folder: Path, start: int, steps: int, device: torch.device, silent: bool = False) -> None:
        self._device = device
        self._silent = silent
        self._steps = self._samples = 0
        self._since = time.monotonic()
        if silent:
            return
        from torch.utils.tensorboard import SummaryWriter
        from tqdm import tqdm

        with _disk(folder):
            _cut(folder / "train.jsonl", start)
            self._file: IO[str] = (folder / "train.jsonl").open("a", encoding="utf-8")
            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=start)
        self._bar = tqdm(total=steps, initial=start, unit="step", dynamic_ncols=True, disable=None)
        self._folder = folder

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._silent:
            self._bar.close()
            self._file.close()
            self._board.close()

    def step(self, samples: int) -> None:
        """Count a step of `samples` rows."""
        self._steps += 1
        self._samples += samples
        if not self._silent:
            self._bar.update()

    def write(self, step: int, values: Mapping[str, float], seconds: Mapping[str, float]) -> None:
        """Write a line.

        Raises:
            BenchmarkError: the disk does not take it.
        """
        now, memory = time.monotonic(), peak_memory(self._device)
        elapsed = max(now - self._since, 1e-9)
        rates = {"steps_per_s": self._steps / elapsed, "samples_per_s": self._samples / elapsed, "peak_memory": memory}
        rates |= {f"{phase}_seconds": spent for phase, spent in seconds.items()}
        self._steps = self._samples = 0
        self._since = now
        if self._silent:
            return
        with _disk(self._folder):
            self._file.write(json.dumps({"step": step, **values, **rates}, allow_nan=False) + "\n")
            self._file.flush()
            for name, value in {**values, **rates}.items():
                self._board.add_scalar(name, value, step)
        self._bar.set_postfix_str(f"{rates['samples_per_s']:.1f} samples/s, peak {memory / 1e9:.2f} GB")


def read_losses(folder: Path, most: int | None = None) -> list[dict[str, float]]:
    """The losses that the log of a training holds, rounded to 4 digits: a row a line, each with its step. `most` (at
    least 2): thin them evenly to no more rows, the first and the last among them."""
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    every = 1 if most is None else max(1, math.ceil((len(lines) - 1) / (most - 1)))
    chosen = [line for i, line in enumerate(lines) if i % every == 0 or i == len(lines) - 1]
    return [{k: round(v, 4) for k, v in line.items() if k == "step" or _is_loss(k)} for line in chosen]


def _is_loss(key: str) -> bool:
    return "/" in key and "/lr/" not in key and "/grad_norm/" not in key


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Turns what the disk says into a message for the user."""
    try:
        yield
    except OSError as error:
        raise BenchmarkError(
            f"Cannot write the training log in {folder} ({error}). Checkpoints are whole: make room and run the same "
            "command to go on from the last."
        ) from error


def peak_memory(device: torch.device) -> int:
    """Bytes: the most that tensors took on a GPU, the most that the process took otherwise."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _cut(path: Path, start: int) -> None:
    """Drop the lines of steps from `start` on, and a last one that a kill cut short."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] < start:
                kept.append(line)
        except json.JSONDecodeError:
            break
    write_text(path, "".join(f"{line}\n" for line in kept))
