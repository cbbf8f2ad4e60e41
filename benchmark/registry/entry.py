"""Where a name leads."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.errors import BenchmarkError

VOICE = ("image_guided_vc", "audio_guided_vc")
FACE = ("image_guided_translation", "latent_guided_translation")
VOICES_OUT = (*VOICE, "latent_guided_vc")
FACES_OUT = (*FACE, "audio_guided_translation", "face_from_voice")
Kind = Literal["method", "baseline", "control", "plug-in"]


@dataclass(frozen=True)
class Entry:
    """Where a name leads: `target` is "module:attribute"; `arguments` are given to it first. tasks: those that a system
    does or a metric judges; of a plug-in none are known. version: of a metric's protocol, one more whenever the same
    key begins to mean other numbers; runs write it down, and two versions never stand in one table."""

    target: str
    summary: str
    kind: Kind = "plug-in"
    tasks: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    version: int = 1

    def load(self) -> Any:
        """Import the target.

        Raises:
            BenchmarkError: the module or attribute cannot be imported; of a plug-in, whatever its import raises.
        """
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:
            if self.kind != "plug-in" and not isinstance(error, ImportError | AttributeError):
                raise
            why = str(error) if isinstance(error, ImportError | AttributeError) else f"{type(error).__name__}: {error}"
            raise BenchmarkError(f"Cannot load {self.target}: {why}. Reinstall the package it belongs to.") from error
