"""What can go wrong while a checkpoint is written, for the children that `children.py` forks."""

from __future__ import annotations

import errno
import os
import resource
import signal
from typing import Any

import torch


def full_disk(after: int) -> None:
    """fsync refuses every checkpoint once `after` are on disk."""
    real, calls = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        if ".pt." in os.readlink(f"/proc/self/fd/{descriptor}"):
            calls[0] += 1
            if calls[0] > after:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    os.fsync = fsync


def quota(after: int) -> None:
    """The system itself cuts every file off at 4,000 bytes once `after` checkpoints are on disk."""
    real, calls = torch.save, [0]

    def save(*arguments: Any) -> None:
        calls[0] += 1
        if calls[0] > after:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
        real(*arguments)

    torch.save = save


def kill_in_save(after: int) -> None:
    """SIGKILL when checkpoint `after + 1` is written but not yet renamed."""
    real, calls = os.replace, [0]

    def replace(source: Any, target: Any) -> None:
        if str(target).endswith(".pt"):
            calls[0] += 1
            if calls[0] > after:
                os.kill(os.getpid(), signal.SIGKILL)
        real(source, target)

    os.replace = replace


FAULTS = {"disk": full_disk, "quota": quota, "kill in save": kill_in_save}
