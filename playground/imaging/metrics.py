"""Image similarity: PSNR and SSIM.

Invariants: uint8 arrays (H, W, 3) of one size in, a number out; numpy alone, and the published definitions.
"""

import numpy as np

PEAK = 255.0
# Wang, Bovik, Sheikh, Simoncelli (2004), Image quality assessment: from error visibility to structural similarity.
WINDOW = 11
SIGMA = 1.5
C1 = (0.01 * PEAK) ** 2
C2 = (0.03 * PEAK) ** 2
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601: SSIM is defined on luminance


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio over all channels.

    Args:
        a: (H, W, 3) uint8.
        b: (H, W, 3) uint8.

    Returns:
        dB; infinite for equal pictures.

    Raises:
        ValueError: pictures of different sizes.
    """
    _same_shape(a, b)
    error = float(np.mean((a.astype(np.float32) - b.astype(np.float32)) ** 2, dtype=np.float64))
    return float("inf") if error == 0 else float(10 * np.log10(PEAK**2 / error))


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of the luminance, with the paper's 11 x 11 Gaussian window (sigma 1.5).

    Only windows that lie inside count, as in the paper; the window shrinks to a picture smaller than itself.

    Args:
        a: (H, W, 3) uint8.
        b: (H, W, 3) uint8.

    Returns:
        -1..1.

    Raises:
        ValueError: pictures of different sizes.
    """
    _same_shape(a, b)
    x, y = (array.astype(np.float64) @ LUMA for array in (a, b))
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    similarity = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    )
    return float(similarity.mean())


def _blur(image: np.ndarray) -> np.ndarray:
    """(H, W) to (H - k + 1, W - k + 1): the Gaussian mean of every window inside; separable."""
    for axis in (0, 1):
        kernel = _gaussian(min(WINDOW, image.shape[axis]))
        length = image.shape[axis] - len(kernel) + 1
        windows = [image[i : i + length] if axis == 0 else image[:, i : i + length] for i in range(len(kernel))]
        image = sum((weight * window for weight, window in zip(kernel, windows, strict=True)), np.zeros(()))
    return image


def _gaussian(size: int) -> np.ndarray:
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(places**2) / (2 * SIGMA**2))
    return weights / weights.sum()


def _same_shape(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise ValueError(f"pictures of one size are compared, not {a.shape} with {b.shape}")
