"""What makes SAEs of different libraries comparable: the same L0, the best learning rate, the same form of the weights.

An SAE has at a knob (a penalty, a k, a target) some L0; `next_knob` closes in on the wanted one, `at_l0` reads a metric
off there, `sweep` finds the best learning rate, and `folded` writes a peer's weights as saekit writes its own.
"""

import math

import numpy as np

CLOSE = 1.02   # an L0 within this factor of the wanted one is matched
NARROW = 1.4   # two L0 around the wanted one, no further apart than this factor, are near enough to read between
ROUGH = 1.2    # an L0 within this factor is good enough to compare learning rates


def log_ratio(l0, wanted):
    """log(l0 / wanted); an SAE of which nothing fires counts as 0.001."""
    return math.log(max(l0, 1e-3) / wanted)


def next_knob(tried, wanted, slope, whole=False, close=CLOSE):
    """The knob to try after tried, a list of (knob, l0); None once l0 is within the factor `close` or surrounded.

    In logarithms: on the line through the two nearest that surround the wanted l0; where there are no two, from the
    nearest one just across it, with slope = d log l0 / d log knob. whole: the knob is a whole number.
    """
    points = sorted((log_ratio(l0, wanted), math.log(knob)) for knob, l0 in tried)
    below, above = [p for p in points if p[0] <= 0], [p for p in points if p[0] > 0]
    if min(abs(gap) for gap, _ in points) <= math.log(close):
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
    """Value at the wanted l0 of points (l0, value): on the line in log l0 through the nearest below and above it, if
    those are NARROW; else that of the nearest, if it is within CLOSE; else None."""
    around = surrounding(points, wanted)
    if around and log_ratio(around[1][0], max(around[0][0], 1e-3)) <= math.log(NARROW):
        return on_line(*around, wanted)
    nearest = nearest_to(points, wanted)
    return nearest[1] if nearest and abs(log_ratio(nearest[0], wanted)) <= math.log(CLOSE) else None


def surrounding(points, wanted):
    """The nearest points (l0, value) below and above the wanted l0; None where one side has none."""
    below, above = [p for p in points if p[0] <= wanted], [p for p in points if p[0] > wanted]
    return (max(below), min(above)) if below and above else None


def on_line(point, other, wanted):
    """Value at the wanted l0 on the line in log l0 through two points (l0, value)."""
    (l0, value), (other_l0, other_value) = (max(point[0], 1e-3), point[1]), other
    return value + (other_value - value) * log_ratio(wanted, l0) / log_ratio(other_l0, l0)


def nearest_to(points, wanted):
    """The point (l0, value) with the nearest l0 in logarithms; None of no points."""
    return min(points, key=lambda point: abs(log_ratio(point[0], wanted)), default=None)


def knob_at(tried, wanted, slope):
    """The knob at which l0 should be the wanted one, from (knob, l0) pairs; None unless they surround it or one of them
    is within ROUGH."""
    points = [(l0, math.log(knob)) for knob, l0 in tried]
    around, (l0, near) = surrounding(points, wanted), nearest_to(points, wanted)
    if around:
        return math.exp(on_line(*around, wanted))
    return math.exp(near - log_ratio(l0, wanted) / slope) if abs(log_ratio(l0, wanted)) <= math.log(ROUGH) else None


def score(points, wanted):
    """What a sweep minimises, from points (l0, ce_increase): ce_increase at the wanted l0, or within ROUGH of it
    ce_increase * l0 / wanted; an l0 further off is worse than any, the more the further."""
    value, nearest = at_l0(points, wanted), nearest_to(points, wanted)
    if value is not None:
        return 0, value
    if nearest is None:
        return 1, math.inf
    off = abs(log_ratio(nearest[0], wanted))
    return (0, nearest[1] * nearest[0] / wanted) if off <= math.log(ROUGH) else (1, off)


def beaten(points, others, wanted):
    """Whether one of points (l0, ce_increase), with the wanted l0 or more, loses more than one of others with the same
    l0 or less: on the way down to the wanted one it can only lose more."""
    return any(l0 >= wanted and any(less <= l0 and ce < more for less, ce in others) for l0, more in points)


def sweep(points_at, centre, wanted, most=5):
    """{lr: points_at(lr)} at centre, its half and its double, and on while the best is at an end, at most `most`."""
    found = {lr: points_at(lr) for lr in (centre, centre / 2, centre * 2)[:most]}
    while len(found) < most:
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
