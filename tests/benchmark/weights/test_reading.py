"""A weight file is read, never run: bombs in its place do not go off, and no code of ours could light them."""

from __future__ import annotations

import ast
import os
import pickle
from pathlib import Path

import pytest
import torch

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.upstream.nisqa import nisqa_network
from benchmark.weights import Weights
from benchmark.weights.reading import read_weights

ROOT = Path(__file__).parents[3]
SOURCES = sorted(p for room in ("benchmark", "methods", "baselines", "protocols") for p in (ROOT / room).rglob("*.py"))
DOWNLOAD = ROOT / "benchmark" / "weights" / "download.py"


class _Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("form", ["pickle", "old", "zip"])
def test_a_bomb_in_place_of_weights_does_not_go_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    marker, path = tmp_path / "exploded", tmp_path / "nisqa.tar"
    content = {"args": {}, "model_state_dict": {"a": torch.zeros(2)}, "bomb": _Bomb(marker)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(content["bomb"]))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    unverified = Weights("nisqa.tar", "nisqa.tar", "-", "An entry whose sha256 nobody has published.")
    monkeypatch.setattr(weights, "entries", lambda: {"nisqa.tar": unverified})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    nisqa_network.cache_clear()
    with pytest.raises(BenchmarkError, match=r"nisqa\.tar is no file of weights, or holds code"):
        nisqa_network("nisqa.tar")
    assert not marker.exists()
    if form == "pickle":
        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert marker.exists()  # it was a live one


def test_tensors_come_back(tmp_path: Path) -> None:
    torch.save({"state": {"a": torch.arange(3)}, "rate": 16000}, tmp_path / "w.pt")
    read = read_weights(tmp_path / "w.pt")
    assert read["rate"] == 16000
    assert read["state"]["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("cut", [0.0, 0.01, 0.5, 0.99])
def test_a_cut_off_file_is_named(tmp_path: Path, cut: float) -> None:
    path = tmp_path / "w.pt"
    torch.save({"a": torch.zeros(1000)}, path)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    with pytest.raises(BenchmarkError, match=r"w\.pt"):
        read_weights(path)
    with pytest.raises(BenchmarkError, match=r"absent\.pt cannot be read"):
        read_weights(tmp_path / "absent.pt")


FORBIDDEN = frozenset({"dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"})
NETWORK = frozenset({"urllib", "http", "requests", "httpx", "aiohttp", "ftplib", "huggingface_hub", "gdown"})
HARMLESS = {"pickle": {"UnpicklingError"}, "socket": {"gethostname"}, "yaml": {"safe_load", "safe_dump", "YAMLError"}}


def offences(source: str, may_download: bool = False) -> list[str]:
    """What a module does that could run a stranger's code or reach for the network."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            tops = {name.split(".")[0] for name in names if name != "urllib.parse"}  # which only writes addresses
            found += tops & FORBIDDEN
            found += () if may_download else tops & NETWORK
            if isinstance(node, ast.ImportFrom) and tops & HARMLESS.keys():
                found += {a.name for a in node.names} - HARMLESS[tops.pop()]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in HARMLESS:
            found += {node.attr} - HARMLESS[node.value.id]
        elif isinstance(node, ast.Attribute) and node.attr in ("hub", "read_pickle", "load_state_dict_from_url"):
            found.append(node.attr)
        elif isinstance(node, ast.Call):
            given = {k.arg: k.value.value if isinstance(k.value, ast.Constant) else k.value for k in node.keywords}
            called = ast.unparse(node.func)
            if called == "torch.load" and given.get("weights_only") is not True:
                found.append(called)
            if called in ("np.load", "numpy.load") and given.get("allow_pickle", False) is not False:
                found.append(called)
            if called in ("eval", "exec", "compile", "torch.jit.load", "nltk.download", "__import__"):
                found.append(called)
            if given.get("pretrained", False) is not False:
                found.append(f"{called}(pretrained)")
    return found


@pytest.mark.parametrize(
    "bad",
    [
        *("import torch\ntorch.load(p)", "torch.load(p, weights_only=False)", "torch.load(p, weights_only=flag)"),
        *("np.load(p, allow_pickle=True)", "numpy.load(p, allow_pickle=x)", "import pickle\npickle.load(f)"),
        *("from pickle import loads", "import joblib", "import dill.source", "import yaml\nyaml.load(f)"),
        *("from yaml import load", "torch.hub.load('a', 'b')", "pd.read_pickle(p)", "eval(text)", "import requests"),
        *(
            "from urllib.request import urlopen",
            "import socket\nsocket.create_connection(a)",
            "alexnet(pretrained=True)",
            "nltk.download()",
        ),
        *("from http import client", "torch.jit.load(p)", "from huggingface_hub import snapshot_download"),
    ],
)
def test_the_search_finds_what_it_looks_for(bad: str) -> None:
    assert offences(bad)


def test_the_search_lets_the_rest_pass() -> None:
    good = "import pickle, socket\nnp.load(p)\ntorch.load(p, weights_only=True)\nsocket.gethostname()\nmodel.eval()"
    assert offences(good) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_unpickled_and_only_the_download_reaches_out(path: Path) -> None:
    assert offences(path.read_text(encoding="utf-8"), may_download=path == DOWNLOAD) == []
