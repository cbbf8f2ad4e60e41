import numpy as np

from benchmark.media.image import shrink_square


def test_shrinking_takes_the_centred_square_and_averages():
    fine = np.indices((64, 64)).sum(axis=0) % 2 * 255  # a chessboard: a filter that does not average gives 0 or 255
    image = np.repeat(fine[..., None], 3, axis=2).astype(np.uint8)
    small = shrink_square(image, 8)
    assert small.shape == (8, 8, 3)
    assert np.abs(small.astype(int) - 127).max() <= 2
    square = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    assert np.array_equal(shrink_square(square, 40), square)
    wide = np.concatenate([np.zeros((40, 10, 3), np.uint8), square, np.full((40, 11, 3), 255, np.uint8)], axis=1)
    assert np.array_equal(shrink_square(wide, 40), square)
    assert np.array_equal(shrink_square(wide.swapaxes(0, 1), 40), square.swapaxes(0, 1))
    assert shrink_square(np.zeros((1, 1, 3), np.uint8)).shape == (128, 128, 3)
