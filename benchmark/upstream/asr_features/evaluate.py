"""What the ASR features are worth on voices and sentences that they were not trained on.

Everything is measured on whole recordings read alone: their own frames, no padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import jiwer
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.corpora.manifest import SPLITS
from benchmark.corpora.pocket.pools import pool_named
from benchmark.corpora.pocket.sentences import pool_sentences
from benchmark.corpora.pocket.voice import synthesise
from benchmark.corpora.prepared import Store
from benchmark.media.mel import MEL80, log_mel
from benchmark.media.text import normalise
from benchmark.upstream.asr_features.augment import smooth
from benchmark.upstream.asr_features.characters import BLANK, TOKENS, codes, greedy
from benchmark.upstream.asr_features.network import AsrFeatures

_PROBE_STEPS, _PROBE_BATCH, _PROBE_RATE = 400, 64, 3e-2
_CROP = 96  # frames: what training losses see


def evaluate(network: AsrFeatures, store: Store) -> Mapping[str, float]:
    """Word error rates (shares), and distances that say what the features are about.

    wer_<split>: of the CTC head, read greedily, on held-out recordings of training voices and on other voices, whose
        sentences no training voice says. wer_smooth: of the latter, their mels smoothed as by a poor generator.
        wer_unrelated: against the transcript of the recording before: the floor.
    wer_probe: of a linear layer over the frozen features, trained on the training recordings alone, on the other
        voices. wer_probe_mel: the same over pairs of frames of the mel: what the layer could read by itself.
    same_sentence: mean distance after time warping of two unseen voices that say one sentence, over that of one unseen
        voice that says two. same_sentence_mel: of the mel.
    sentence_nearer, sentence_nearer_mel: share in which the former is the smaller one.
    crop: mean distance of the features of a crop of 96 frames from those of the whole recording at the same moments,
        over that of two moments at random.
    """
    rows = {split: [i for i, r in enumerate(store.records) if r.split == split] for split in SPLITS}
    texts = {split: [normalise(store.records[i].transcript or "") for i in rows[split]] for split in rows}
    mels = {split: [mel_of(store, i) for i in rows[split]] for split in rows}
    features = {split: [read(network, mel) for mel in mels[split]] for split in rows}
    figures: dict[str, float] = {}
    for split in ("seen", "unseen"):
        heard = [greedy(network.ctc(found)[0]) for found in features[split]]
        figures[f"wer_{split}"] = jiwer.wer(texts[split], heard)
    figures["wer_unrelated"] = jiwer.wer(texts["unseen"][-1:] + texts["unseen"][:-1], heard)
    blurred = [greedy(network.ctc(read(network, smooth(mel)))[0]) for mel in mels["unseen"]]
    figures["wer_smooth"] = jiwer.wer(texts["unseen"], blurred)
    for name, of in (("probe", features), ("probe_mel", {s: [pairs(mel) for mel in mels[s]] for s in rows})):
        layer = linear_probe([x[0].mT for x in of["train"]], texts["train"])
        figures[f"wer_{name}"] = jiwer.wer(texts["unseen"], [greedy(layer(x[0].mT)) for x in of["unseen"]])
    figures |= speaker_free(network, store)
    figures["crop"] = crop_distance(network, mels["unseen"], features["unseen"])
    return {key: round(float(value), 4) for key, value in figures.items()}


def mel_of(store: Store, record: int) -> Tensor:
    """(1, 1, 80, T): one recording."""
    return MEL80.batch(torch.from_numpy(np.array(store.rows(MEL80, record)))[None])


@torch.no_grad()
def read(network: AsrFeatures, mel: Tensor) -> Tensor:
    """(1, C, F) of one recording."""
    features: Tensor = network(mel)
    return features


def pairs(mel: Tensor) -> Tensor:
    """(1, 1, 80, T) -> (1, 160, ceil(T / 2)): two frames beside each other, at the rate of the features."""
    even = functional.pad(mel[:, 0], (0, mel.shape[3] % 2), mode="replicate")
    return torch.cat([even[..., ::2], even[..., 1::2]], dim=1)


def linear_probe(features: Sequence[Tensor], texts: Sequence[str]) -> nn.Module:
    """A linear layer (F, C) -> (F, tokens), trained with CTC on the letters of the texts; always the same one.

    Adam with a half cosine; the features are first standardised by their own mean and deviation, which is linear too.
    """
    generator = torch.Generator().manual_seed(0)
    deviation, mean = torch.std_mean(torch.cat(list(features)), dim=0)
    weight = torch.zeros(len(mean), len(TOKENS), requires_grad=True)
    bias = torch.zeros(len(TOKENS), requires_grad=True)
    optimiser = torch.optim.Adam([weight, bias], _PROBE_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _PROBE_STEPS)
    scaled = [(x - mean) / deviation for x in features]
    letters = [codes()[torch.tensor(list(text.encode()))] for text in texts]
    for _ in range(_PROBE_STEPS):
        chosen = torch.randperm(len(texts), generator=generator)[:_PROBE_BATCH].tolist()
        spoken = nn.utils.rnn.pad_sequence([scaled[i] for i in chosen]) @ weight + bias
        loss = functional.ctc_loss(
            spoken.log_softmax(2),
            torch.cat([letters[i] for i in chosen]),
            torch.tensor([len(scaled[i]) for i in chosen]),
            torch.tensor([len(letters[i]) for i in chosen]),
            blank=BLANK,
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    layer = nn.Linear(len(mean), len(TOKENS)).requires_grad_(False)
    layer.weight.copy_((weight / deviation[:, None]).T)
    layer.bias.copy_(bias - mean / deviation @ weight)
    return layer


def speaker_free(network: AsrFeatures, store: Store) -> dict[str, float]:
    """same_sentence, sentence_nearer and both of the mel; see `evaluate`. Over pairs of a woman and a man among the
    unseen, each with two sentences that no recording of the store says."""
    made = store.meta["fingerprint"]
    people = pool_named(store.corpus).identities("unseen", made["seed"])
    said = {record.transcript for record in store.records}
    sentences = [sentence for sentence in pool_sentences(store.corpus) if sentence not in said]
    np.random.default_rng(made["seed"]).shuffle(sentences)
    distances: dict[str, list[tuple[float, float]]] = {"": [], "_mel": []}
    for (one, other), (sentence, another) in zip(pairwise(people), pairwise(sentences), strict=False):
        mels = [
            log_mel(torch.from_numpy(synthesise(who, what, made["seed"]))[None].float())
            for who, what in ((one, sentence), (other, sentence), (one, another))
        ]
        for name, seen in (("", [read(network, mel) for mel in mels]), ("_mel", [pairs(mel) for mel in mels])):
            first, same, different = (x[0].mT.numpy().astype(np.float64) for x in seen)
            distances[name].append((warped_distance(first, same), warped_distance(first, different)))
    figures = {}
    for name, found in distances.items():
        same_, different_ = np.array(found).T
        figures[f"same_sentence{name}"] = float(same_.mean() / different_.mean())
        figures[f"sentence_nearer{name}"] = float((same_ < different_).mean())
    return figures


def warped_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean Euclidean distance of frames (F, C) and (G, C) along the cheapest path of dynamic time warping.

    Symmetric: a diagonal step counts twice, and the sum is divided by F + G (Sakoe and Chiba 1978, IEEE TASSP 26:43).
    """
    cost = np.sqrt(np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2.0 * a @ b.T, 0.0))
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0.0
    for i, row in enumerate(cost.tolist()):
        above, here = total[i].tolist(), np.inf
        out = [here]
        for j, price in enumerate(row):
            here = min(above[j + 1] + price, here + price, above[j] + 2.0 * price)
            out.append(here)
        total[i + 1] = out
    return float(total[-1, -1] / (len(a) + len(b)))


def crop_distance(network: AsrFeatures, mels: Sequence[Tensor], whole: Sequence[Tensor]) -> float:
    """crop; see `evaluate`. The crops begin a quarter into the recordings."""
    near, far = 0.0, 0.0
    for mel, features in zip(mels, whole, strict=True):
        start = 2 * (mel.shape[3] // 8)
        own = features[..., start // 2 : (start + _CROP) // 2]
        near += float((read(network, mel[..., start : start + _CROP]) - own).norm(dim=1).mean())
        far += float((own - own.roll(own.shape[2] // 2, 2)).norm(dim=1).mean())
    return near / far
