"""NISQA's networks: golden values, independence of the batch, the front end, and what is refused."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from benchmark.errors import BenchmarkError
from benchmark.upstream.nisqa import HEADS, NisqaNetwork, judge, nisqa_network, predict
from benchmark.upstream.nisqa_frontend import segments, spectrogram

FRONT: dict[str, Any] = {
    "ms_sr": None,
    "ms_fmax": 20000,
    "ms_n_fft": 4096,
    "ms_hop_length": 0.01,
    "ms_win_length": 0.02,
    "ms_n_mels": 48,
    "ms_seg_length": 15,
    "td_2": "skip",
    "double_ended": False,
    "cnn_c_out_1": 16,
    "cnn_c_out_2": 32,
    "cnn_c_out_3": 64,
    "cnn_kernel_size": (3, 3),
}
ATTENTIVE: dict[str, Any] = FRONT | {
    "model": "NISQA_DIM",
    "ms_seg_hop_length": 4,
    "ms_max_segments": 1300,
    "cnn_model": "adapt",
    "cnn_fc_out_h": None,
    "cnn_pool_1": [24, 7],
    "cnn_pool_2": [12, 5],
    "cnn_pool_3": [6, 3],
    "td": "self_att",
    "td_sa_d_model": 64,
    "td_sa_nhead": 1,
    "td_sa_num_layers": 2,
    "td_sa_h": 64,
    "pool": "att",
    "pool_att_h": 128,
}
RECURRENT: dict[str, Any] = FRONT | {
    "model": "NISQA",
    "ms_seg_hop_length": 1,
    "ms_max_segments": 6000,
    "cnn_model": "standard",
    "cnn_fc_out_h": 20,
    "td": "lstm",
    "td_lstm_h": 128,
    "td_lstm_num_layers": 1,
    "pool": "last_step_bi",
}

# Golden table 6.1 of the reference pages: VCTK, sentence 023, whole file at 48 kHz, by the nisqa package.
GOLDEN = {
    "p228": (4.5618, 4.2402, 4.4981, 4.3880, 4.5226, 4.2839, 4.6177),
    "p230": (4.5560, 4.3425, 4.3568, 4.3245, 4.4825, 3.0897, 4.6119),
    "p233": (4.5209, 4.2395, 4.4584, 4.3003, 4.3092, 4.5979, 4.5768),
    "p236": (4.2795, 4.2420, 4.2437, 4.2373, 4.3298, 4.3548, 4.3354),
    "p243": (4.8051, 4.5708, 4.7196, 4.5499, 4.6634, 4.3425, 4.8610),
    "p254": (4.6828, 4.4772, 4.7481, 4.4372, 4.6146, 4.5091, 4.7387),
    "p258": (4.7261, 4.4258, 4.6821, 4.5245, 4.5928, 4.6508, 4.7820),
    "p259": (4.7832, 4.4300, 4.7514, 4.5062, 4.6603, 4.5136, 4.8391),
}


def drawn(args: dict[str, Any], seed: int = 0) -> NisqaNetwork:
    """A network of the published shape with drawn weights and statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = NisqaNetwork(args).eval().requires_grad_(False)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
    return network


@pytest.fixture(params=[ATTENTIVE, RECURRENT], ids=["attentive", "recurrent"])
def network(request: pytest.FixtureRequest) -> NisqaNetwork:
    return drawn(request.param)


def clips(seconds: tuple[float, ...] = (1.3, 0.14, 0.7, 2.1, 0.5), rate: int = 16000) -> list[tuple[np.ndarray, int]]:
    draw = np.random.default_rng(0)
    return [
        (draw.standard_normal(round(s * r)).astype(np.float32) * 0.1, r)
        for s, r in zip(seconds, [rate, 24000, 48000, rate, 22050], strict=True)
    ]


@pytest.mark.parametrize(
    ("args", "values", "heads"),
    [(ATTENTIVE, 253_072, 5), (ATTENTIVE | {"model": "NISQA"}, 219_016, 1), (RECURRENT, 304_539, 1)],
)
def test_networks_have_the_published_sizes(args: dict[str, Any], values: int, heads: int) -> None:
    network = NisqaNetwork(args)
    # The published counts are those of the files, which hold one counter for each of the six normalisations.
    assert sum(t.numel() for t in network.state_dict().values()) == values
    assert len(network.pool_layers) == heads


def test_a_clip_does_not_depend_on_its_batch(network: NisqaNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    together = predict(clips(), network)
    assert together.shape == (5, len(network.pool_layers))
    assert np.ptp(together[:, 0]) > 1e-3
    np.testing.assert_allclose(together, np.concatenate([predict([c], network) for c in clips()]), atol=1e-5)
    np.testing.assert_allclose(together, predict(clips()[::-1], network)[::-1], atol=1e-5)
    monkeypatch.setattr("benchmark.upstream.nisqa._CLIPS", 2)
    monkeypatch.setattr("benchmark.upstream.nisqa._SEGMENTS", 7)
    np.testing.assert_allclose(together, predict(clips(), network), atol=1e-5)
    assert judge([], network).shape == (0, len(network.pool_layers))


def test_folding_the_normalisation_changes_nothing(network: NisqaNetwork) -> None:
    folded = copy.deepcopy(network)
    folded.cnn.fuse()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    np.testing.assert_allclose(predict(clips(), folded), predict(clips(), network), atol=1e-5)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("args", [ATTENTIVE, RECURRENT | {"ms_fmax": 8000}])
def test_front_end_is_the_packages(rate: int, args: dict[str, Any]) -> None:
    front = NisqaNetwork(args).front
    wave = np.random.default_rng(1).standard_normal(rate // 2 + 17).astype(np.float32)
    wave[rate // 4 :] *= 1e-5  # far more than 80 dB below the rest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bands above the Nyquist frequency are empty
        mel = librosa.feature.melspectrogram(
            y=wave,
            sr=rate,
            n_fft=4096,
            hop_length=int(rate * 0.01),
            win_length=int(rate * 0.02),
            power=1.0,
            n_mels=48,
            fmax=args["ms_fmax"],
            pad_mode="reflect",
        )
    expected = librosa.amplitude_to_db(mel, ref=1.0, amin=1e-4, top_db=80.0)
    ours = spectrogram(wave, rate, front)
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    assert np.ptp(ours) == pytest.approx(80.0, abs=1e-4)
    windows = segments(wave, rate, front)
    hop = args["ms_seg_hop_length"]
    assert windows.shape == (-(-(expected.shape[1] - 14) // hop), 1, 48, 15)
    np.testing.assert_allclose(windows[2, 0].numpy(), expected[:, 2 * hop : 2 * hop + 15], atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_the_shortest_and_the_longest_clip(rate: int) -> None:
    front = NisqaNetwork(ATTENTIVE).front
    hop = rate // 100
    quiet = np.full(hop * 5300, 1e-3, np.float32)
    assert len(segments(quiet[: 14 * hop], rate, front)) == 1
    with pytest.raises(BenchmarkError, match=r"at least 0\.14 s"):
        segments(quiet[: 14 * hop - 1], rate, front)
    longest = (1300 * 4 + 14) * hop - 1
    assert len(segments(quiet[:longest], rate, front)) == 1300
    with pytest.raises(BenchmarkError, match=r"at most 52\.1 s"):
        segments(quiet[: longest + 1], rate, front)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_clip_that_is_not_finite_is_refused(value: float) -> None:
    wave = np.zeros(16000, np.float32)
    wave[3] = value
    with pytest.raises(BenchmarkError, match="NaN or infinite"):
        segments(wave, 16000, NisqaNetwork(ATTENTIVE).front)


def test_silence_and_absurd_rates_are_no_crash() -> None:
    network = drawn(ATTENTIVE)
    assert np.isfinite(predict([(np.zeros(16000, np.float32), 16000)], network)).all()
    with pytest.raises(BenchmarkError, match="at 50 Hz"):
        segments(np.zeros(16000, np.float32), 50, network.front)


@pytest.mark.parametrize("change", [{"cnn_model": "dff"}, {"td": "lstm"}, {"ms_sr": 48000}, {"double_ended": True}])
def test_other_networks_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError, match="Not one of the published"):
        NisqaNetwork(ATTENTIVE | change)


@pytest.mark.real
@pytest.mark.usefixtures("published")
def test_golden_table_of_vctk(recordings: Path) -> None:
    files = [recordings / f"vctk/wav48_silence_trimmed/{s}/{s}_023_mic1.flac" for s in GOLDEN]
    loaded = [soundfile.read(path, dtype="float32") for path in files]
    scores = [predict(loaded, nisqa_network(name)) for name in ("nisqa.tar", "nisqa_tts.tar", "nisqa_mos_only.tar")]
    assert scores[0].shape == (8, len(HEADS))
    np.testing.assert_allclose(np.concatenate(scores, axis=1), list(GOLDEN.values()), atol=1e-4)


@pytest.mark.real
@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["nisqa.tar", "nisqa_tts.tar", "nisqa_mos_only.tar"])
def test_published_networks_judge_each_clip_alone(name: str) -> None:
    network = nisqa_network(name)
    alone = np.concatenate([predict([c], network) for c in clips()])
    np.testing.assert_allclose(predict(clips(), network), alone, atol=1e-5)
