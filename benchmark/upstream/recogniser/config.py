"""An ESPnet configuration read and checked before anything is built of it (no torch, no espnet here).

A configuration comes with a published model, so it is data of somebody else: paths must stay in the model's folder, and
every component must be one that is built from the configuration alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from benchmark.errors import BenchmarkError

RATES = range(4000, 48_001)
_BUILT_HERE: Mapping[str, tuple[str | None, ...]] = {
    "frontend": ("default",),
    "normalize": (None, "global_mvn", "utterance_mvn"),
    "preencoder": (None, "sinc", "linear"),
    "encoder": (
        *("conformer", "transformer", "branchformer", "e_branchformer", "multiconv_conformer"),
        *("contextual_block_transformer", "contextual_block_conformer", "rnn", "vgg_rnn"),
    ),
    "postencoder": (None, "length_adaptor"),
    "decoder": (
        *("transformer", "lightweight_conv", "lightweight_conv2d", "dynamic_conv", "dynamic_conv2d"),
        *("rnn", "s4"),  # a transducer cannot be built without a package that is not in the stack
    ),
    "model": ("espnet",),
    "token_type": ("char", "bpe", "word"),
}
_BUILT_HERE_LM: Mapping[str, tuple[str | None, ...]] = {"lm": ("seq_rnn", "transformer"), "model": ("lm",)}
_DOWNLOADS = ("s3prl", "whisper", "hugging", "wav2vec", "hubert", "espnet_ssl", "fused", "beats", "longformer", "opt")


@dataclass(frozen=True)
class Options:
    """How to decode: arguments of ESPnet's Speech2Text by its own names.

    The beam and the weight of CTC are the suite's defaults; a `decode*.yaml` in the model's folder takes their place.
    """

    beam_size: int = 5
    ctc_weight: float = 0.5
    lm_weight: float = 0.0
    penalty: float = 0.0
    maxlenratio: float = 0.0
    minlenratio: float = 0.0
    normalize_length: bool = False
    time_sync: bool = False


LM_WEIGHT = 0.5
"""Where a model brings a language model and no `decode*.yaml`: as espnet/espnet_model_zoo's README decodes."""
_WITHOUT_EFFECT = ("batch_size", "nbest", "ngram_weight")  # on the best text of a model without an n-gram


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping, as plain data.

    Raises:
        BenchmarkError: not readable, or something else.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BenchmarkError(f"{path} is not a readable YAML file: {error}") from error
    if not isinstance(value, dict):
        raise BenchmarkError(f"{path} holds {type(value).__name__}, expected the keys of an ESPnet file.")
    return value


def inside(root: Path, value: object, where: str) -> Path:
    """The file that a model's own YAML names; relative to the model's folder, as espnet2.bin.pack writes it.

    Raises:
        BenchmarkError: no path, a path that leaves `root` (through links too), or no file there.
    """
    if not isinstance(value, str):
        raise BenchmarkError(f"{root}: {where} is {value!r}, expected a path inside the model.")
    path = (root / value).resolve()
    if not path.is_relative_to(root.resolve()):
        raise BenchmarkError(f"{root}: {where} names {value!r}, which lies outside the model. It is not used.")
    if not path.is_file():
        raise BenchmarkError(f"{root}: {where} names {value!r}, which is not there. Put the file in, or pack anew.")
    return path


def asr_config(path: Path, root: Path) -> dict[str, Any]:
    """The configuration of a recogniser with its paths resolved inside `root`, checked.

    Raises:
        BenchmarkError: it is none, or has a component that would be downloaded or is not known.
    """
    return check_asr(_resolved(read_yaml(path), root), path)


def check_asr(config: dict[str, Any], where: Path) -> dict[str, Any]:
    """The same configuration with what training alone needs taken out.

    Raises:
        BenchmarkError: as `asr_config`.
    """
    missing = sorted({"token_list", "encoder", "decoder", "ctc_conf", "model_conf"} - config.keys())
    if missing:
        raise BenchmarkError(f"{where} is no configuration of an ESPnet recogniser: {', '.join(missing)} missing.")
    config = {"frontend": "default", "model": "espnet", "frontend_conf": {}, **config, "init": None}
    if config.get("input_size") is not None:
        raise BenchmarkError(f"{where}: a recogniser of features (input_size set) cannot hear a waveform.")
    if config.get("use_adapter"):
        raise BenchmarkError(f"{where}: adapters (use_adapter) are not read here. Merge them into the weights.")
    _check(config, _BUILT_HERE, where)
    sample_rate(config)
    return config


def lm_config(path: Path, root: Path) -> dict[str, Any]:
    """The configuration of a language model, as `asr_config`."""
    config = {"model": "lm", **_resolved(read_yaml(path), root), "init": None}
    _check(config, _BUILT_HERE_LM, path)
    return config


def sample_rate(config: Mapping[str, Any]) -> int:
    """Rate in Hz of what the network hears; ESPnet writes 16000 or "16k".

    Raises:
        BenchmarkError: no rate of sound.
    """
    value = config["frontend_conf"].get("fs", 16000)
    text = str(value).strip().lower()
    try:
        rate = round(float(text[:-1]) * 1000) if text.endswith("k") else int(text)
    except ValueError:
        rate = 0
    if rate not in RATES:
        raise BenchmarkError(f"frontend_conf.fs is {value!r}, expected a rate of {RATES[0]} to {RATES[-1]} Hz.")
    return rate


def decoding(root: Path, with_lm: bool) -> Options:
    """The options of the one `decode*.yaml` in the model's folder; with none, or several, the defaults.

    Raises:
        BenchmarkError: that file asks for something that is not done here.
    """
    found = sorted(root.rglob("decode*.yaml"))
    if len(found) != 1:
        return Options(lm_weight=LM_WEIGHT if with_lm else 0.0)
    asked = {key: value for key, value in read_yaml(found[0]).items() if key not in _WITHOUT_EFFECT}
    strange = sorted(asked.keys() - {field.name for field in fields(Options)})
    if strange:
        raise BenchmarkError(f"{found[0]}: {', '.join(strange)} cannot be decoded with here. Remove it from the file.")
    return Options(**{"lm_weight": LM_WEIGHT, **asked} if with_lm else {**asked, "lm_weight": 0.0})


def _resolved(config: dict[str, Any], root: Path) -> dict[str, Any]:
    """`config` with the three paths that building reads made absolute; a token list in a file is read."""
    if isinstance(config.get("token_list"), str):
        text = inside(root, config["token_list"], "token_list").read_text(encoding="utf-8")
        config = {**config, "token_list": [line.rstrip() for line in text.splitlines()]}
    if config.get("token_type") == "bpe":
        config = {**config, "bpemodel": str(inside(root, config.get("bpemodel"), "bpemodel"))}
    if config.get("normalize") == "global_mvn":
        own = dict(config.get("normalize_conf") or {})
        own["stats_file"] = str(inside(root, own.get("stats_file"), "normalize_conf.stats_file"))
        config = {**config, "normalize_conf": own}
    return config


def _check(config: Mapping[str, Any], known: Mapping[str, tuple[str | None, ...]], where: Path) -> None:
    for kind, names in known.items():
        got = config.get(kind)
        if got in names:
            continue
        if isinstance(got, str) and any(part in got for part in _DOWNLOADS):
            raise BenchmarkError(f"{where}: {kind} {got!r} needs a download that cannot be verified. Choose another.")
        raise BenchmarkError(f"{where}: {kind} {got!r} is not read here; known: {', '.join(map(str, names))}.")
