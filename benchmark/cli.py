"""From the command line to a verb, and from its errors to messages. No torch is imported before a verb needs it."""

from __future__ import annotations

import errno
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Annotated, Any

import tyro

from benchmark.errors import BenchmarkError
from benchmark.runner.settings import RunSettings
from benchmark.verbs import (
    avatars,
    compare,
    doctor,
    matching,
    names,
    prepare,
    questionnaire,
    report,
    reproduce,
    run,
    score,
    ship,
    speed,
    styles,
    train,
    upstream,
    weights,
)
from benchmark.weights import offline

VERBS: Mapping[str, tuple[type, Callable[[Any], int]]] = {
    "run": (RunSettings, run.main),
    "train": (train.Train, train.main),
    "prepare": (prepare.Prepare, prepare.main),
    "avatars": (avatars.Avatars, avatars.main),
    "ship": (ship.Ship, ship.main),
    "upstream": (upstream.Upstream, upstream.main),
    "list": (names.List, names.main),
    "weights": (weights.Weights, weights.main),
    "score": (score.Score, score.main),
    "questionnaire": (questionnaire.Questionnaire, questionnaire.main),
    "styles": (styles.Styles, styles.main),
    "matching": (matching.Matching, matching.main),
    "reproduce": (reproduce.Reproduce, reproduce.main),
    "report": (report.Report, report.main),
    "compare": (compare.Compare, compare.main),
    "doctor": (doctor.Doctor, doctor.main),
    "speed": (speed.Speed, speed.main),
}


def _verb(name: str, settings: type) -> Any:
    """A subcommand whose help keeps the examples of the docstring."""
    help_text = inspect.cleandoc(settings.__doc__ or "")
    return Annotated[settings, tyro.conf.subcommand(name, description=help_text)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, run the verb, exit. A `BenchmarkError` becomes one message on stderr and its exit code."""
    if offline():  # libraries that could fetch models of their own ask this variable, when they are imported
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        verbs = reduce(or_, (_verb(name, settings) for name, (settings, _) in VERBS.items()))
        chosen: Any = tyro.cli(verbs, prog="python -m benchmark", description=_ABOUT, args=arguments)
        code = {settings: function for settings, function in VERBS.values()}[type(chosen)](chosen)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except BrokenPipeError:  # whoever read (`| head`) has enough; what Python still holds must go nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"error: {error.strerror}{where}. What was written is kept; the same command goes on.", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    raise SystemExit(code)


_ABOUT = """The face <-> voice style-transfer benchmark: train, translate, score, and read a table beside the papers'.

Start with: python -m benchmark run --task image_guided_vc
"""
