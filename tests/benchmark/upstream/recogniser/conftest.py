"""Small ESPnet models, packed as espnet2.bin.pack packs them, and espeak's speech for them to hear."""

from __future__ import annotations

import copy
import io
import zipfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch.nn.utils.rnn import pad_sequence

from benchmark.corpora.pocket.espeak import RATE, speak
from benchmark.media.audio import resample
from benchmark.upstream.recogniser.load import quiet_import
from benchmark.upstream.recogniser.network import CONFIG, SPACE, TOKENS, build
from benchmark.upstream.recogniser.transcribe import recogniser

WORDS = ("bin", "lay", "place", "set", "blue", "green", "red", "white")
LM = {
    "transformer": {"pos_enc": None, "embed_unit": 16, "att_unit": 32, "head": 2, "unit": 64, "layer": 1},
    "seq_rnn": {"unit": 32, "nlayers": 1},
}


@dataclass(frozen=True)
class Speech:
    waves: list[np.ndarray]
    texts: list[str]


@pytest.fixture(scope="session")
def speech() -> Speech:
    """28 utterances of 1 to 4 words at 16 kHz, of 0.3 to 1.3 s; the last four are as long as each other."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, int(rng.integers(1, 5)))) for _ in range(24)]
    voices = ("en-us+f2", "en-us+m3")
    waves = [resample(speak(text, voices[i % 2], 175, 50, 50), RATE, 16000) for i, text in enumerate(texts)]
    cut = [wave[:10000].copy() for wave in waves if len(wave) >= 10000][:4]
    return Speech(waves + cut, texts)


def config(**changes: Mapping[str, Any] | Any) -> dict[str, Any]:
    """The suite's configuration with a network of a tenth of its size; a mapping changes single keys of a part."""
    own = copy.deepcopy(dict(CONFIG))
    own["specaug"] = None
    own["encoder_conf"] |= {"output_size": 48, "linear_units": 96, "num_blocks": 1}
    own["encoder_conf"] |= {"dropout_rate": 0.0, "positional_dropout_rate": 0.0}
    own["decoder_conf"] = {"attention_heads": 4, "linear_units": 96, "num_blocks": 2, "dropout_rate": 0.0}
    for key, value in changes.items():
        own[key] = own[key] | value if isinstance(value, Mapping) and key != "normalize_conf" else value
    return own


def transformer_config() -> dict[str, Any]:
    """An encoder without convolutions over time beyond the subsampling."""
    kept = ("output_size", "attention_heads", "linear_units", "num_blocks", "input_layer", "normalize_before")
    own = config()
    own["encoder"], own["encoder_conf"] = "transformer", {key: own["encoder_conf"][key] for key in kept}
    return own


def random_network(settings: Mapping[str, Any], seed: int = 0) -> torch.nn.Module:
    """With larger weights than fresh ones, so that hypotheses differ."""
    with quiet_import():
        from espnet2.tasks.asr import ASRTask  # noqa: F401
    torch.manual_seed(seed)
    network = build(settings).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.5 if weight.dim() > 1 else 1.0)
    return network


@pytest.fixture(scope="session")
def trained(speech: Speech) -> tuple[dict[str, Any], torch.nn.Module]:
    """A network that has heard 24 of the utterances 45 times: it spells some words, and others nearly."""
    settings = config()
    network = random_network(settings).train()
    waves, texts = speech.waves[:24], speech.texts
    tokens = [torch.tensor([TOKENS.index(SPACE if sign == " " else sign) for sign in text]) for text in texts]
    batch = {
        "speech": pad_sequence([torch.from_numpy(wave) for wave in waves], batch_first=True),
        "speech_lengths": torch.tensor([len(wave) for wave in waves]),
        "text": pad_sequence(tokens, batch_first=True, padding_value=-1),
        "text_lengths": torch.tensor([len(row) for row in tokens]),
    }
    optimiser = torch.optim.Adam(network.parameters(), lr=4e-3)
    for _ in range(45):
        loss = network(**batch)[0]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
    return settings, network.eval()


def unpacked(
    folder: Path,
    settings: Mapping[str, Any],
    network: torch.nn.Module,
    lm: str | None = None,
    decode: Mapping[str, Any] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """A folder as a packed model unpacks into."""
    files = {"asr_model_file": "exp/asr/valid.acc.ave.pth"}
    configs = {"asr_train_config": "exp/asr/config.yaml"}
    for name, content in (extra or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "exp/asr").mkdir(parents=True, exist_ok=True)
    (folder / configs["asr_train_config"]).write_text(yaml.safe_dump(dict(settings)))
    torch.save(network.state_dict(), folder / files["asr_model_file"])
    if lm is not None:
        from espnet2.tasks.lm import LMTask

        own = {"token_list": list(settings["token_list"]), "token_type": "char", "bpemodel": None, "init": None}
        own |= {"lm": lm, "lm_conf": LM[lm], "model_conf": {"ignore_id": 0}, "model": "lm"}
        torch.manual_seed(1)
        files["lm_file"], configs["lm_train_config"] = "exp/lm/valid.loss.ave.pth", "exp/lm/config.yaml"
        (folder / "exp/lm").mkdir()
        (folder / configs["lm_train_config"]).write_text(yaml.safe_dump(own))
        torch.save(LMTask.build_model(Namespace(**own)).state_dict(), folder / files["lm_file"])
    if decode is not None:
        (folder / "conf").mkdir()
        (folder / "conf/decode_asr.yaml").write_text(yaml.safe_dump(dict(decode)))
    (folder / "meta.yaml").write_text(yaml.safe_dump({"files": files, "yaml_files": configs, "espnet": "202511"}))
    return folder


def packed(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    return archive


def bpe_model(texts: list[str]) -> tuple[bytes, list[str]]:
    """A sentencepiece model of these texts and ESPnet's token list for it."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=written, vocab_size=40, hard_vocab_limit=False, minloglevel=2
    )
    pieces = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    own = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    return written.getvalue(), ["<blank>", "<unk>", *(p for p in own if not p.startswith("<")), "<sos/eos>"]


def statistics() -> bytes:
    """feats_stats.npz of a global normalisation."""
    file = io.BytesIO()
    np.savez(file, count=np.int64(10), sum=np.full(80, -100.0), sum_square=np.full(80, 1200.0))
    return file.getvalue()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache of its own, and no recogniser loaded before."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    recogniser.cache_clear()
    yield tmp_path
    recogniser.cache_clear()


@pytest.fixture(scope="session")
def models() -> SimpleNamespace:
    """The functions above, for tests that make models of their own."""
    return SimpleNamespace(
        config=config,
        transformer_config=transformer_config,
        random=random_network,
        unpacked=unpacked,
        packed=packed,
        bpe=bpe_model,
        statistics=statistics,
    )
