"""Reading a weight file of PyTorch: tensors and plain values come out, nothing in it is executed."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError


def read_weights(path: Path) -> Any:
    """What `torch.save` wrote, on the CPU.

    Raises:
        BenchmarkError: cut off, damaged, no such file, or a pickle that asks for code to be run: it is not.
    """
    import torch  # here, because who only asks where weights are needs none of it

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BenchmarkError(
            f"{path} is no file of weights, or holds code, which is not run. Get it again from its authors, or save "
            "its state_dict alone."
        ) from error
    # Damaged archives come as any of these.
    except (OSError, RuntimeError, EOFError, LookupError, ValueError, AttributeError, TypeError) as error:
        raise BenchmarkError(f"{path} cannot be read as weights: {error or type(error).__name__}.") from error
