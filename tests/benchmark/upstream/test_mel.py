"""Networks of the suite's own, and those published with StarGANv2-VC, refuse a mel that they were not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from benchmark import weights
from benchmark.errors import BenchmarkError
from benchmark.media.mel import MEL80
from benchmark.upstream import mel
from benchmark.upstream.asr_features import load as asr_features
from benchmark.upstream.jdc import load as jdc
from benchmark.upstream.matcher import load as matcher
from benchmark.upstream.parallel_wavegan import load as parallel_wavegan
from benchmark.upstream.voice_embedding import load as voice_embedding

LOADERS: dict[str, tuple[ModuleType, str, Callable[[], object]]] = {
    "jdc": (jdc, "MEL80", lambda: jdc.f0_network("pocket")),
    "asr_features": (asr_features, "MEL80", lambda: asr_features.asr_features("pocket")),
    "parallel_wavegan": (parallel_wavegan, "MEL80", parallel_wavegan.pocket_generator),
    "voice_embedding": (voice_embedding, "MEL64", lambda: voice_embedding.voice_embedding("pocket")),
    "matcher": (matcher, "MEL64", lambda: matcher.matcher.__wrapped__(matcher.JUDGES[1])),
}
PUBLISHED: dict[str, tuple[ModuleType, Callable[[], object]]] = {
    "jdc": (jdc, lambda: jdc.f0_network("published")),
    "asr_features": (asr_features, lambda: asr_features.asr_features("published")),
    "parallel_wavegan": (parallel_wavegan, parallel_wavegan.published_generator),
}


@pytest.mark.parametrize("name", LOADERS)
def test_a_shipped_network_refuses_another_mel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, feature, get = LOADERS[name]
    get()
    known = getattr(module, feature)
    other = replace(known, spec={**known.spec, "n_fft": 512})
    monkeypatch.setattr(module, feature, other)
    with pytest.raises(
        BenchmarkError, match=f"another mel.*{known.hash}, expected {other.hash}.*benchmark upstream {name}"
    ):
        get()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_networks_published_with_starganv2_vc_know_one_mel(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is refused for its mel before it is opened; of the right mel it is opened."""
    module, get = PUBLISHED[name]
    empty = tmp_path / "network"
    empty.write_bytes(b"")
    monkeypatch.setattr(weights, "get", lambda entry: empty)
    with pytest.raises(BenchmarkError) as opened:
        get()
    assert "another mel" not in str(opened.value)
    other = replace(MEL80, spec={**MEL80.spec, "floor": 1e-6})
    monkeypatch.setattr(module, "MEL80", other)
    with pytest.raises(BenchmarkError, match=f"another mel.*{mel.STARGANV2_VC}, expected {other.hash}"):
        get()


@pytest.mark.parametrize("content", ["{}", '{"mel": null}', '{"mel": "0123456789abcdef"}'])
def test_a_record_without_the_suites_mel(content: str, tmp_path: Path) -> None:
    (tmp_path / "any.json").write_text(content)
    file = tmp_path / "any.safetensors"
    with pytest.raises(BenchmarkError, match=rf"any\.safetensors.*mel80.*{MEL80.hash}\)\. Do this"):
        mel.check_mel(mel.recorded_mel(file), MEL80, file, "Do this")
