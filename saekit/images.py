"""Natural image patches, whitening, and the Gabor functions that learned atoms turn out to be.

    gabor(x, y) = exp(-u^2 / 2 s_u^2 - v^2 / 2 s_v^2) cos(2 pi f u + phase)
with (u, v) the pixel coordinates about a centre, turned so that u runs along the wave. A patch is one row of size^2
numbers (row-major), as are atoms. References: Olshausen & Field (1996); Jones & Palmer (1987), fits to visual cortex.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from sklearn.datasets import load_sample_images

from saekit.synthetic import check_sizes


class Whitening(NamedTuple):
    """x_white = (x - mean) @ matrix has unit covariance; x = x_white @ inverse + mean brings it back."""

    mean: np.ndarray
    matrix: np.ndarray
    inverse: np.ndarray


class GaborFits(NamedTuple):
    """Best Gabor for each atom, arrays of length n_atoms.

    r2: share of the atom's variance explained, at most 1. orientation: of the wave, in [0, pi), 0 = along a row.
    frequency: cycles per pixel. phase: radians. width: s_u and length: s_v, pixels. x, y: centre, pixels from top left.
    """

    r2: np.ndarray
    orientation: np.ndarray
    frequency: np.ndarray
    phase: np.ndarray
    width: np.ndarray
    length: np.ndarray
    x: np.ndarray
    y: np.ndarray


def photographs():
    """The two photographs that come with scikit-learn (a temple, a flower) as grey images (427, 640) in [0, 1]."""
    return [image.mean(axis=2) / 255 for image in load_sample_images().images]


def random_patches(images, size, n, seed=0):
    """n patches (n, size^2) cut at random places from a list of grey images, each of them equally likely. ValueError
    for no image, one that `all_patches` refuses, or an n that is no whole number of at least 1."""
    check_sizes(n=n)
    images = [_check_image(image, size) for image in images]
    if not images:
        raise ValueError("images is empty: there is no image to cut patches from")
    rng = np.random.default_rng(seed)
    windows = [np.lib.stride_tricks.sliding_window_view(image, (size, size)) for image in images]
    picked = []
    for which in rng.integers(len(images), size=n):
        row, column = rng.integers(windows[which].shape[:2])
        picked.append(windows[which][row, column].ravel())
    return np.array(picked)


def all_patches(image, size):
    """Every overlapping patch of an image (h, w): ((h - size + 1) (w - size + 1), size^2), row by row. ValueError
    unless the image is (h, w), finite and not constant, and 1 <= size <= min(h, w)."""
    image = _check_image(image, size)
    return np.lib.stride_tricks.sliding_window_view(image, (size, size)).reshape(-1, size * size)


def average_patches(x, shape):
    """The image of the given shape (h, w) in which every pixel is the mean of all patches that cover it.

    x: as from all_patches, perhaps changed; all_patches then average_patches gives the image back. ValueError unless x
    has one row for each patch of such an image.
    """
    size = int(round(x.shape[1] ** 0.5))
    rows, columns = shape[0] - size + 1, shape[1] - size + 1
    if x.shape != (rows * columns, size * size):
        raise ValueError(f"x has shape {x.shape}, expected {(rows * columns, size * size)}: one row per {size} x {size}"
                         f" patch of an image of shape {tuple(shape)}")
    x = x.reshape(rows, columns, size, size)
    total, cover = np.zeros(shape), np.zeros(shape)
    for i in range(size):
        for j in range(size):
            total[i:i + rows, j:j + columns] += x[:, :, i, j]
            cover[i:i + rows, j:j + columns] += 1
    return total / cover


def zca_whitening(x, keep=0.99):
    """Whitening that changes patches least (ZCA): matrix = V diag(1 / sqrt(variance)) V^T over the leading directions.

    x (n, d_in). Directions are kept up to the share `keep` of the total variance; what lies beyond is mostly noise,
    which whitening would blow up. ValueError unless x is finite and varies and 0 < keep <= 1.
    """
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or not np.isfinite(x).all() or not 0 < keep <= 1:
        raise ValueError(f"x has shape {x.shape}, keep is {keep}, expected finite patches (n, d_in), keep in (0, 1]")
    mean = x.mean(axis=0)
    variance, V = np.linalg.eigh(np.atleast_2d(np.cov(x - mean, rowvar=False)))
    variance, V = variance[::-1], V[:, ::-1]
    if not variance[0] > 1e-12:
        raise ValueError("x does not vary: every patch is the same (is the image constant?)")
    n_kept = 1 + np.searchsorted(np.cumsum(variance) / variance.sum(), keep - 1e-12)
    V, scale = V[:, :n_kept], np.sqrt(variance[:n_kept])
    return Whitening(mean, (V / scale) @ V.T, (V * scale) @ V.T)


def gabor(size, orientation, frequency, phase, width, length, center=None):
    """A Gabor patch (size^2,): units as in GaborFits; center = (x, y), by default the middle of the patch. ValueError
    unless size is a whole number of at least 1 and width and length are above 0."""
    check_sizes(size=size)
    if not (width > 0 and length > 0):
        raise ValueError(f"width={width} and length={length}: both must be above 0 pixels")
    middle = (size - 1) / 2
    x0, y0 = (middle, middle) if center is None else center
    u, v = _turned(size, x0, y0, orientation)
    return np.exp(-u ** 2 / (2 * width ** 2) - v ** 2 / (2 * length ** 2)) * np.cos(2 * np.pi * frequency * u + phase)


def _turned(size, x0, y0, orientation):
    y, x = np.divmod(np.arange(size * size), size)
    c, s = np.cos(orientation), np.sin(orientation)
    return (x - x0) * c + (y - y0) * s, (y - y0) * c - (x - x0) * s


def gabor_fit(atoms):
    """Least-squares Gabor of every atom (n_atoms, size^2): GaborFits.

    Amplitude and phase enter linearly (cos and sin part), so six parameters are searched: centre, wave vector, the two
    widths. Starts: the two strongest waves of the atom's spectrum, each with a round and a long envelope. ValueError
    for atoms that are constant, not finite, or not of size^2 numbers with size >= 3.
    """
    atoms = np.atleast_2d(np.asarray(atoms, dtype=float))
    size = int(round(atoms.shape[1] ** 0.5))
    if size * size != atoms.shape[1] or size < 3 or not np.isfinite(atoms).all():
        raise ValueError(f"atoms have shape {atoms.shape}, expected (n_atoms, size^2) with size >= 3, all finite")
    constant = np.ptp(atoms, axis=1) == 0
    if constant.any():
        raise ValueError(f"atom {constant.argmax()} is constant: it has no variance that a Gabor could explain")
    return GaborFits(*np.array([_fit_one(atom, size) for atom in atoms]).T)


def _fit_one(atom, size):
    atom = atom / np.linalg.norm(atom)  # the fit's stopping rule is absolute
    y, x = np.divmod(np.arange(size * size), size)
    weight = atom ** 2 / (atom ** 2).sum()
    x0, y0 = weight @ x, weight @ y
    far, best = 2 * size, None
    bounds = ([-size / 2, -size / 2, -0.5, -0.5, np.log(0.5), np.log(0.5)],
              [1.5 * size, 1.5 * size, 0.5, 0.5, np.log(far), np.log(far)])
    for fx, fy in _strongest_waves(atom, size):
        for widths in ((size / 6, size / 6), (size / 6, size / 3)):
            start = [x0, y0, fx, fy, *np.log(widths)]
            fit = least_squares(lambda p: atom - _project(p, atom, size)[0], start, bounds=bounds, max_nfev=60)
            best = fit if best is None or fit.cost < best.cost else best
    x0, y0, fx, fy, log_width, log_length = best.x
    a, b = _project(best.x, atom, size)[1]
    phase, orientation = np.arctan2(-b, a), np.arctan2(fy, fx)
    if orientation < 0 or orientation >= np.pi:  # the same wave seen from the other end
        orientation, phase = orientation % np.pi, -phase
    r2 = 1 - 2 * best.cost / ((atom - atom.mean()) ** 2).sum()
    return r2, orientation, np.hypot(fx, fy), phase, np.exp(log_width), np.exp(log_length), x0, y0


def _project(p, atom, size):
    """Best fit to the atom among all phases and amplitudes, and its (cos, sin) coefficients."""
    x0, y0, fx, fy, log_width, log_length = p
    u, v = _turned(size, x0, y0, np.arctan2(fy, fx))
    envelope = np.exp(-0.5 * (u * np.exp(-log_width)) ** 2 - 0.5 * (v * np.exp(-log_length)) ** 2)
    wave = 2 * np.pi * np.hypot(fx, fy) * u
    parts = np.stack([envelope * np.cos(wave), envelope * np.sin(wave)], axis=1)
    coefficients = np.linalg.lstsq(parts, atom, rcond=None)[0]
    return parts @ coefficients, coefficients


def _strongest_waves(atom, size):
    """Wave vectors (cycles per pixel) of the two highest peaks of the atom's spectrum, padded fourfold."""
    n = 4 * size
    power = np.abs(np.fft.fft2(atom.reshape(size, size), (n, n))) ** 2
    power[0, 0] = 0
    frequency, waves = np.fft.fftfreq(n), []
    for _ in range(2):
        i, j = np.unravel_index(power.argmax(), power.shape)
        waves.append((frequency[j], frequency[i]))
        near = [np.minimum((np.arange(n) - k) % n, (k - np.arange(n)) % n) <= 4 for k in (i, -i, j, -j)]
        power[np.outer(near[0], near[2]) | np.outer(near[1], near[3])] = 0
    return waves


def _check_image(image, size):
    image = np.asarray(image, dtype=float)
    if image.ndim != 2 or not np.isfinite(image).all():
        raise ValueError(f"image has shape {image.shape}, expected a grey image (h, w) without NaN "
                         "(colour: average the channels first)")
    if not 1 <= size <= min(image.shape):
        raise ValueError(f"size={size} does not fit an image of shape {image.shape}: patches are size x size")
    if np.ptp(image) == 0:
        raise ValueError("image is constant: its patches hold nothing to learn")
    return image
