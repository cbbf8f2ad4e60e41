"""Vocoders: a mel of a known front end in, a 24 kHz waveform out. Their names: `benchmark.registry.VOCODERS`."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from benchmark.media import mel, mel326, mel512
from benchmark.media.audio import RATE, resample
from benchmark.media.griffin_lim import griffin_lim


class Vocoder(Protocol):
    """Turns mels of one feature into waveforms.

    Called with (B, 1, bands, T), gives (B, hop T) float32 at 24 kHz, a hop being 300 samples (489 for mel326): at least
    as long as the wave the mel was made of (N samples make T = 1 + N // hop frames), so cut to N where N is known.
    Deterministic; row i depends on row i alone, bit for bit. Peaks may pass 1 (`benchmark.media.audio.write_flac`
    scales them down).
    """

    name: str
    feature: str

    def __call__(self, mel: Tensor, /) -> Tensor: ...


class GriffinLim:
    """The suite's mel through 32 updates of its inverse and 16 fast Griffin-Lim iterations on an n_fft of 1200.

    Measured on 10 real recordings (6 VCTK, 4 LRS3, up to 4 s each): mean cosine of Resemblyzer embeddings between
    recording and resynthesis, mean NISQA (4.06 for the recordings), milliseconds per second of audio on one busy core.

        updates  iterations  cosine  NISQA   ms
              1          16    .862   2.23    8
              8          16    .952   3.42    9
             32           0    .820   2.38    7
             32           4    .955   3.56    9
             32           8    .968   3.62   10
             32          16    .976   3.74   13   <- here
             32          32    .976   3.75   18
             32          64    .978   3.73   30
            128          64    .981   3.74   46
             32          16    .978   3.72   23   with an n_fft of 2048

    On ten voices of the embedded corpus: two recordings of one speaker .886, one of them resynthesised .870, another
    speaker of the same gender .696.
    """

    name = "griffin_lim"
    feature = "mel80"

    def __call__(self, mel80: Tensor, /) -> Tensor:
        # Row by row: a matrix product rounds by the number of its rows, and the iterations would magnify that.
        return torch.stack([griffin_lim(mel.to_magnitude(row[None])[0], iterations=16) for row in mel80])


class GriffinLim512:
    """AdaIN-VC's own inversion: transposed bank, 100 plain iterations, de-emphasis.

    On the recordings above: cosine .983, NISQA 3.58 to 3.71 by the starting phase, 50 ms per second of audio.
    The official code ends by trimming silence, which is left out here: rows keep one length.
    """

    name = "griffin_lim_512"
    feature = "mel512"

    def __call__(self, mel: Tensor, /) -> Tensor:
        waves = [griffin_lim(mel512.to_magnitude(row[None])[0], iterations=100, momentum=0.0) for row in mel]
        return torch.stack([mel512.deemphasise(wave) for wave in waves])


class GriffinLim326:
    """Fragment-VC's mel through the inverse that `GriffinLim` uses, at 16 kHz, then de-emphasis and resampling.

    The level is that of a recording of peak 1, which this mel is made of. The official code has a recurrent vocoder
    instead, trained apart (yistLin/universal-vocoder).
    """

    name = "griffin_lim_326"
    feature = "mel326"

    def __call__(self, mel: Tensor, /) -> Tensor:
        magnitudes = [mel326.to_magnitude(row[None])[0] for row in mel]
        waves = [mel512.deemphasise(griffin_lim(m, iterations=32, hop=mel326.HOP)) for m in magnitudes]
        return torch.stack([torch.from_numpy(resample(w.cpu().numpy(), mel326.BASE, RATE)) for w in waves])
