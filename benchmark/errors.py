"""The one family of errors a user is meant to read: what happened, what was got, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchmarkError(Exception):
    """Something the user can mend. The CLI prints the message alone and exits with `exit_code`."""

    exit_code = 2


class UnreadableMedia(BenchmarkError):
    """A wav, picture or clip that cannot be decoded; the message names the file and the reason."""


class MissingWeights(BenchmarkError):
    """A published weight file that is neither in `$BENCHMARK_WEIGHTS` nor in the cache, or the package it needs."""


class RunLocked(BenchmarkError):
    """Another process works in this run folder or store."""


class NonFiniteLoss(BenchmarkError):
    """A loss term or gradient norm is NaN or infinite; the message names term, step and record ids."""

    exit_code = 3


def unknown(kind: str, got: str, known: Iterable[str]) -> BenchmarkError:
    """The error for a name nobody registered, with the nearest known names."""
    names = sorted(known)
    near = difflib.get_close_matches(got, names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(names)}."
    return BenchmarkError(f"Unknown {kind} {got!r}. {hint}")
