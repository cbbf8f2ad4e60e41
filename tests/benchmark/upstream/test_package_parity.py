"""Both networks against the packages that published them, on 50 real files of different rate, length and format.

The peers are slow to start (numba compiles for half a minute), so the files are short and each peer runs once.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmark import weights
from benchmark.upstream.nisqa import nisqa_network, predict
from benchmark.upstream.speaker_embedding import embed
from benchmark.upstream.speaker_frontend import resample
from protocols.media_scores import read_native

pytestmark = [pytest.mark.real, pytest.mark.slow]

FILES = {
    "vctk": 6,
    "vctk_other_rates/22050": 5,
    "vctk_other_rates/24000_float": 5,
    "librispeech": 6,
    "voxceleb1": 4,
    "lrs3_pairs": 4,
    "lrs3_l2su": 2,
    "lrs3_facetts": 2,
    "outputs/adain_vc": 4,
    "outputs/fragment_vc": 3,
    "outputs/starganv2_vc": 2,
    "outputs/autovc": 3,
    "outputs/facevc": 4,
}
"""How many of the shortest files of each folder; the longest of `vctk` and `voxceleb1` come on top of them, and the one
output that passes full scale."""


@pytest.fixture
def files(recordings: Path) -> list[Path]:
    chosen: dict[Path, None] = {}
    for folder, count in FILES.items():
        found = [p for p in sorted((recordings / folder).rglob("*")) if p.suffix in {".wav", ".flac"}]
        by_length = sorted(found, key=lambda p: soundfile.info(p).duration)
        longest = by_length[-1:] if folder in {"vctk", "voxceleb1"} else []
        chosen |= dict.fromkeys([*by_length[:count], *longest])
    chosen[next(recordings.glob("outputs/adain_vc/*/p262_220_p256_142*.wav"))] = None
    assert len(chosen) >= 50
    headers = [soundfile.info(p) for p in chosen]
    assert {h.samplerate for h in headers} >= {16000, 22050, 24000, 48000}
    assert {h.format for h in headers} >= {"WAV", "FLAC"}
    assert {h.subtype for h in headers} >= {"PCM_16", "FLOAT"}
    assert max(h.duration for h in headers) > 4 * min(h.duration for h in headers)
    return list(chosen)


def test_speaker_embeddings_equal_resemblyzers(files: list[Path]) -> None:
    import resemblyzer

    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)
    expected = np.stack([encoder.embed_utterance(resemblyzer.preprocess_wav(path)) for path in files])
    ours = embed([resample(*read_native(path)) for path in files])
    np.testing.assert_allclose(ours, expected, atol=1e-4)
    np.testing.assert_allclose(ours @ ours.T, expected @ expected.T, atol=1e-4)


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["nisqa.tar", "nisqa_tts.tar", "nisqa_mos_only.tar"])
def test_nisqa_equals_its_package(files: list[Path], name: str, tmp_path: Path) -> None:
    import pandas
    from nisqa.NISQA_model import nisqaModel

    table = tmp_path / "files.csv"
    pandas.DataFrame({"file": [str(path) for path in files]}).to_csv(table, index=False)
    settings = {
        "mode": "predict_csv",
        "csv_file": str(table),
        "csv_deg": "file",
        "data_dir": "",
        "pretrained_model": str(weights.get(name)),
        "output_dir": None,
        "ms_channel": None,
        "tr_bs_val": 1,
        "tr_num_workers": 0,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        rows = nisqaModel(settings).predict().set_index("file").loc[[str(path) for path in files]]
    expected = rows[[column for column in rows.columns if column.endswith("_pred")]].to_numpy(float)
    ours = predict([read_native(path) for path in files], nisqa_network(name))
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=1e-4)
