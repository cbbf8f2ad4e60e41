"""Where a recogniser lies and what a metric calls it: the files of an ESPnet model (no torch, no espnet here)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmark import weights
from benchmark.errors import BenchmarkError, unknown
from benchmark.upstream.recogniser.config import Options, asr_config, check_asr, decoding, inside, lm_config, read_yaml
from benchmark.weights.archive import unpack

POCKET = "pocket"
_POCKET_WEIGHTS = "pocket/recogniser.safetensors"
_WEIGHT_SUFFIXES = (".pth", ".safetensors")


@dataclass(frozen=True)
class ModelFiles:
    """One recogniser on disk. Paths in `config` and `lm_config` are resolved and lie inside the model's folder.

    vocabulary: the words it can write, where its record says that there are no others.
    """

    name: str
    config: Mapping[str, Any] = field(repr=False)
    weights: Path
    options: Options = field(default_factory=Options)
    lm_config: Mapping[str, Any] | None = field(repr=False, default=None)
    lm_weights: Path | None = None
    vocabulary: frozenset[str] | None = field(repr=False, default=None)


def published() -> dict[str, str]:
    """Name of a published recogniser -> its entry in weights.toml, `espnet/<name>.zip`."""
    return {name[len("espnet/") : -len(".zip")]: name for name in weights.names() if name.startswith("espnet/")}


def weight_names(model: str) -> tuple[str, ...]:
    """Entries of weights.toml that a recogniser needs; none for a model of the user's own."""
    return (_POCKET_WEIGHTS,) if model == POCKET else (published()[model],) if model in published() else ()


def model_name(model: str) -> str:
    """What a metric's key calls it: the name itself, or, of a path, its last part and 8 hex digits of the sha256 of all
    its `hashes`; so a result says which network it was, and how it decoded, wherever it lay.

    Raises:
        BenchmarkError: as `find_model`, for a path.
    """
    return model if weight_names(model) else find_model(model).name


def find_model(model: str) -> ModelFiles:
    """The files of a recogniser.

    Args:
        model: "pocket", the name of a published one (weights.toml), or a path: a packed model (espnet2.bin.pack), the
            folder it was unpacked into, a folder with config.yaml and one .pth or .safetensors, or such a weight file
            with config.yaml beside it.

    Raises:
        MissingWeights: as `benchmark.weights.get`.
        BenchmarkError: unknown, no ESPnet recogniser, or one that cannot be used as it is.
    """
    if model == POCKET:
        return _pocket()
    if model in published():
        return _packed(_unpacked(weights.get(published()[model])), model)
    path = Path(model).expanduser().resolve()
    if path.is_dir():
        return _keyed(_packed(path, path.name))
    if path.suffix in _WEIGHT_SUFFIXES and path.is_file():
        return _keyed(_plain(path.parent, path, path.stem))
    if path.is_file():
        return _keyed(_packed(_unpacked(path), path.stem))
    raise unknown("recogniser", model, (POCKET, *published(), "a path to an ESPnet model"))


def _pocket() -> ModelFiles:
    path = weights.get(_POCKET_WEIGHTS)
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    words = record.get("vocabulary")
    config = check_asr(dict(record["config"]), path)
    return ModelFiles(POCKET, config, path, vocabulary=frozenset(words) if words else None)


def _packed(root: Path, name: str) -> ModelFiles:
    meta = next((path for path in (root / "meta.yaml", root / "packed" / "meta.yaml") if path.is_file()), None)
    if meta is None:
        found = sorted(path for path in root.glob("*") if path.suffix in _WEIGHT_SUFFIXES)
        if not found or not (root / "config.yaml").is_file():
            raise BenchmarkError(f"{root} is no ESPnet model: it has neither a meta.yaml nor config.yaml with a .pth.")
        if len(found) > 1:
            raise BenchmarkError(f"{root} holds {', '.join(p.name for p in found)}; name the one file that is meant.")
        return _plain(root, found[0], name)
    table = read_yaml(meta)
    files = {**_table(table, "files", meta), **_table(table, "yaml_files", meta)}
    if not {"asr_train_config", "asr_model_file"} <= files.keys():
        raise BenchmarkError(
            f"{meta} is of no recogniser: it names {', '.join(files)}, not asr_train_config and .._file."
        )
    if "ngram_file" in files:
        raise BenchmarkError(f"{meta}: a model with an n-gram (ngram_file) is not decoded here. Pack it without.")
    paths = {key: inside(root, value, f"meta.yaml {key}") for key, value in files.items()}
    spoken = {"lm_train_config", "lm_file"} <= paths.keys()
    options = decoding(root, spoken)
    spoken = spoken and options.lm_weight != 0.0
    return ModelFiles(
        name,
        asr_config(paths["asr_train_config"], root),
        paths["asr_model_file"],
        options,
        lm_config(paths["lm_train_config"], root) if spoken else None,
        paths["lm_file"] if spoken else None,
    )


def _plain(root: Path, path: Path, name: str) -> ModelFiles:
    if not (root / "config.yaml").is_file():
        raise BenchmarkError(f"{path} is a weight file without config.yaml beside it.")
    return ModelFiles(name, asr_config(root / "config.yaml", root), path, decoding(root, with_lm=False))


def _table(meta: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    table = meta.get(key)
    if not isinstance(table, dict):
        raise BenchmarkError(f"{path} is no meta.yaml of espnet2.bin.pack: `{key}` is {type(table).__name__}.")
    return table


def hashes(files: ModelFiles) -> dict[str, str]:
    """sha256 of everything that decides what a recogniser writes: weights, language model, the files that its
    configuration names, and the configurations and decoding options themselves, whatever folder they lie in."""
    found = {"weights": _sha256(files.weights)}
    if files.lm_weights is not None:
        found["language model"] = _sha256(files.lm_weights)
    settings = {"asr": files.config, "lm": files.lm_config, "options": asdict(files.options)}
    text = json.dumps(settings, sort_keys=True, default=str)
    own = dict(files.config.get("normalize_conf") or {})
    for role, named in (("bpemodel", files.config.get("bpemodel")), ("stats_file", own.get("stats_file"))):
        if named:
            found[role] = _sha256(Path(named))
            text = text.replace(json.dumps(str(named)), json.dumps(role))
    return {**found, "configuration": hashlib.sha256(text.encode()).hexdigest()}


def _keyed(files: ModelFiles) -> ModelFiles:
    """With a name that tells this model from every other one of its file name."""
    digest = hashlib.sha256(json.dumps(hashes(files), sort_keys=True).encode()).hexdigest()
    stem = re.sub(r"[^\w.+-]", "_", files.name)
    return replace(files, name=f"{stem}-{digest[:8]}")


def _unpacked(archive: Path) -> Path:
    """The folder of a packed model in the cache, named by the archive's content."""
    folder = weights.cache_folder() / "unpacked" / _sha256(archive)
    unpack(archive, folder)
    return folder


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=16)
def _digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
