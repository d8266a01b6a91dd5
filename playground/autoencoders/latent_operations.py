"""Operations on a latent between encoder and decoder: gain, quantization, noise, interpolation.

Invariants: numpy alone, pure functions of (C, h, w) float32; values from outside are validated here.
"""

import numpy as np

from playground.autoencoders.types import LatentChanges
from playground.errors import UserError
from playground.validation import validate_number, validate_seed, validate_whole

MAX_GAIN = 4.0
MAX_NOISE = 4.0
MAX_BITS = 8
MAX_CHANNELS = 64
HEADER_BITS = 2 * 32  # per channel: the lowest level and the step, as float32
RANGE_SAMPLES = 65_536  # numbers of a channel that its range is chosen from


def validate_changes(gain: object, bits: object, noise: object, seed: object) -> LatentChanges:
    """Changes from values as a page or a program sends them.

    Args:
        gain: a list of one number per channel, -4 to 4.
        bits: 0 to 8; 0 for no quantization.
        noise: standard deviation, 0 to 4.
        seed: of the noise, 0 to 2^32 - 1.

    Returns:
        The changes.

    Raises:
        UserError: a value out of range; the message names it.
    """
    if not isinstance(gain, list | tuple) or len(gain) > MAX_CHANNELS:
        raise UserError("Gain must be a list of one number per channel of the latent.")
    return LatentChanges(
        gain=tuple(validate_number(value, "`gain`", -MAX_GAIN, MAX_GAIN) for value in gain),
        bits=validate_whole(bits, "`bits`", 0, MAX_BITS),
        noise=validate_number(noise, "`noise`", 0, MAX_NOISE),
        seed=validate_seed(seed),
    )


def apply_changes(latent: np.ndarray, changes: LatentChanges) -> np.ndarray:
    """A latent with gain, quantization and noise applied, in this order.

    Args:
        latent: (C, h, w).
        changes: what to do.

    Returns:
        (C, h, w) float32.

    Raises:
        UserError: more gains than channels.
    """
    channels = len(latent)
    if len(changes.gain) > channels:
        raise UserError(f"This model's latent has {channels} channels, and {len(changes.gain)} gains were given.")
    gain = np.ones(channels, np.float32)
    gain[: len(changes.gain)] = changes.gain
    changed = latent * gain[:, None, None]
    if changes.bits:
        changed = quantize(changed, changes.bits)
    if changes.noise:
        noise = np.random.default_rng(changes.seed).standard_normal(latent.shape, dtype=np.float32)
        changed = changed + np.float32(changes.noise) * noise
    return changed.astype(np.float32)


def quantize(latent: np.ndarray, bits: int) -> np.ndarray:
    """Uniform quantization of each channel over a range of its own, chosen for the least squared error.

    Levels are cell centres; numbers outside the range get the outermost level. For few bits the best range leaves
    outliers out (Max 1960, Quantizing for minimum distortion).

    Args:
        latent: (C, h, w).
        bits: 2^bits levels.

    Returns:
        (C, h, w) float32.
    """
    return np.stack([_quantize_channel(channel, 2**bits) for channel in latent])


def bits_per_pixel(latent: np.ndarray, bits: int, pixels: int) -> float:
    """Bits of a latent per pixel of the picture.

    Args:
        latent: (C, h, w).
        bits: per number; 0 counts 32 and no header.
        pixels: of the picture.

    Returns:
        Bits per pixel, each channel's header included.
    """
    size = latent.size * (bits or 32) + (len(latent) * HEADER_BITS if bits else 0)
    return size / pixels


def lerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """Linear interpolation, exact at both ends.

    Args:
        a: (C, h, w), at t = 0.
        b: (C, h, w), at t = 1.
        t: 0..1.

    Returns:
        (C, h, w) float32.
    """
    return b if t == 1 else (a + np.float32(t) * (b - a)).astype(np.float32)


def _quantize_channel(channel: np.ndarray, levels: int) -> np.ndarray:
    centre = float(channel.mean())
    deviation = channel - centre
    furthest = float(np.abs(deviation).max())
    if furthest == 0:
        return channel
    some = deviation.ravel()[:: max(1, channel.size // RANGE_SAMPLES)]
    # from half a standard deviation to the furthest outlier, in equal ratios
    ranges = np.geomspace(min(0.5 * float(deviation.std()), furthest), furthest, 24)
    best = min(ranges, key=lambda half: float(np.square(_quantize_uniform(some, half, levels) - some).sum()))
    return (centre + _quantize_uniform(deviation, float(best), levels)).astype(np.float32)


def _quantize_uniform(values: np.ndarray, half: float, levels: int) -> np.ndarray:
    """On `levels` cell centres of -half … half."""
    step = 2 * half / levels
    cells = np.clip(np.floor((values + half) / step), 0, levels - 1)
    return (cells + 0.5) * step - half
