"""Content features at the frames of a mel: right moments, and a row's own recording alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from baselines.fragment_vc.content import MELS, READERS, Frames, content, resampled
from benchmark.media.catalogue import FEATURES
from benchmark.upstream.asr_features.load import asr_features


def test_frames_have_the_rates_of_their_features() -> None:
    for name, frames in MELS.items():
        assert FEATURES[name].rate == pytest.approx(16000 / frames.hop)


@pytest.mark.parametrize(("wanted", "count"), [(MELS["mel80"], 90), (MELS["mel326"], 55)])
@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_a_line_in_time_stays_that_line(reader: object, wanted: Frames, count: int) -> None:
    """Features that are their own moment are, at a mel frame, that frame's moment; at the ends the nearest there is."""
    frames: Frames = reader.frames  # type: ignore[attr-defined]
    moments = frames.centre + frames.hop * torch.arange(40.0)
    got = resampled(moments[None, :, None], count, frames, wanted)[0, :, 0]
    expected = (wanted.hop * torch.arange(float(count))).clamp(float(moments[0]), float(moments[-1]))
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-2)


def test_one_frame_is_that_frame_everywhere() -> None:
    x = torch.randn(2, 1, 3)
    assert torch.equal(resampled(x, 5, Frames(400), Frames(200)), x.expand(2, 5, 3))


class Loud(nn.Module):
    """Waves (B, N) -> (B, 1, frames of 320 samples): each is its mean, less that of everything that was handed in."""

    def forward(self, wave: Tensor) -> Tensor:
        frames = wave.unfold(1, 400, 320).mean(2)
        return (frames - wave.mean(1, keepdim=True))[:, None]


@pytest.mark.parametrize("matched", [True, False])
def test_padding_is_not_heard(matched: bool) -> None:
    reader, waves = READERS["wav2vec2"], torch.rand(2, 4000)
    rows, frames = [4000, 2600], [21, 14]
    padded = waves.clone()
    padded[1, 2600:] = 9.0
    column = {
        "wave16k": padded,
        "wave16k_rows": torch.tensor(rows),
        "mel80": torch.zeros(2, 1, 80, 21),
        "mel80_rows": torch.tensor(frames),
    }
    got, lengths = content(Loud(), reader, "mel80", column, matched)
    assert lengths.tolist() == (frames if matched else [12, 7])
    for i, (own, count) in enumerate(zip(rows, frames, strict=True)):
        alone = {"wave16k": waves[i : i + 1, :own], "mel80": torch.zeros(1, 1, 80, count)}
        expected, (length,) = content(Loud(), reader, "mel80", alone, matched)
        assert int(length) == int(lengths[i])
        torch.testing.assert_close(got[i : i + 1, : int(length)], expected)
        assert (got[i, int(length) :] == 0).all()


def test_the_embedded_features_lie_where_they_were_read() -> None:
    """A click moves what the first layer, the only one that is no frame for a frame, reads of its own moment."""
    network, reader = asr_features("pocket"), READERS["pocket"]
    quiet = torch.full((1, 1, 80, 100), -1.5)
    loud = quiet.clone()
    loud[..., 50] = 2.0
    with torch.no_grad():
        one, two = (network.stem((mel.squeeze(1).mT @ network.dct).mT) for mel in (loud, quiet))
    share = (one - two).square().sum((0, 1))
    middle = float((share * torch.arange(len(share))).sum() / share.sum())
    assert reader.frames.hop * middle / MELS["mel80"].hop == pytest.approx(50, abs=2)
