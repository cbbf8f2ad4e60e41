"""A model as published: packed, found by path and by name, unpacked, loaded without unpickling, and scored through."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
import torch
import yaml

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.registry import canonical
from benchmark.upstream.recogniser.files import find_model, model_name, weight_names
from benchmark.upstream.recogniser.load import give_weights, read_state
from benchmark.upstream.recogniser.transcribe import recogniser
from benchmark.weights import Weights
from protocols.trial import Trial
from protocols.wer import Wer

CONFIG = "exp/asr/config.yaml"


class _Opens:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


class _Tiny(torch.nn.Module):
    """Stands in for a network where none is built."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 3)


def tiny(folder: Path, models: SimpleNamespace, **changes: Any) -> Path:
    """A model's folder with the configuration changed; its weights are of no recogniser."""
    return Path(models.unpacked(folder, models.config() | changes, _Tiny()))


@pytest.mark.slow
def test_by_path_by_name_and_through_the_metric(
    fresh: Path, models: SimpleNamespace, speech: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proto, tokens = models.bpe(speech.texts)
    settings = models.config() | {"token_list": tokens, "token_type": "bpe", "bpemodel": "data/bpe.model"}
    settings |= {"normalize": "global_mvn", "normalize_conf": {"stats_file": "exp/stats/feats_stats.npz"}}
    settings["frontend_conf"]["fs"] = "16k"
    (fresh / "made").mkdir()
    (fresh / "stats.npz").write_bytes(models.statistics())
    network = models.random(settings | {"normalize_conf": {"stats_file": str(fresh / "stats.npz")}})
    extra = {"data/bpe.model": proto, "exp/stats/feats_stats.npz": models.statistics()}
    folder = models.unpacked(fresh / "made", settings, network, lm="transformer", extra=extra)
    archive = models.packed(folder, fresh / "asr_train_raw_bpe_valid.acc.ave.zip")

    before = torch.get_rng_state()
    zipped = recogniser(str(archive))
    assert torch.equal(torch.get_rng_state(), before), "nobody's random numbers depend on loading"
    assert zipped.rate == 16000
    assert not any(p.requires_grad for p in zipped.speech2text.asr_model.parameters())
    assert not zipped.speech2text.asr_model.training
    texts = zipped.transcribe(speech.waves[:8])
    assert texts == [zipped.speech2text(wave)[0][0].replace("<sos/eos>", "") for wave in speech.waves[:8]]
    assert len(set(texts)) > 3

    assert recogniser(str(folder)).transcribe(speech.waves[:8]) == texts
    digest = zipped.name.rpartition("-")[2]
    assert zipped.name == f"asr_train_raw_bpe_valid.acc.ave-{digest}"
    assert recogniser(str(folder)).name == f"made-{digest}", "the same weights"

    entry = Weights("espnet/made.zip", archive.name, "MIT", "made", sha256=weights_sha256(archive))
    monkeypatch.setattr(weights, "entries", lambda: {entry.name: entry})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(fresh))
    assert recogniser("made").transcribe(speech.waves[:8]) == texts
    assert canonical("wer@espnet:made") == "wer@espnet:made:en1"
    assert weight_names("made") == ("espnet/made.zip",)

    for i, wave in enumerate(speech.waves[:4]):
        soundfile.write(fresh / f"{i}.wav", wave, 16000, subtype="FLOAT")
    rows = [Trial(output=f"{i}.wav", system="s", trial=str(i), transcript=text) for i, text in enumerate(texts[:4])]
    scores = list(Wer("made").score(rows, fresh))
    assert len(scores) == sum(bool(text.strip()) for text in texts[:4]) > 1
    assert {s.value for s in scores} == {0.0}, "the transcript is what it heard"
    assert {s.metric for s in Wer(str(folder)).score(rows, fresh)} == {f"wer@espnet:made-{digest}:en1"}


@pytest.mark.slow
def test_another_rate_is_resampled_to(fresh: Path, models: SimpleNamespace, speech: Any) -> None:
    settings = models.config(frontend_conf={"fs": 8000})
    (fresh / "model").mkdir()
    own = recogniser(str(models.unpacked(fresh / "model", settings, models.random(settings))))
    assert own.rate == 8000
    soundfile.write(fresh / "a.wav", speech.waves[0], 16000, subtype="FLOAT")
    (score,) = Wer(str(fresh / "model")).score([Trial(output="a.wav", transcript="bin")], fresh)
    assert score.value is not None


@pytest.mark.slow
def test_weights_of_another_network_are_refused(fresh: Path, models: SimpleNamespace, trained: Any) -> None:
    (fresh / "model").mkdir()
    _, network = trained
    folder = models.unpacked(fresh / "model", models.config(encoder_conf={"num_blocks": 2}), network)
    with pytest.raises(BenchmarkError, match=r"not of this configuration: \d+ weights missing \(encoder"):
        recogniser(str(folder))
    torch.save(_Opens(fresh / "ran"), folder / "exp/asr/valid.acc.ave.pth")
    with pytest.raises(BenchmarkError, match="holds code"):
        recogniser(str(folder))
    assert not (fresh / "ran").exists()
    broken = models.config(encoder_conf={"attention_heads": 5})
    (folder / CONFIG).write_text(yaml.safe_dump(broken))
    with pytest.raises(BenchmarkError, match="ESPnet 202511 cannot build"):
        recogniser(str(folder))


def test_code_in_place_of_weights_does_not_run(tmp_path: Path) -> None:
    for name, content in (
        ("zip.pth", None),
        ("plain.pth", pickle.dumps(_Opens(tmp_path / "ran"))),
        ("named.pth", pickle.dumps({"layer.weight": _Opens(tmp_path / "ran")})),
    ):
        path = tmp_path / name
        if content is None:
            torch.save({"layer.weight": _Opens(tmp_path / "ran")}, path)
        else:
            path.write_bytes(content)
        with pytest.raises(BenchmarkError, match=name):
            read_state(path)
        assert not (tmp_path / "ran").exists()
    pickle.loads((tmp_path / "plain.pth").read_bytes())
    assert (tmp_path / "ran").exists(), "else nothing was shown"


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("kept", [0, 20, 0.5, 0.95])
def test_truncated_weights(name: str, kept: float, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / name
    state = {"layer.weight": torch.randn(300, 30)}
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    assert torch.equal(read_state(path)["layer.weight"], state["layer.weight"])
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    with pytest.raises(BenchmarkError, match=f"{name} (cannot be read|is no file of weights)"):
        read_state(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layer.bias"), "1 weights missing .layer.bias"),
        (lambda s: s.update(more=torch.zeros(1)), "1 weights unexpected .more"),
        (lambda s: s.update({"layer.bias": torch.zeros(7)}), "1 weights of another shape .layer.bias"),
    ],
)
def test_weights_are_given_strictly(change: Any, message: str, tmp_path: Path) -> None:
    network = _Tiny()
    state = _Tiny().state_dict()
    torch.save(state, tmp_path / "a.pth")
    give_weights(network, tmp_path / "a.pth")
    assert torch.equal(network.layer.weight, state["layer.weight"])
    change(state)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(BenchmarkError, match=message):
        give_weights(network, tmp_path / "a.pth")
    torch.save({"model": state, "epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(BenchmarkError, match="a training checkpoint"):
        give_weights(network, tmp_path / "a.pth")


def test_what_is_no_model(fresh: Path, models: SimpleNamespace) -> None:
    with zipfile.ZipFile(fresh / "other.zip", "w") as file:
        file.writestr("README.md", "no recogniser")
    with pytest.raises(BenchmarkError, match="is no ESPnet model"):
        find_model(str(fresh / "other.zip"))
    (fresh / "text.zip").write_text("no zip at all")
    with pytest.raises(BenchmarkError, match=r"text\.zip"):
        find_model(str(fresh / "text.zip"))
    folder = tiny(fresh / "tts", models)
    meta = {"files": {"model_file": "exp/asr/valid.acc.ave.pth"}, "yaml_files": {"train_config": CONFIG}}
    (folder / "meta.yaml").write_text(yaml.safe_dump(meta))
    with pytest.raises(BenchmarkError, match="names model_file, train_config, not asr_train_config"):
        find_model(str(folder))
    (folder / "meta.yaml").write_text("files: [")
    with pytest.raises(BenchmarkError, match="not a readable YAML"):
        find_model(str(folder))
    (folder / "meta.yaml").write_text("!!python/object/apply:os.mkdir ['ran']")
    with pytest.raises(BenchmarkError, match="not a readable YAML"):
        find_model(str(folder))
    (folder / "meta.yaml").write_text("[1, 2]")
    with pytest.raises(BenchmarkError, match="holds list"):
        find_model(str(folder))
    with pytest.raises(BenchmarkError, match="Unknown recogniser"):
        find_model(str(fresh / "nowhere"))


def test_paths_that_leave_the_model(fresh: Path, models: SimpleNamespace) -> None:
    (fresh / "secret.npz").write_bytes(models.statistics())
    for number, path in enumerate(("../secret.npz", "exp/../../secret.npz", str(fresh / "secret.npz"), "link.npz")):
        conf = {"stats_file": path}
        folder = tiny(fresh / f"stats{number}", models, normalize="global_mvn", normalize_conf=conf)
        (folder / "link.npz").symlink_to(fresh / "secret.npz")
        with pytest.raises(BenchmarkError, match="lies outside the model"):
            find_model(str(folder))
    folder = tiny(fresh / "bpe", models, token_type="bpe", bpemodel="../../../etc/passwd")
    with pytest.raises(BenchmarkError, match=r"bpemodel names .*outside the model"):
        find_model(str(folder))
    folder = tiny(fresh / "tokens", models, token_list="../secret.npz")
    with pytest.raises(BenchmarkError, match=r"token_list names .*outside the model"):
        find_model(str(folder))
    folder = tiny(fresh / "meta", models)
    for key, table in (("asr_model_file", "files"), ("asr_train_config", "yaml_files"), ("more", "files")):
        meta = yaml.safe_load((fresh / "bpe/meta.yaml").read_text())
        meta[table][key] = "../secret.npz"
        (folder / "meta.yaml").write_text(yaml.safe_dump(meta))
        with pytest.raises(BenchmarkError, match=f"{key} names .*outside the model"):
            find_model(str(folder))
    folder = tiny(fresh / "absent", models, token_type="bpe", bpemodel="data/bpe.model")
    with pytest.raises(BenchmarkError, match=r"bpemodel names 'data/bpe\.model', which is not there"):
        find_model(str(folder))


def test_paths_that_stay(fresh: Path, models: SimpleNamespace) -> None:
    folder = tiny(fresh / "model", models, token_list="data/tokens.txt")
    (folder / "data").mkdir()
    (folder / "data/tokens.txt").write_text("<blank>\n<unk>\na\n<sos/eos>\n")
    assert find_model(str(folder)).config["token_list"] == ["<blank>", "<unk>", "a", "<sos/eos>"]
    settings = yaml.safe_load((folder / CONFIG).read_text())
    settings["token_list"] = str(folder / "data/tokens.txt")  # as ESPnet's own unpacking rewrites it
    (folder / CONFIG).write_text(yaml.safe_dump(settings))
    assert len(find_model(str(folder)).config["token_list"]) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frontend": "s3prl"}, "needs a download that cannot be verified"),
        ({"frontend": "fused"}, "needs a download that cannot be verified"),
        ({"encoder": "whisper"}, "needs a download that cannot be verified"),
        ({"encoder": "wav2vec2"}, "needs a download that cannot be verified"),
        ({"postencoder": "hugging_face_transformers"}, "needs a download that cannot be verified"),
        ({"token_type": "hugging_face"}, "needs a download that cannot be verified"),
        ({"decoder": "transducer"}, "decoder 'transducer' is not read here"),
        ({"encoder": "invented"}, "encoder 'invented' is not read here"),
        ({"model": "maskctc"}, "model 'maskctc' is not read here"),
        ({"frontend": None, "input_size": 80}, "cannot hear a waveform"),
        ({"use_adapter": True}, "adapters"),
        ({"frontend_conf": {"fs": "fast"}}, "frontend_conf.fs is 'fast'"),
        ({"frontend_conf": {"fs": 5}}, "frontend_conf.fs is 5"),
    ],
)
def test_components_that_are_not_built(changes: Any, message: str, fresh: Path, models: SimpleNamespace) -> None:
    with pytest.raises(BenchmarkError, match=message):
        find_model(str(tiny(fresh / "model", models, **changes)))


def test_folders_without_a_meta_file(fresh: Path, models: SimpleNamespace) -> None:
    folder = tiny(fresh / "packed", models) / "exp/asr"
    own = find_model(str(folder))
    assert own.weights == folder / "valid.acc.ave.pth"
    (folder / "1epoch.pth").write_bytes(b"another")
    with pytest.raises(BenchmarkError, match=r"1epoch\.pth, valid\.acc\.ave\.pth; name the one"):
        find_model(str(folder))
    assert find_model(str(folder / "valid.acc.ave.pth")).config == own.config
    (folder / "config.yaml").unlink()
    with pytest.raises(BenchmarkError, match=r"without config\.yaml"):
        find_model(str(folder / "1epoch.pth"))


def test_decoding_is_the_models_own_or_the_default(fresh: Path, models: SimpleNamespace) -> None:
    plain = find_model(str(tiny(fresh / "plain", models))).options
    assert (plain.beam_size, plain.ctc_weight, plain.lm_weight, plain.maxlenratio) == (5, 0.5, 0.0, 0.0)
    folder = fresh / "own"
    models.unpacked(
        folder, models.config(), _Tiny(), decode={"beam_size": 7, "ctc_weight": 0.3, "lm_weight": 0.6, "nbest": 1}
    )
    own = find_model(str(folder)).options
    assert (own.beam_size, own.ctc_weight, own.lm_weight) == (7, 0.3, 0.0), "there is no language model to weigh"
    (folder / "conf/decode_asr.yaml").write_text("beam_size: 7\nstreaming: true\n")
    with pytest.raises(BenchmarkError, match="streaming cannot be decoded with"):
        find_model(str(folder))


def test_published_ones_that_are_absent_say_where_they_are(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(fresh))
    with pytest.raises(MissingWeights, match="zenodo"):
        find_model("librispeech_conformer6")
    assert model_name("librispeech_conformer6") == "librispeech_conformer6", "its key is known without it"


def _find(path: str, cache: str) -> str:
    os.environ["BENCHMARK_CACHE"] = cache
    return str(find_model(path).weights)


def test_two_processes_unpack_one_model_at_once(fresh: Path, models: SimpleNamespace) -> None:
    archive = models.packed(tiny(fresh / "model", models, padding=["x" * 1000] * 1000), fresh / "model.zip")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.starmap(_find, [(str(archive), str(fresh / "cache"))] * 4)
    assert len(set(found)) == 1
    assert Path(found[0]).is_relative_to(fresh / "cache")
    assert [p.name for p in (fresh / "cache/weights/unpacked").iterdir() if not p.name.startswith(".")] == [
        weights_sha256(archive)
    ]


def weights_sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()
