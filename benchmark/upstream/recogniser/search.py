"""Joint CTC/attention beam search over many utterances at once, step for step what ESPnet does for one.

espnet/espnet@202511:espnet/nets/batch_beam_search.py and beam_search.py: pre-beam, end detection, <eos> in the last
position. All hypotheses of all utterances have the same number of tokens at every step, so rows = utterances x beam;
a row whose hypothesis has ended has score -inf, and an utterance that has ended leaves the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from benchmark.upstream.recogniser.scorers import Attention, CtcPrefixes, Prefixes

_BLANK = 0  # ESPnet's, by definition of its CTC


@dataclass(frozen=True)
class Hypothesis:
    """`tokens` from <sos> to <eos>; `score`: weighted log-probability."""

    tokens: tuple[int, ...]
    score: float


def covered(speech2text: Any) -> bool:
    """Whether `search` does what this `Speech2Text` does: attention decoder of the plain transformer, CTC, any language
    model that scores batches. Recurrent and convolutional decoders and ESPnet's other searches are not."""
    from espnet.nets.batch_beam_search import BatchBeamSearch
    from espnet.nets.pytorch_backend.transformer.attention import MultiHeadedAttention
    from espnet.nets.scorer_interface import BatchScorerInterface
    from espnet.nets.scorers.ctc import CTCPrefixScorer
    from espnet2.asr.decoder.transformer_decoder import TransformerDecoder

    beam, decoder = speech2text.beam_search, speech2text.asr_model.decoder
    return (
        type(beam) is BatchBeamSearch
        and not beam.normalize_length
        and type(decoder) is TransformerDecoder
        and all(
            type(layer.self_attn) is type(layer.src_attn) is MultiHeadedAttention
            and not layer.concat_after
            and layer.sequential_attn is None
            for layer in decoder.decoders
        )
        and all(isinstance(scorer, BatchScorerInterface) for scorer in beam.full_scorers.values())
        and all(type(scorer) is CTCPrefixScorer for scorer in beam.part_scorers.values())
    )


@torch.no_grad()
def search(
    encoded: Sequence[Tensor], beam: Any, maxlenratio: float = 0.0, minlenratio: float = 0.0
) -> list[list[Hypothesis]]:
    """Ended hypotheses of every utterance, best first, as `BatchBeamSearch` gives for each alone.

    Args:
        encoded: (T_i, D) frames of the encoder.
        beam: ESPnet's `BatchBeamSearch`, for its scorers, weights and sizes.
        maxlenratio: bound of the number of tokens by the number of frames, as ESPnet reads it; 0 detects the end.
        minlenratio: lower bound, likewise.
    """
    batch = _Batch(encoded, beam, maxlenratio, minlenratio)
    while batch.running:
        batch.step()
    found = [sorted(ended, key=lambda hypothesis: hypothesis.score, reverse=True) for ended in batch.ended]
    lost = [i for i, hypotheses in enumerate(found) if not hypotheses]
    if lost and minlenratio >= 0.1:  # ESPnet's second try, with less asked for
        again = search([encoded[i] for i in lost], beam, maxlenratio, max(0.0, minlenratio - 0.1))
        for i, hypotheses in zip(lost, again, strict=True):
            found[i] = hypotheses
    return found


class _Batch:
    """The utterances that still run: `running` are their numbers, in the order of the rows of every tensor here."""

    def __init__(self, encoded: Sequence[Tensor], beam: Any, maxlenratio: float, minlenratio: float) -> None:
        self.beam, self.detect_end = beam, maxlenratio == 0.0
        frames = [len(x) for x in encoded]
        self.longest = [_bound(n, maxlenratio) if maxlenratio else n for n in frames]
        self.shortest = [-int(minlenratio) if minlenratio < 0 else int(minlenratio * n) for n in frames]
        self.running = list(range(len(encoded)))
        self.ended: list[list[Hypothesis]] = [[] for _ in encoded]
        memory = pad_sequence(list(encoded), batch_first=True)
        lengths = torch.tensor(frames, device=memory.device)
        rows = len(encoded) * beam.beam_size
        self.tokens = torch.full((rows, 1), beam.sos, device=memory.device)
        # Every utterance begins with one hypothesis; its other rows are as if they had ended.
        self.scores = memory.new_full((len(encoded), beam.beam_size), -torch.inf)
        self.scores[:, 0] = 0.0
        self.full: list[tuple[float, Attention | Prefixes]] = []
        for name, scorer in beam.full_scorers.items():
            whole = Attention(scorer, memory, lengths) if name == "decoder" else Prefixes(scorer, rows, memory)
            self.full.append((beam.weights[name], whole))
        self.partial: list[tuple[float, CtcPrefixes]] = []
        for name, scorer in beam.part_scorers.items():
            ctc = CtcPrefixes(scorer.ctc.log_softmax(memory), lengths, beam.beam_size, _BLANK, beam.eos)
            self.partial.append((beam.weights[name], ctc))

    def step(self) -> None:
        """One more token for every hypothesis."""
        beam, utterances = self.beam, len(self.running)
        gains = self.scores.new_zeros(len(self.tokens), beam.n_vocab)
        for weight, scorer in self.full:
            gains = gains + weight * scorer.score(self.tokens)
        chosen = gains.topk(beam.pre_beam_size)[1] if beam.do_pre_beam else None
        for weight, ctc in self.partial:
            gains = gains + weight * ctc.score(self.tokens, chosen)
        scores = gains.view(utterances, beam.beam_size, -1) + self.scores[..., None]
        scores = scores.masked_fill(self.scores.isneginf()[..., None], -torch.inf)
        self.scores, best = scores.flatten(1).topk(beam.beam_size)
        parents = best // beam.n_vocab + torch.arange(utterances, device=best.device)[:, None] * beam.beam_size
        added = best % beam.n_vocab
        self.tokens = torch.cat([self.tokens[parents.flatten()], added.view(-1, 1)], dim=1)
        kept = [place for place, utterance in enumerate(self.running) if not self._ends(place, utterance)]
        self._keep(kept, parents, added)

    def _ends(self, place: int, utterance: int) -> bool:
        """Take hypotheses that end here out; whether the utterance ends with them."""
        from espnet.nets.e2e_asr_common import end_detect

        beam, step = self.beam, self.tokens.shape[1] - 2
        last = step == self.longest[utterance] - 1
        scores = self.scores[place].tolist()
        tokens = self.tokens.view(len(self.running), beam.beam_size, -1)[place].tolist()
        ended = self.ended[utterance]
        for row, score in enumerate(scores):
            if score > -torch.inf and (last or tokens[row][-1] == beam.eos):
                self.scores[place, row] = -torch.inf
                scores[row] = -torch.inf
                if step >= self.shortest[utterance]:
                    ended.append(Hypothesis((*tokens[row], *([beam.eos] if last else [])), score))
        if max(scores) == -torch.inf:
            return True
        return self.detect_end and end_detect([{"score": h.score, "yseq": h.tokens} for h in ended], step)

    def _keep(self, kept: list[int], parents: Tensor, added: Tensor) -> None:
        places = torch.tensor(kept, dtype=torch.long, device=added.device)
        rows = parents[places].flatten()
        for _, scorer in (*self.full, *self.partial):
            scorer.select(places, rows, added[places].flatten())
        self.tokens = self.tokens.view(len(self.running), self.beam.beam_size, -1)[places].flatten(0, 1)
        self.scores = self.scores[places]
        self.running = [self.running[place] for place in kept]


def _bound(frames: int, ratio: float) -> int:
    return -int(ratio) if ratio < 0 else max(1, int(ratio * frames))
