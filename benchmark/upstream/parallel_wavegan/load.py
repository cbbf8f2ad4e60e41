"""Generators with trained weights: the shipped one, and published checkpoints of kan-bayashi's code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.mel import MEL80
from benchmark.settings import make
from benchmark.upstream import mel
from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.magnitudes import MagnitudeSettings
from benchmark.upstream.parallel_wavegan.network import Generator, GeneratorSettings, without_weight_norm
from benchmark.weights.reading import read_weights

N = TypeVar("N", bound=nn.Module)

POCKET = "pocket/parallel_wavegan.safetensors"
"""Its entry in weights.toml; its record lies beside it as .json."""
STARGANV2_VC = "parallel_wavegan_starganv2vc.pkl"
VCTK = "parallel_wavegan_vctk.pkl"
PUBLISHED: Mapping[str, str] = {
    STARGANV2_VC: mel.STARGANV2_VC,
    VCTK: "log10 of magnitudes, Slaney bands of 80 to 7600 Hz, normalised by its stats.h5",
}
"""Entry in weights.toml -> the mel it was trained on: the hash of the suite's, or in words."""
_OWN_WAY = "It can only be fed from a waveform analysed its own way, never with a mel of a system. Use another vocoder."

_NAMES = (
    (r"^first_conv\.", "entry."),
    (r"^upsample_net\.conv_in\.", "conditions.frames."),
    (r"^upsample_net\.upsample\.up_layers\.(\d+)\.", lambda found: f"conditions.smooth.{int(found[1]) // 2}."),
    (r"^conv_layers\.(\d+)\.conv\.", r"blocks.\1.dilated."),
    (r"^conv_layers\.(\d+)\.conv1x1_aux\.", r"blocks.\1.condition."),
    (r"^conv_layers\.(\d+)\.conv1x1_out\.", r"blocks.\1.onwards."),
    (r"^conv_layers\.(\d+)\.conv1x1_skip\.", r"blocks.\1.outwards."),
    (r"^last_conv_layers\.(\d+)\.", lambda found: f"exit.{int(found[1]) // 2}."),
    (r"\.weight_g$", ".parametrizations.weight.original0"),
    (r"\.weight_v$", ".parametrizations.weight.original1"),
)
"""What a tensor of kan-bayashi's generator is called here."""


def pocket_generator() -> Corrected:
    """The shipped network, without weight norm, in eval mode, without gradients, on the CPU.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get` and `load`; or its record names another mel.
    """
    path = weights.get(POCKET)
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    mel.check_mel(record.get("mel"), MEL80, path, "Train it again: python -m benchmark upstream parallel_wavegan")
    where = f"the record of {path.name}"
    generator = make(GeneratorSettings, record["settings"]["generator"], where)
    return load(path, generator, make(MagnitudeSettings, record["settings"]["magnitudes"], where))


def load(path: Path, settings: GeneratorSettings, magnitudes: MagnitudeSettings) -> Corrected:
    """The network of a .safetensors file that `recipe.RECIPE` made, ready to be heard.

    Raises:
        BenchmarkError: not such a file, or of other settings.
    """
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BenchmarkError(f"{path} cannot be read as weights: {error}") from error
    generator = Corrected(settings, magnitudes)
    without_weight_norm(generator)
    return _filled(generator, state, path)


def published_generator(name: str = STARGANV2_VC) -> Generator:
    """A published network of `PUBLISHED`, ready to be heard.

    Raises:
        MissingWeights, BenchmarkError: as `benchmark.weights.get` and `load_published`; a network of another mel.
    """
    mel.check_mel(PUBLISHED[name], MEL80, Path(name), _OWN_WAY)
    return load_published(weights.get(name))


def load_published(path: Path, settings: GeneratorSettings | None = None) -> Generator:
    """The generator of kan-bayashi's `{"model": {"generator": ...}}`, of vctk v1 unless said otherwise.

    Raises:
        BenchmarkError: not such a file, or of other settings; or with the statistics of a normalised mel.
    """
    file = read_weights(path)
    state = file["model"] if isinstance(file, Mapping) and isinstance(file.get("model"), Mapping) else {}
    found = state.get("generator")
    if not isinstance(found, Mapping):
        raise BenchmarkError(f"{path} has no generator; give a checkpoint of kan-bayashi's ParallelWaveGAN.")
    if {"mean", "scale"} & found.keys():
        mel.check_mel("a mel normalised by the statistics that it carries", MEL80, path, _OWN_WAY)
    generator = Generator(settings or GeneratorSettings())
    if not any(key.endswith("weight_g") for key in found):
        without_weight_norm(generator)
    return _filled(generator, {published_name(key): value for key, value in found.items()}, path)


def published_name(key: str) -> str:
    """What a tensor of kan-bayashi's generator is called here; other names stay as they are."""
    for pattern, replacement in _NAMES:
        key = re.sub(pattern, replacement, key)
    return key


def _filled(generator: N, state: Mapping[str, Any], path: Path) -> N:
    own = generator.state_dict()
    for key in sorted(own.keys() | state.keys()):
        shapes = [tuple(s[key].shape) if isinstance(s.get(key), Tensor) else None for s in (state, own)]
        if shapes[0] != shapes[1]:
            raise BenchmarkError(
                f"{path} does not hold the weights of this generator: {key} is {shapes[0] or 'absent'}, expected "
                f"{shapes[1] or 'none'}."
            )
    generator.load_state_dict(state)
    without_weight_norm(generator)
    return generator.eval().requires_grad_(False)
