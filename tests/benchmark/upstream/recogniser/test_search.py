"""Many utterances at once give what ESPnet gives for each: the same tokens, the same scores, whatever the batch."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.upstream.recogniser.search import search
from benchmark.upstream.recogniser.transcribe import Recogniser, recogniser

pytestmark = pytest.mark.slow  # importing espnet alone takes nine seconds


def same_as_espnet(own: Recogniser, waves: list[np.ndarray]) -> list[str]:
    """Asserts parity on all waves; the texts."""
    ours = own.recognise(waves)
    theirs = [own.speech2text(wave)[0] for wave in waves]
    assert [list(h.tokens) for h in ours] == [best.yseq.tolist() for *_, best in theirs]
    np.testing.assert_allclose([h.score for h in ours], [float(best.score) for *_, best in theirs], atol=1e-4)
    texts = own.transcribe(waves)
    assert texts == [text.replace("<sos/eos>", "") for text, *_ in theirs]
    return texts


@pytest.fixture(scope="module")
def heard(trained: Any, models: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return recogniser(str(models.unpacked(tmp_path_factory.mktemp("trained"), *trained)))


def test_a_trained_model(heard: Recogniser, speech: Any) -> None:
    assert heard.batched
    assert len({len(wave) for wave in speech.waves}) > 12
    texts = same_as_espnet(heard, speech.waves)
    assert len(set(texts)) > 8, "else nothing is compared"
    assert {word for text in texts for word in text.split()} & {"bin", "lay", "place", "set", "blue", "green", "red"}


@pytest.mark.parametrize("batch", [1, 5, 28])
def test_the_batch_does_not_matter(heard: Recogniser, speech: Any, batch: int) -> None:
    whole = heard.recognise(speech.waves)
    other = heard.recognise(speech.waves, batch=batch)
    assert [h.tokens for h in other] == [h.tokens for h in whole]
    np.testing.assert_allclose([h.score for h in other], [h.score for h in whole], atol=1e-4)
    backwards = heard.recognise(speech.waves[::-1], batch=batch)[::-1]
    assert [h.tokens for h in backwards] == [h.tokens for h in whole]


def test_every_ended_hypothesis_is_found_in_order(heard: Recogniser, speech: Any) -> None:
    frames = [heard._frames(wave[None])[0] for wave in speech.waves[:6]]
    beam = heard.speech2text.beam_search
    for ours, x in zip(search(frames, beam), frames, strict=True):
        theirs = beam(x=x, maxlenratio=0.0, minlenratio=0.0)
        # Below are texts that CTC holds for impossible, all of the same score and so in any order.
        ours, theirs = [h for h in ours if h.score > -1e6], [h for h in theirs if h.score > -1e6]
        assert len(ours) > 5
        assert [list(h.tokens) for h in ours] == [h.yseq.tolist() for h in theirs]
        np.testing.assert_allclose([h.score for h in ours], [float(h.score) for h in theirs], atol=1e-4)


DECODINGS: dict[str, dict[str, Any]] = {
    "attention alone": {"ctc_weight": 0.0},
    "CTC alone": {"ctc_weight": 1.0},
    "wide, no pre-beam": {"beam_size": 25},
    "bonus": {"beam_size": 3, "ctc_weight": 0.3, "penalty": 0.7},
    "bounds by length": {"maxlenratio": 0.3, "minlenratio": 0.15},
    "bounds in tokens": {"maxlenratio": -9, "minlenratio": -4},
    "no room to end": {"maxlenratio": 0.2, "minlenratio": 0.4},
}


@pytest.mark.parametrize("name", DECODINGS)
def test_ways_to_decode(name: str, trained: Any, models: SimpleNamespace, speech: Any, tmp_path: Path) -> None:
    own = recogniser(str(models.unpacked(tmp_path, *trained, decode=DECODINGS[name])))
    assert own.batched
    same_as_espnet(own, speech.waves[::3])


NETWORKS: dict[str, dict[str, Any]] = {
    "conformer": {"encoder_conf": {"num_blocks": 2}},
    "norm after": {"decoder_conf": {"normalize_before": False}},
    "global statistics": {"normalize": "global_mvn", "normalize_conf": {"stats_file": "exp/stats/feats_stats.npz"}},
    "transformer": {},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_random_networks(name: str, models: SimpleNamespace, speech: Any, tmp_path: Path) -> None:
    settings = models.transformer_config() if name == "transformer" else models.config(**NETWORKS[name])
    (tmp_path / "exp/stats").mkdir(parents=True)
    (tmp_path / "exp/stats/feats_stats.npz").write_bytes(models.statistics())
    built = dict(settings)
    if name == "global statistics":
        built["normalize_conf"] = {"stats_file": str(tmp_path / "exp/stats/feats_stats.npz")}
    own = recogniser(str(models.unpacked(tmp_path, settings, models.random(built))))
    assert own.batched
    assert len(set(same_as_espnet(own, speech.waves))) > 8


@pytest.mark.parametrize("lm", ["transformer", "seq_rnn"])
def test_language_models(lm: str, trained: Any, models: SimpleNamespace, speech: Any, tmp_path: Path) -> None:
    own = recogniser(str(models.unpacked(tmp_path, *trained, lm=lm)))
    beam = own.speech2text.beam_search
    assert own.batched
    assert beam.weights["lm"] == 0.5
    assert "lm" in beam.full_scorers
    same_as_espnet(own, speech.waves[::2])


@pytest.mark.parametrize("decoder", ["rnn", "lightweight_conv"])
def test_what_is_not_covered_is_decoded_by_espnet(
    decoder: str, models: SimpleNamespace, speech: Any, tmp_path: Path
) -> None:
    settings = models.config()
    settings["decoder"] = decoder
    settings["decoder_conf"] = {
        "rnn": {"num_layers": 1, "hidden_size": 32},
        "lightweight_conv": {"attention_heads": 4, "linear_units": 32, "num_blocks": 2, "conv_kernel_length": [3, 3]},
    }[decoder]
    own = recogniser(str(models.unpacked(tmp_path, settings, models.random(settings))))
    assert not own.batched
    waves = speech.waves[:3]
    assert own.transcribe(waves) == [own.speech2text(wave)[0][0].replace("<sos/eos>", "") for wave in waves]


def test_only_equal_lengths_share_a_pass_of_the_encoder(heard: Recogniser, speech: Any) -> None:
    """Equal lengths together are as alone; padded, they are not: ESPnet's conformer hears the padding."""
    group = np.stack(speech.waves[24:])
    together = heard._frames(group)
    for wave, frames in zip(group, together, strict=True):
        torch.testing.assert_close(heard._frames(wave[None])[0], frames, atol=1e-5, rtol=1e-5)
    short, long = speech.waves[1], speech.waves[0]
    padded = np.stack([np.pad(short, (0, len(long) - len(short))), long])
    with torch.no_grad():
        frames, rows = heard.speech2text.asr_model.encode(
            torch.from_numpy(padded), torch.tensor([len(short), len(long)])
        )
    alone = heard._frames(short[None])[0]
    assert int(rows[0]) != len(alone)
    assert (frames[0, : len(alone)] - alone).abs().max() > 1e-2


def test_the_shortest_wave(heard: Recogniser, speech: Any) -> None:
    wave = speech.waves[0]
    heard.speech2text(wave[: heard.shortest])
    with pytest.raises(Exception, match="too short"):
        heard.speech2text(wave[: heard.shortest - 1])
    for samples in (0, 1, 300, heard.shortest - 1):
        text = heard.transcribe([wave[:samples]])[0]
        assert text == heard.transcribe([np.pad(wave[:samples], (0, heard.shortest - samples))])[0]
        assert len(text) <= 1, "one frame holds one sign at most"


def test_nothing_to_hear(heard: Recogniser) -> None:
    assert heard.transcribe([]) == []
    silence = heard.recognise([np.zeros(16000, np.float32)])[0]
    assert math.isfinite(silence.score)


def test_hours_are_refused(heard: Recogniser) -> None:
    with pytest.raises(Exception, match="at most 120 s are recognised"):
        heard.transcribe([np.zeros(16000 * 121, np.float32)])


def test_threads_do_not_matter(heard: Recogniser, speech: Any) -> None:
    before = torch.get_num_threads()
    texts = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            texts.append(heard.transcribe(speech.waves[:6]))
    finally:
        torch.set_num_threads(before)
    assert texts[0] == texts[1]
