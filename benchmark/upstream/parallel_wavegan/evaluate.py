"""What a vocoder is worth: recordings through the suite's mel and back, beside Griffin-Lim on the same ones."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import jiwer
import numpy as np
import torch

from benchmark.corpora.prepared import Store
from benchmark.media.audio import RATE, WAVE24K, resample, rows_to_wave
from benchmark.media.mel import log_mel
from benchmark.media.text import normalise
from benchmark.media.vocoder import GriffinLim, Vocoder
from benchmark.upstream.parallel_wavegan.corrected import Corrected
from benchmark.upstream.parallel_wavegan.losses import stft_loss
from benchmark.upstream.parallel_wavegan.vocoder import NeuralVocoder
from benchmark.upstream.recogniser.files import find_model
from benchmark.upstream.recogniser.transcribe import Recogniser
from benchmark.upstream.speaker_embedding import embed


def evaluate(network: Corrected, store: Store) -> Mapping[str, float]:
    """Figures of all recordings of unseen voices, of ours and (`_griffin_lim`) of Griffin-Lim: those of `fidelity`;
    `rtf`, seconds of one core a second of sound; `wer`, the word error rate (a share) of the shipped recogniser, which
    `wer_recording` is of the recordings."""
    rows = [i for i, record in enumerate(store.records) if record.split == "unseen"]
    waves = [rows_to_wave(store.rows(WAVE24K, i)).numpy() for i in rows]
    texts = [normalise(store.records[i].transcript or "") for i in rows]
    recogniser = Recogniser(find_model("pocket"))
    figures = {"wer_recording": word_errors(recogniser, texts, waves)}
    vocoders: dict[str, Vocoder] = {"": _Trained(network), "_griffin_lim": GriffinLim()}
    for suffix, vocoder in vocoders.items():
        made, seconds = resynthesised(vocoder, waves)
        found = {"rtf": seconds, **fidelity(waves, made), "wer": word_errors(recogniser, texts, made)}
        figures |= {f"{name}{suffix}": value for name, value in found.items()}
    return {name: round(value, 4) for name, value in figures.items()}


class _Trained(NeuralVocoder):
    name = "parallel_wavegan"


@torch.no_grad()
def resynthesised(vocoder: Vocoder, waves: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """Recordings (N_i,) at 24 kHz -> the same through mel and vocoder, and seconds of one core a second of sound."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        mels = [log_mel(torch.from_numpy(wave)) for wave in waves]
        vocoder(mels[0])
        began = time.process_time()
        made = [vocoder(mel)[0, : len(wave)].numpy() for mel, wave in zip(mels, waves, strict=True)]
        return made, (time.process_time() - began) / (sum(map(len, waves)) / RATE)
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def fidelity(true: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> dict[str, float]:
    """Means over pairs of equally long waveforms at 24 kHz.

    mel_l1: mean absolute difference of the suite's mels. mr_stft: spectral convergence plus log distance, mean of the
    three resolutions of the training loss. spksim: cosine of Resemblyzer embeddings.
    """
    pairs = [(torch.from_numpy(a)[None], torch.from_numpy(b)[None]) for a, b in zip(true, found, strict=True)]
    embeddings = [embed([resample(wave, RATE, 16000) for wave in waves]) for waves in (true, found)]
    return {
        "mel_l1": float(np.mean([float((log_mel(a) - log_mel(b)).abs().mean()) for a, b in pairs])),
        "mr_stft": float(np.mean([float(sum(stft_loss(b, a))) for a, b in pairs])),
        "spksim": float((embeddings[0] * embeddings[1]).sum(1).mean()),
    }


def word_errors(recogniser: Recogniser, texts: Sequence[str], waves: Sequence[np.ndarray]) -> float:
    """Of what the recogniser hears in waveforms at 24 kHz, against normalised transcripts; a share."""
    heard = recogniser.transcribe([resample(wave, RATE, recogniser.rate) for wave in waves])
    return float(jiwer.wer(list(texts), [normalise(text) for text in heard]))
