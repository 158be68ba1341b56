"""Reference answers of lesson 10_scale, built from solutions/10_scale.py: edit that file, not this one."""

import numpy as np


def step_flops(batch, d_in, d_sae, k):
    """(plain, fast): floating-point operations in the products of one training step, forward and backward.

    >>> step_flops(1, 2, 10, 1)
    (200, 60)
    """
    dense = 2 * batch * d_in * d_sae
    one_pass = 2 * batch * d_in * k
    return 5 * dense, dense + 5 * one_pass


def attainable(intensity, peak, bandwidth):
    """FLOP/s within reach at each intensity (n,) in FLOP/byte; peak in FLOP/s, bandwidth in bytes/s.

    >>> print(attainable(np.array([1.0, 100.0]), 50.0, 2.0))
    [ 2. 50.]
    """
    return np.minimum(peak, intensity * bandwidth)


def bytes_held(n_parameters, n_moments, n_processes, split):
    """Bytes on each process for weights, gradients and optimiser state in float32.

    >>> bytes_held(10, 2, 1, 0)
    160.0
    """
    def share(level):
        return n_processes if split >= level else 1
    numbers = 1 / share(3) + 1 / share(2) + n_moments / share(1)
    return 4.0 * n_parameters * numbers


def average_gradients(gradients, counts):
    """The gradient (n,) of the mean loss over all samples; gradients (n_processes, n),
    counts (n_processes,) of samples.

    >>> print(average_gradients(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5, 5])))
    [2. 3.]
    """
    return counts @ gradients / counts.sum()


def ring_round(held, step):
    """What each process holds after one round of the ring; held (N, N, chunk): process, chunk number, values.

    >>> print(ring_round(np.array([[[1.0], [2.0]], [[10.0], [20.0]]]), 0)[:, :, 0])
    [[ 1. 22.]
     [11. 20.]]
    """
    after, n = held.copy(), len(held)
    for p in range(n):
        j = (p - step) % n
        after[(p + 1) % n, j] += held[p, j]
    return after


def fit_power(n, y):
    """(b, alpha) of y = b n^-alpha, least squares in logarithms; n, y (points,), all above 0.

    >>> b, alpha = fit_power(np.array([1.0, 4.0, 16.0]), np.array([3.0, 1.5, 0.75]))
    >>> print(round(b, 6), round(alpha, 6))
    3.0 0.5
    """
    slope, intercept = np.polyfit(np.log(n), np.log(y), 1)
    return float(np.exp(intercept)), float(-slope)


def profile_interval(values, sse, n_points, n_parameters):
    """(low, high) of the values (n,) whose sse (n,) is at most min(sse) (1 + 4 / (n_points - n_parameters)).

    >>> profile_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.array([9.0, 1.0, 1.1, 9.0]), 9, 5)
    (2.0, 3.0)
    """
    limit = sse.min() * (1 + 4 / (n_points - n_parameters))
    inside = values[sse <= limit]
    return float(inside.min()), float(inside.max())
