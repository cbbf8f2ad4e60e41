"""Build an ESPnet recogniser from its configuration and give it weights that were read without unpickling.

espnet/espnet@202511:espnet2/tasks/abs_task.py loads weights with `weights_only=False`; so it is only asked to build.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmark.errors import BenchmarkError
from benchmark.upstream.recogniser.files import ModelFiles
from benchmark.weights.reading import read_weights


def load(files: ModelFiles) -> Any:
    """ESPnet's `Speech2Text` of that model: on the CPU, float32, in eval mode, without gradients.

    Raises:
        BenchmarkError: ESPnet cannot build the configuration, or the weights are not the ones of this network.
    """
    with quiet_import():
        from espnet2.bin.asr_inference import Speech2Text
    # Fresh weights are drawn before they are replaced; the caller's random numbers must not depend on that.
    with TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        given: dict[str, Any] = {"asr_train_config": _written(files.config, Path(folder) / "asr.yaml")}
        if files.lm_config is not None:
            given["lm_train_config"] = _written(files.lm_config, Path(folder) / "lm.yaml")
        try:
            speech2text = Speech2Text(**given, **asdict(files.options), device="cpu")
        except Exception as error:  # whatever a constructor says of arguments that came from a file
            raise BenchmarkError(f"{files.weights}: ESPnet 202511 cannot build its configuration: {error}") from error
    give_weights(speech2text.asr_model, files.weights)
    if files.lm_weights is not None:
        give_weights(nn.ModuleDict({"lm": speech2text.beam_search.scorers["lm"]}), files.lm_weights)
    speech2text.asr_model.requires_grad_(False)
    return speech2text


def give_weights(network: nn.Module, path: Path) -> None:
    """Load a state dict strictly.

    Raises:
        BenchmarkError: not readable without unpickling, or other names or shapes than the network's.
    """
    state = read_state(path)
    own = network.state_dict()
    wrong = [key for key in state.keys() & own.keys() if state[key].shape != own[key].shape]
    for what, keys in (
        ("missing", own.keys() - state.keys()),
        ("unexpected", state.keys() - own.keys()),
        ("of another shape", wrong),
    ):
        if keys:
            some = ", ".join(sorted(keys)[:5])
            raise BenchmarkError(f"{path} is not of this configuration: {len(keys)} weights {what} ({some}, ...).")
    network.load_state_dict(state)


def read_state(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of a .safetensors or .pth file; nothing in it is executed.

    Raises:
        BenchmarkError: damaged, or holds anything but tensors by name.
    """
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise BenchmarkError(f"{path} cannot be read as weights: {error}") from error
    state = read_weights(path)
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BenchmarkError(f"{path} holds more than weights by name (a training checkpoint?); use valid.*.ave.pth.")
    return dict(state)


def _written(config: Mapping[str, Any], path: Path) -> str:
    path.write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    return str(path)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Imports of ESPnet print to stdout, where one JSON document may have to stand alone, and fetch nltk data for text
    to phonemes, which no recogniser uses. Errors pass as they are."""
    import nltk  # type: ignore[import-untyped]

    download, log = nltk.download, logging.getLogger()
    level = log.level
    nltk.download = lambda *names, **options: False
    log.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        nltk.download = download
        log.setLevel(level)
