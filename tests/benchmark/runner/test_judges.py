"""What a record says of the networks that judged."""

from __future__ import annotations

from benchmark import weights
from benchmark.runner.score import judges_sha256


class Given:
    """A judge from a path of the user's: no entry of weights.toml, hashes of its own."""

    weights: tuple[str, ...] = ()
    own_sha256 = {"weights": "aa", "configuration": "bb"}


class Listed:
    weights = ("pocket/recogniser.safetensors",)


def test_every_file_that_judged_is_in_the_record() -> None:
    name = Listed.weights[0]
    assert judges_sha256({"wer@a": Given(), "wer@b": Listed()}) == {
        name: weights.entry(name).sha256,
        "wer@a weights": "aa",
        "wer@a configuration": "bb",
    }
