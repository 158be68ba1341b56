"""What makes SAEs of different libraries comparable: the same L0, the best learning rate, the same form of the weights.

An SAE has at a knob (a penalty, a k, a target) some L0; `next_knob` closes in on the wanted one, `at_l0` reads a metric
off there, `sweep` finds the best learning rate, and `folded` writes a peer's weights as saekit writes its own.
"""

import math

import numpy as np

CLOSE = 1.02   # an L0 within this factor of the wanted one is matched
NARROW = 1.4   # two L0 around the wanted one, no further apart than this factor, are near enough to read between
MOST_LRS = 5   # learning rates in a sweep


def log_ratio(l0, wanted):
    """log(l0 / wanted); an SAE of which nothing fires counts as 0.001."""
    return math.log(max(l0, 1e-3) / wanted)


def next_knob(tried, wanted, slope, whole=False):
    """The knob to try after tried, a list of (knob, l0); None once l0 is matched or closely surrounded.

    In logarithms: on the line through the two nearest that surround the wanted l0; where there are no two, from the
    nearest one just across it, with slope = d log l0 / d log knob. whole: the knob is a whole number.
    """
    points = sorted((log_ratio(l0, wanted), math.log(knob)) for knob, l0 in tried)
    below, above = [p for p in points if p[0] <= 0], [p for p in points if p[0] > 0]
    if min(abs(gap) for gap, _ in points) <= math.log(CLOSE):
        return None
    if below and above:
        (gap, x), (other_gap, other_x) = below[-1], above[0]
        if other_gap - gap <= math.log(NARROW):
            return None
        x -= gap * (other_x - x) / (other_gap - gap)
    else:
        gap, x = min(points, key=lambda point: abs(point[0]))
        x += max(-2.0, min(2.0, (-math.copysign(0.05, gap) - gap) / slope))  # steps by at most a factor of e^2
    knob = round(math.exp(x)) if whole else float(f"{math.exp(x):.4g}")
    return None if knob in [k for k, _ in tried] or knob <= 0 else knob


def at_l0(points, wanted):
    """Value at the wanted l0 of points (l0, value): on the line in log l0 through the nearest below and above it; else
    that of the nearest, if it is within CLOSE; else None."""
    below, above = [p for p in points if p[0] <= wanted], [p for p in points if p[0] > wanted]
    if below and above:
        (l0, value), (other_l0, other) = max(below), min(above)
        return value + (other - value) * log_ratio(wanted, max(l0, 1e-3)) / log_ratio(other_l0, max(l0, 1e-3))
    nearest = min(points, key=lambda point: abs(log_ratio(point[0], wanted)), default=None)
    return nearest[1] if nearest and abs(log_ratio(nearest[0], wanted)) <= math.log(CLOSE) else None


def score(points, wanted):
    """What a sweep minimises, from points (l0, ce_increase): ce_increase at the wanted l0; an l0 that was not reached
    is worse than any, the more the further."""
    value = at_l0(points, wanted)
    if value is not None:
        return 0, value
    return 1, min((abs(log_ratio(l0, wanted)) for l0, _ in points), default=math.inf)


def sweep(points_at, centre, wanted):
    """{lr: points_at(lr)} at centre, its half and its double, and on while the best is at an end, up to MOST_LRS."""
    found = {lr: points_at(lr) for lr in (centre, centre / 2, centre * 2)}
    while len(found) < MOST_LRS:
        best = best_lr(found, wanted)
        if min(found) < best < max(found):
            break
        lr = best / 2 if best == min(found) else best * 2
        found[lr] = points_at(lr)
    return found


def best_lr(found, wanted):
    return min(found, key=lambda lr: score(found[lr], wanted))


def folded(arrays, centres):
    """A peer's arrays in saekit's form, float64: b_dec is subtracted before the encoder, decoder rows have length 1.

    The peer computes pre_acts = (x - b_dec) @ W_enc + b_enc, or x @ W_enc + b_enc where it does not centre. With n the
    lengths of its decoder rows, pre_acts, biases and thresholds become n times as large; thresholds stay above 0.
    """
    found = {name: array.astype(np.float64) for name, array in arrays.items()}
    n = np.linalg.norm(found["W_dec"], axis=1).clip(1e-12)
    b_enc = found["b_enc"] + (0 if centres else found["b_dec"] @ found["W_enc"])
    ours = {"W_enc": found["W_enc"] * n, "b_enc": b_enc * n, "W_dec": found["W_dec"] / n[:, None],
            "b_dec": found["b_dec"]}
    if "threshold" in found:
        ours["threshold"] = (found["threshold"] * n).clip(1e-12)
    return ours
