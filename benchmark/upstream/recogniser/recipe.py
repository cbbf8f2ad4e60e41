"""How the recogniser of the embedded corpus is trained: 2,560 utterances of 160 voices that no contestant hears.

Half of the rows are clean recordings, half went through a smoothed mel and Griffin-Lim; some have noise. So the words
are judged and not the way they came (`benchmark.media.resynthesis`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import torch
from torch import Tensor, nn

from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import feature
from benchmark.media.text import normalise
from benchmark.system import Batch, Column, Draw, Optimizer, Phase, Pick, Step, Terms, Trainable
from benchmark.upstream.recipe import Recipe, warm_half_cosine
from benchmark.upstream.recogniser.config import check_asr
from benchmark.upstream.recogniser.files import ModelFiles
from benchmark.upstream.recogniser.network import CONFIG, RATE, SPACE, TOKENS, UNKNOWN, build
from benchmark.upstream.recogniser.transcribe import Recogniser


@dataclass(frozen=True)
class Settings:
    """Adam with a linear warm-up and a half cosine to 0 at `steps`.

    resynthesised, noise: shares of the rows that are heard through a mel, and that get white noise of 5 to 35 dB.
    """

    batch: int = 32
    steps: int = 1800
    lr: float = 2e-3
    warm_up: int = 200
    clip: float = 5.0
    resynthesised: float = 0.5
    noise: float = 0.3


class RecogniserTraining(Trainable):
    """What the trainer trains; `network` is the `ESPnetASRModel` that is shipped."""

    ema = {"network": 0.998}
    network: Any
    codes: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.network = build(CONFIG)
        self.register_buffer("codes", token_codes(), persistent=False)

    def optimizers(self) -> Mapping[str, Optimizer]:
        own = self.settings
        return {"network": Optimizer(("network",), lr=own.lr, schedule=self._rate, clip=own.clip)}

    def draws(self) -> Mapping[str, Draw]:
        return {"speech": Draw(self.settings.batch, {"speech": Pick("audio", ("wave16k", "resynth16k", "text"))})}

    def phases(self) -> tuple[Phase, ...]:
        return (Phase("recognise", ("network",), "speech"),)

    def recognise(self, batch: Batch, step: Step) -> Terms:
        """ctc_weight * L_ctc + (1 - ctc_weight) * L_attention (Watanabe et al. 2017, IEEE JSTSP 11:1240, eq. 15)."""
        network, speech = self.network, batch["speech"]
        encoded, frames = network.encode(self.heard(speech, step), speech["wave16k_rows"])
        rows = speech["text_rows"]
        tokens = self.codes[speech["text"][:, : int(rows.max())]]
        ctc, _ = network._calc_ctc_loss(encoded, frames, tokens, rows)
        attention = network._calc_att_loss(encoded, frames, tokens, rows)[0]
        return {"ctc": network.ctc_weight * ctc, "attention": (1.0 - network.ctc_weight) * attention}

    def heard(self, speech: Column, step: Step) -> Tensor:
        """(B, N): every row clean or resynthesised, with noise or without."""
        clean, again = speech["wave16k"], speech["resynth16k"]
        # A recording and its resynthesis are equally long.
        chance = torch.rand(3, len(clean), 1, generator=step.generator).to(clean.device)
        wave = torch.where(chance[0] < self.settings.resynthesised, again, clean)
        loudness = wave.square().mean(dim=1, keepdim=True).sqrt()
        level = loudness * 10.0 ** -(0.25 + 1.5 * chance[2])
        noise = torch.randn(wave.shape, generator=step.generator).to(wave.device) * level
        return torch.where(chance[1] < self.settings.noise, wave + noise, wave)

    def _rate(self, step: int) -> float:
        return warm_half_cosine(step, self.settings.warm_up, self.settings.steps)


def token_codes() -> Tensor:
    """(256,) int64: UTF-8 byte of a normalised transcript -> token; the model knows ASCII letters alone."""
    codes = torch.full((256,), TOKENS.index(UNKNOWN))
    for code, token in enumerate(TOKENS):
        if len(token) == 1:
            codes[ord(token)] = code
    codes[ord(" ")] = TOKENS.index(SPACE)
    return codes


def _build(store: Store) -> Trainable:
    return RecogniserTraining(Settings())


def _network(trained: Trainable) -> nn.Module:
    return trained.get_submodule("network")


def _describe(store: Store) -> Mapping[str, Any]:
    words = {word for r in store.records if r.split == "train" for word in (r.transcript or "").split()}
    return {"config": dict(CONFIG), "rate": RATE, "vocabulary": sorted(words)}


def _evaluate(weights: Path, store: Store) -> Mapping[str, float]:
    """WER (a share) on held-out recordings of training voices ("seen") and on other voices ("unseen"), heard clean and
    through a smoothed mel; `unrelated` is the WER against the transcript of the recording before: the floor."""
    network = Recogniser(ModelFiles("recogniser", check_asr(dict(CONFIG), weights), weights))
    figures: dict[str, float] = {}
    for split in ("seen", "unseen"):
        rows = [i for i, record in enumerate(store.records) if record.split == split]
        texts = [normalise(store.records[i].transcript or "") for i in rows]
        for key, name in (("wave16k", ""), ("resynth16k", "_resynthesised")):
            waves = [feature(key).batch(torch.from_numpy(store.rows(feature(key), i)[None].copy()))[0] for i in rows]
            heard = [normalise(text) for text in network.transcribe([wave.numpy() for wave in waves])]
            figures[f"wer_{split}{name}"] = round(jiwer.wer(texts, heard), 4)
            if not name:
                figures[f"wer_{split}_unrelated"] = round(jiwer.wer(texts[-1:] + texts[:-1], heard), 4)
    return figures


RECIPE = Recipe(
    corpus="pocket_judges",
    build=_build,
    network=_network,
    train={"steps": Settings.steps, "save_every": 100, "log_every": 20},
    evaluate=_evaluate,
    describe=_describe,
)
