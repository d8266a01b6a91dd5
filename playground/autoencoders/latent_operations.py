"""What can be done to a latent between encoder and decoder: gain, fewer bits, noise, a way to another latent.

Invariants: numpy alone, pure functions of (C, h, w) float32; values from outside are checked here.
"""

import math

import numpy as np

from playground.autoencoders.types import Changes
from playground.errors import UserError

MOST_GAIN = 4.0
MOST_NOISE = 4.0
MOST_BITS = 8
MOST_CHANNELS = 64
SEEDS = 2**32
HEADER_BITS = 2 * 32  # per channel: the lowest level and the step, as float32
SEARCHED = 65_536  # numbers of a channel that are looked at to choose its range


def checked(gain: object, bits: object, noise: object, seed: object) -> Changes:
    """`Changes` of values as a page or a program sends them. Raises `UserError` naming the one that is wrong."""
    if not isinstance(gain, list | tuple) or len(gain) > MOST_CHANNELS:
        raise UserError("gain is a list of one number per channel of the latent.")
    return Changes(
        gain=tuple(_number("gain", value, -MOST_GAIN, MOST_GAIN) for value in gain),
        bits=int(_number("bits", bits, 0, MOST_BITS, whole=True)),
        noise=_number("noise", noise, 0, MOST_NOISE),
        seed=int(_number("seed", seed, 0, SEEDS - 1, whole=True)),
    )


def apply(latent: np.ndarray, changes: Changes) -> np.ndarray:
    """The latent with gain, fewer bits and noise, in this order. Raises `UserError` for too many gains."""
    channels = len(latent)
    if len(changes.gain) > channels:
        raise UserError(f"This model's latent has {channels} channels, and {len(changes.gain)} gains were given.")
    gain = np.ones(channels, np.float32)
    gain[: len(changes.gain)] = changes.gain
    changed = latent * gain[:, None, None]
    if changes.bits:
        changed = quantise(changed, changes.bits)
    if changes.noise:
        noise = np.random.default_rng(changes.seed).standard_normal(latent.shape, dtype=np.float32)
        changed = changed + np.float32(changes.noise) * noise
    return changed.astype(np.float32)


def quantise(latent: np.ndarray, bits: int) -> np.ndarray:
    """Each channel on 2^bits equal steps over a range of its own, chosen for the least squared error.

    A uniform quantiser with cell centres as levels; what lies outside the range gets the outermost level. For few bits
    the best range leaves the outliers out (Max 1960, Quantizing for minimum distortion).
    """
    return np.stack([_quantise_channel(channel, 2**bits) for channel in latent])


def bits_per_pixel(latent: np.ndarray, bits: int, pixels: int) -> float:
    """Bits that the latent takes per pixel of the picture; `bits` 0 counts 32 a number and no header."""
    size = latent.size * (bits or 32) + (len(latent) * HEADER_BITS if bits else 0)
    return size / pixels


def between(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point at `t` of the straight line from `a` (t = 0) to `b` (t = 1), both exact at the ends."""
    return b if t == 1 else (a + np.float32(t) * (b - a)).astype(np.float32)


def _quantise_channel(channel: np.ndarray, levels: int) -> np.ndarray:
    centre = float(channel.mean())
    deviation = channel - centre
    furthest = float(np.abs(deviation).max())
    if furthest == 0:
        return channel
    some = deviation.ravel()[:: max(1, channel.size // SEARCHED)]
    # from half a standard deviation to the furthest outlier, in equal ratios
    ranges = np.geomspace(min(0.5 * float(deviation.std()), furthest), furthest, 24)
    best = min(ranges, key=lambda half: float(np.square(_uniform(some, half, levels) - some).sum()))
    return (centre + _uniform(deviation, float(best), levels)).astype(np.float32)


def _uniform(values: np.ndarray, half: float, levels: int) -> np.ndarray:
    """On `levels` cell centres of -half … half."""
    step = 2 * half / levels
    cells = np.clip(np.floor((values + half) / step), 0, levels - 1)
    return (cells + 0.5) * step - half


def _number(name: str, value: object, least: float, most: float, whole: bool = False) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if is_number and least <= value <= most and (not whole or value == int(value)):  # type: ignore[operator, call-overload]
        return float(value)  # type: ignore[arg-type]
    kind = "a whole number" if whole else "a number"
    raise UserError(f"{name} must be {kind} from {least:g} to {most:g}.")
