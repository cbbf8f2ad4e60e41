"""What the batched search asks at every step, for all hypotheses of all utterances at once.

ESPnet's scorers with the same numbers, laid out for rows = utterances x beam: espnet/espnet@202511
espnet/nets/ctc_prefix_score.py (CTCPrefixScoreTH), espnet2/asr/decoder/transformer_decoder.py (batch_score). Two things
are done once that are done again and again there: keys and values of an utterance's frames are computed once for all
hypotheses and steps, and those of a hypothesis' earlier tokens are kept.

Every scorer has `score`, of the tokens so far, and `select`, which keeps for the next step the rows that go on.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

_ZERO = -1e10  # the logarithm of no probability, in ESPnet's CTC scores


class Attention:
    """ESPnet's transformer decoder. `memory`: (B, T, D) frames, padded; `lengths`: (B,)."""

    def __init__(self, decoder: Any, memory: Tensor, lengths: Tensor) -> None:
        self.decoder = decoder
        self.mask = (torch.arange(memory.shape[1], device=memory.device) < lengths[:, None])[:, None, :]
        self.memory = [layer.src_attn.forward_qkv(memory, memory, memory)[1:] for layer in self.decoder.decoders]
        self.past: list[tuple[Tensor, Tensor] | None] = [None] * len(self.memory)

    def score(self, tokens: Tensor) -> Tensor:
        """(R, L) tokens, all but the last seen before -> (R, V) log-probabilities of the next."""
        decoder = self.decoder
        x = decoder.embed(tokens)[:, -1:]
        for i, layer in enumerate(decoder.decoders):
            x = self._layer(i, layer, x)
        x = decoder.after_norm(x[:, -1]) if decoder.normalize_before else x[:, -1]
        return torch.log_softmax(decoder.output_layer(x), dim=-1)

    def select(self, utterances: Tensor, rows: Tensor, tokens: Tensor) -> None:
        """Go on with (B',) utterances and (R',) rows; `tokens` were added to them."""
        self.mask = self.mask[utterances]
        self.memory = [(keys[utterances], values[utterances]) for keys, values in self.memory]
        self.past = [past and (past[0][rows], past[1][rows]) for past in self.past]

    def _layer(self, i: int, layer: Any, x: Tensor) -> Tensor:
        before = layer.normalize_before
        normed = layer.norm1(x) if before else x
        queries, keys, values = layer.self_attn.forward_qkv(normed, normed, normed)
        past = self.past[i]
        if past is not None:
            keys, values = torch.cat([past[0], keys], dim=2), torch.cat([past[1], values], dim=2)
        self.past[i] = keys, values
        x = x + _attend(layer.self_attn, queries, keys, values, None)
        x = x if before else layer.norm1(x)

        # The hypotheses of an utterance stand where time stands otherwise, so that they share its keys and values.
        attention, (keys, values) = layer.src_attn, self.memory[i]
        normed = layer.norm2(x) if before else x
        queries = attention.linear_q(normed).view(len(keys), -1, attention.h, attention.d_k).transpose(1, 2)
        x = x + _attend(attention, attention.q_norm(queries), keys, values, self.mask).view(x.shape)
        x = x if before else layer.norm2(x)

        x = x + layer.feed_forward(layer.norm3(x) if before else x)
        return x if before else layer.norm3(x)


def _attend(attention: Any, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    weights = torch.matmul(queries, keys.transpose(-2, -1)) / math.sqrt(attention.d_k)
    attended: Tensor = attention.forward_attention(values, weights, mask)
    return attended


class Prefixes:
    """Scores that need the tokens alone: a language model, the length bonus; any of ESPnet's that score batches."""

    def __init__(self, scorer: Any, rows: int, memory: Tensor) -> None:
        self.scorer = scorer
        self.states: Any = [scorer.batch_init_state(memory[0])] * rows
        self.memory = memory[:1, :1]  # such scorers read its device and type only

    def score(self, tokens: Tensor) -> Tensor:
        """(R, L) -> (R, V)."""
        scores, self.states = self.scorer.batch_score(tokens, self.states, self.memory.expand(len(tokens), -1, -1))
        return scores  # type: ignore[no-any-return]

    def select(self, utterances: Tensor, rows: Tensor, tokens: Tensor) -> None:
        """As `Attention.select`."""
        self.states = [self.scorer.select_state(self.states, row) for row in rows.tolist()]


class CtcPrefixes:
    """Probability that the frames begin with a hypothesis (Watanabe et al. 2017, IEEE JSTSP 11:1240, algorithm 2).

    `frames`: (B, T, V) log-probabilities of CTC, padded; `lengths`: (B,); `beam`: rows of an utterance.
    """

    def __init__(self, frames: Tensor, lengths: Tensor, beam: int, blank: int, end: int) -> None:
        padded = torch.arange(frames.shape[1], device=frames.device) >= lengths[:, None]
        frames = frames.masked_fill(padded[..., None], _ZERO)
        frames[..., blank].masked_fill_(padded, 0.0)
        self.frames = frames.transpose(0, 1).contiguous()
        self.last = lengths - 1
        self.beam, self.blank, self.end = beam, blank, end
        self.steps = 0
        # Probability of all frames up to one: ending in the last token, ending in a blank. (T, R) each.
        self.in_blank = self.frames[..., blank].cumsum(0).repeat_interleave(beam, dim=1)
        self.in_token = torch.full_like(self.in_blank, _ZERO)
        self.reached: Tensor = self.in_blank.new_zeros(self.in_blank.shape[1])

    def score(self, tokens: Tensor, chosen: Tensor | None) -> Tensor:
        """(R, L) tokens, (R, S) the next ones to score or None for all -> (R, V), `_ZERO` and less where not chosen."""
        times, utterances, vocabulary = self.frames.shape
        rows = len(tokens)
        if chosen is None:
            chosen = torch.arange(vocabulary, device=tokens.device).expand(rows, -1)
        index = chosen.reshape(1, utterances, -1).expand(times, -1, -1)
        emitted = self.frames.gather(2, index).view(times, rows, -1)
        blank = self.frames[..., self.blank].repeat_interleave(self.beam, dim=1)[..., None]

        together = torch.logaddexp(self.in_token, self.in_blank)
        before = torch.where(chosen == tokens[:, -1:], self.in_blank[..., None], together[..., None])
        start = max(self.steps, 1)
        self._new = _forward(emitted, blank, before, start, first=self.steps == 0)
        paths = torch.cat([before[start - 1 : -1] + emitted[start:], self._new[0][start - 1 : start]])
        self._scores = torch.full((rows, vocabulary), _ZERO, device=tokens.device)
        self._scores.scatter_(1, chosen, torch.logsumexp(paths, dim=0))
        every = torch.arange(rows, device=tokens.device)
        self._scores[:, self.end] = together[self.last.repeat_interleave(self.beam), every]
        self._scores[:, self.blank] = _ZERO
        self._chosen = chosen
        return self._scores - self.reached[:, None]

    def select(self, utterances: Tensor, rows: Tensor, tokens: Tensor) -> None:
        """As `Attention.select`."""
        column = (self._chosen[rows] == tokens[:, None]).int().argmax(dim=1)
        self.in_token, self.in_blank = (new[:, rows, column] for new in self._new)
        self.reached = self._scores[rows, tokens]
        self.frames, self.last = self.frames[:, utterances], self.last[utterances]
        self.steps += 1


def _forward(emitted: Tensor, blank: Tensor, before: Tensor, start: int, first: bool) -> tuple[Tensor, Tensor]:
    """Forward variables of hypotheses with one more token, (T, R, S) each: ending in it, and in a blank after it.

    Written into place, time by time: the loop is most of the search.
    """
    in_token = torch.full_like(emitted, _ZERO)
    # Beside each other what a step adds to the token's own path: to it `before`, to the blank's path `in_blank`.
    others = torch.full((len(emitted), 2, *emitted.shape[1:]), _ZERO, device=emitted.device)
    others[:, 0] = before
    gains = torch.stack([emitted, blank.expand_as(emitted)], dim=1)
    if first:
        in_token[0] = emitted[0]
    tokens, blanks = in_token.unbind(0), others[:, 1].unbind(0)
    other, gain = others.unbind(0), gains.unbind(0)
    new = torch.empty_like(others[0])
    new_token, new_blank = new.unbind(0)
    for time in range(start, len(emitted)):
        torch.logaddexp(tokens[time - 1], other[time - 1], out=new)
        new.add_(gain[time])
        tokens[time].copy_(new_token)
        blanks[time].copy_(new_blank)
    return in_token, others[:, 1]
