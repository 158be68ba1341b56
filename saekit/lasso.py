"""Sparse codes for a given dictionary: the LASSO, the textbook algorithms for it, and certificates that they are done.

    minimise over z:  1/2 ||x - z D||^2 + lam ||z||_1,     with z >= 0 if positive=True
x (d_in,) or (n, d_in), one sample per row and each row its own problem; D (n_atoms, d_in), one atom per row, of any
non-zero length; z (n_atoms,) or (n, n_atoms). Sums over the entries of a sample, never means: scikit-learn's Lasso
divides the squared error by d_in, so there alpha = lam / d_in (its sparse_encode takes lam as it is).
References: Beck & Teboulle (2009) for ISTA and FISTA; Efron et al. (2004) for the path; Pati et al. (1993) for OMP.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog, nnls

from saekit.geometry import check_dictionary


class IterationLimit(UserWarning):
    """A solver stopped at its iteration limit: str() says how far from the optimum it was left."""


class Codes(NamedTuple):
    """What a solver returns: codes z, its certificate, and a warning (None where the tolerance was reached).

    gap: duality gap of each sample at z. objective: sum over samples of the objective before each iteration and at z.
    """

    z: np.ndarray
    gap: np.ndarray
    objective: np.ndarray
    warning: IterationLimit | None


class Path(NamedTuple):
    """The whole LASSO path of one sample: z is linear in lam between the knots; lams falls, z (n_knots, n_atoms)."""

    lams: np.ndarray
    z: np.ndarray
    warning: IterationLimit | None


def soft_threshold(x, lam, positive=False):
    """sign(x) max(|x| - lam, 0), minimiser of 1/2 (z - x)^2 + lam |z|; over z >= 0: max(x - lam, 0), a ReLU."""
    if positive:
        return np.maximum(x - lam, 0)
    return np.sign(x) * np.maximum(np.abs(x) - lam, 0)


def lam_max(x, D, positive=False):
    """Smallest lam with z = 0 as solution, per sample: max_i |<x, d_i>| (max_i <x, d_i>, at least 0, if positive).
    ValueError unless x and D are finite and fit together and no atom is zero."""
    x, D = check_samples(x, D)
    return np.maximum(x @ D.T, 0).max(axis=-1) if positive else np.abs(x @ D.T).max(axis=-1)


def lasso_objective(x, D, z, lam):
    """1/2 ||x - z D||^2 + lam ||z||_1 for each sample."""
    return 0.5 * ((x - z @ D) ** 2).sum(axis=-1) + lam * np.abs(z).sum(axis=-1)


def kkt_violation(x, D, z, lam, positive=False):
    """Largest breach of the optimality conditions, per sample; 0 exactly at a minimiser.

    With c = (x - z D) D^T: c_i = lam sign(z_i) where z_i != 0, and |c_i| <= lam (c_i <= lam if positive) where z_i = 0.
    ValueError unless x and D are finite and fit together and no atom is zero.
    """
    x, D = check_samples(x, D)
    c = (x - z @ D) @ D.T
    off = c - lam if positive else np.abs(c) - lam
    breach = np.where(z != 0, np.abs(c - lam * np.sign(z)), np.maximum(off, 0))
    return np.maximum(breach, -z).max(axis=-1) if positive else breach.max(axis=-1)


def duality_gap(x, D, z, lam, positive=False):
    """Objective minus the dual's value, per sample: an upper bound on how far z is from the minimum.

    Dual: maximise 1/2 ||x||^2 - 1/2 ||x - u||^2 over |<u, d_i>| <= lam (<u, d_i> <= lam if positive); u is the residual
    r = x - z D, shrunk until it is feasible. z must be >= 0 if positive. ValueError unless x and D are finite and fit
    together and no atom is zero.
    """
    x, D = check_samples(x, D)
    return _gap(x, x - z @ D, D, z, lam, positive)


def _gap(x, r, D, z, lam, positive):
    c = r @ D.T
    largest = (c if positive else np.abs(c)).max(axis=-1, keepdims=True)
    u = r * np.minimum(1, lam / np.maximum(largest, lam))
    # 1/2 ||r||^2 - (1/2 ||x||^2 - 1/2 ||x - u||^2) = 1/2 ||r - u||^2 - <x - r, u>, which keeps its digits as r -> u
    return 0.5 * ((r - u) ** 2).sum(-1) + lam * np.abs(z).sum(-1) - ((x - r) * u).sum(-1)


def ista(x, D, lam, positive=False, tol=1e-8, max_iter=20_000):
    """Iterative shrinkage: z <- S(z + (x - z D) D^T / L, lam / L), L the largest eigenvalue of D^T D.

    The objective falls at every step, its error like 1/k. Stops at duality gap <= tol * 1/2 ||x||^2 on every sample.
    ValueError unless x, D and lam are finite, x and D fit together, no atom is zero, and lam, tol and max_iter are
    above 0.
    """
    watch, x, D, z = _start(x, D, lam, positive, tol, max_iter)
    L = np.linalg.norm(D, 2) ** 2
    while watch.unfinished(z):
        z = soft_threshold(z + (x - z @ D) @ D.T / L, lam / L, positive)
    return watch.codes(z)


def fista(x, D, lam, positive=False, tol=1e-8, max_iter=20_000):
    """ISTA from an extrapolated point y = z_k + (t_k - 1) / t_{k+1} (z_k - z_{k-1}): its error falls like 1/k^2.

    Where a sample's step turns against its momentum, the momentum starts afresh (O'Donoghue & Candes 2015). ValueError
    as in `ista`.
    """
    watch, x, D, z = _start(x, D, lam, positive, tol, max_iter)
    L = np.linalg.norm(D, 2) ** 2
    y, t = z, np.ones((len(x), 1))
    while watch.unfinished(z):
        z_old, z = z, soft_threshold(y + (x - y @ D) @ D.T / L, lam / L, positive)
        t = np.where(((y - z) * (z - z_old)).sum(axis=1, keepdims=True) > 0, 1, t)
        t_next = (1 + np.sqrt(1 + 4 * t ** 2)) / 2
        y, t = z + (t - 1) / t_next * (z - z_old), t_next
    return watch.codes(z)


def coordinate_descent(x, D, lam, positive=False, tol=1e-8, max_iter=20_000):
    """One atom after another, z_i set to its exact minimiser S(<r, d_i> + z_i ||d_i||^2, lam) / ||d_i||^2. ValueError
    as in `ista`."""
    watch, x, D, z = _start(x, D, lam, positive, tol, max_iter)
    r = x.copy()
    while watch.unfinished(z):
        for i, (atom, length2) in enumerate(zip(D, (D ** 2).sum(axis=1), strict=True)):
            z_new = soft_threshold(r @ atom + z[:, i] * length2, lam, positive) / length2
            r -= np.outer(z_new - z[:, i], atom)
            z[:, i] = z_new
    return watch.codes(z)


def _start(x, D, lam, positive, tol, max_iter):
    """Checked arrays with samples as rows, z = 0, and the watch that decides when to stop."""
    x, D = check_samples(x, D)
    check_lam(lam)
    if max_iter < 1 or not tol > 0:
        raise ValueError(f"max_iter={max_iter} and tol={tol}: expected at least one iteration and a tolerance above 0")
    rows = np.atleast_2d(x)
    return _Watch(rows, D, lam, positive, tol, max_iter, x.ndim), rows, D, np.zeros((len(rows), len(D)))


class _Watch:
    """Records the objective before every iteration, and every tenth time asks the duality gap whether to go on."""

    def __init__(self, *problem):
        self.x, self.D, self.lam, self.positive, self.tol, self.max_iter, self.ndim = problem
        self.allowed = self.tol * 0.5 * (self.x ** 2).sum(axis=1)
        self.objective = []

    def unfinished(self, z):
        r, n_iter = self.x - z @ self.D, len(self.objective)
        self.objective.append(0.5 * (r ** 2).sum() + self.lam * np.abs(z).sum())
        if n_iter % 10 and n_iter < self.max_iter:
            return True
        self.gap = _gap(self.x, r, self.D, z, self.lam, self.positive)
        return n_iter < self.max_iter and (self.gap > self.allowed).any()

    def codes(self, z):
        late, warning = self.gap > self.allowed, None
        if late.any():
            ratio = (self.gap / np.maximum(self.allowed / self.tol, 1e-300)).max()
            warning = IterationLimit(
                f"stopped at the limit of {self.max_iter} iterations, {late.sum()} of {len(late)} samples unfinished: "
                f"duality gap up to {ratio:.1e} of 1/2 ||x||^2, asked for {self.tol:.1e}; raise max_iter, lam or tol")
        if self.ndim == 1:
            z, self.gap = z[0], self.gap[0]
        return Codes(z, self.gap, np.array(self.objective), warning)


def lasso_path(x, D, positive=False, lam_min=0.0, max_knots=10_000):
    """Every solution from lam_max down to lam_min for one sample, exactly: z is linear in lam between two knots.

    On the active set A the correlations c_A = s lam fall together, so z_A moves along w = (D_A D_A^T)^-1 s, until an
    atom joins (|c_i| = lam) or leaves (z_i = 0). At lam_min = 0 it ends at basis pursuit's solution. ValueError where
    the active atoms become dependent, and unless x and D are finite and fit together, no atom is zero and lam_min >= 0.
    """
    x, D = check_samples(x, D, ndim=1)
    if not lam_min >= 0:
        raise ValueError(f"lam_min is {lam_min}, expected 0 (the whole path) or more")
    z, c, lam, left = np.zeros(len(D)), D @ x, lam_max(x, D, positive), None
    active = [int(np.argmax(c if positive else np.abs(c)))]
    lams, codes, end = [lam], [z], max(lam_min, 1e-12 * lam)  # a noise-free sample is explained before rounding lets lam reach 0
    while lam > end and len(lams) <= max_knots:
        w = _direction(D[active], np.sign(c[active]), lam)
        slope = D @ (w @ D[active])  # c falls by slope per unit of lam
        step, joining = _first_to_join(lam, c, slope, (active, left), positive)
        crossing = np.where(z[active] * w < 0, -z[active] / w, np.inf)
        left = active[crossing.argmin()] if crossing.min() < step else None
        step = min(step, crossing.min())
        z = z.copy()
        if step > (1 - 1e-9) * (lam - lam_min):  # at lam = 0 every other atom "joins" once d_in of them are active
            z[active] += (lam - lam_min) * w
            lam = lam_min
        else:
            z[active] += step * w
            lam, c = lam - step, D @ (x - z @ D)
            if left is None:
                active.append(joining)
            else:
                active.remove(left)
                z[left] = 0
        lams.append(lam)
        codes.append(z)
    warning = None if lam <= end else IterationLimit(
        f"stopped at the limit of {max_knots} knots at lam {lam:.1e}, asked for {lam_min:.1e}: raise either")
    return Path(np.array(lams), np.array(codes), warning)


def _direction(atoms, signs, lam):
    try:
        return np.linalg.solve(atoms @ atoms.T, signs)
    except np.linalg.LinAlgError:
        raise ValueError(f"at lam {lam:.2e} the {len(atoms)} active atoms are linearly dependent, so the path goes on in more than one "
                         "way; stop above it with lam_min, or ask a solver for one lam (are there noise-free or tied samples?)") from None


def _first_to_join(lam, c, slope, busy, positive):
    """(fall of lam, atom) at which the next correlation reaches +lam, or -lam where codes may be negative."""
    (active, left), steps = busy, np.full(len(c), np.inf)
    for side in (1,) if positive else (1, -1):
        closing = 1 - side * slope
        meets = closing > 1e-10  # near 0: a copy of an active atom, which never overtakes it
        if left is not None and side * c[left] > 0:
            meets[left] = False  # it stands on this side's bound now, and may return only on the other
        steps[meets] = np.minimum(steps[meets], np.maximum(lam - side * c[meets], 0) / closing[meets])
    steps[active] = np.inf
    return steps.min(), int(steps.argmin())


def smallest_l1(x, D, positive=False):
    """Basis pursuit, min ||z||_1 with z D = x, as a linear programme: min sum(p + m), z = p - m, p and m >= 0.
    ValueError if there is no such z, and unless x and D are finite and fit together and no atom is zero; RuntimeError
    if the programme does not finish."""
    x, D = check_samples(x, D)
    columns = D.T if positive else np.hstack([D.T, -D.T])
    z = np.zeros((*x.shape[:-1], len(D)))
    for index in np.ndindex(x.shape[:-1]):
        result = linprog(np.ones(columns.shape[1]), A_eq=columns, b_eq=x[index], bounds=(0, None), method="highs",
                         options={"presolve": False})  # with dense columns presolving takes longer than solving
        if result.status == 2:
            kind = "no non-negative" if positive else "no"
            raise ValueError(f"x is {kind} combination of the atoms, so z D = x has no solution: use the LASSO "
                             "(is there noise, or are there fewer independent atoms than d_in?)")
        if result.status != 0:
            raise RuntimeError(f"the linear programme did not finish: {result.message}")
        z[index] = result.x if positive else result.x[:len(D)] - result.x[len(D):]
    return z


def omp(x, D, k, positive=False, max_error=0.0):
    """Orthogonal matching pursuit: add the atom most correlated with the residual, refit all chosen ones, k times.

    A sample stops earlier once ||x - z D|| <= max_error (a number, or one per sample) or nothing correlates any more.
    Returns z (n, n_atoms) or (n_atoms,). A refit that is to be non-negative is solved by non-negative least squares.
    ValueError unless x and D are finite and fit together, no atom is zero and 1 <= k <= n_atoms.
    """
    x, D = check_samples(x, D)
    if not 1 <= k <= len(D):
        raise ValueError(f"k={k} non-zeros asked of {len(D)} atoms: k must lie between 1 and n_atoms")
    rows, lengths = np.atleast_2d(x), np.linalg.norm(D, axis=1)
    z, r = np.zeros((len(rows), len(D))), rows.copy()
    error, floor = np.broadcast_to(max_error, len(rows)), 1e-12 * np.linalg.norm(rows, axis=1)
    todo, support = np.arange(len(rows)), np.zeros((len(rows), 0), int)
    for _ in range(k):
        score = r[todo] @ D.T / lengths
        score = score if positive else np.abs(score)
        np.put_along_axis(score, support, -1, axis=1)
        go_on = (score.max(axis=1) > floor[todo]) & (np.linalg.norm(r[todo], axis=1) > error[todo])
        todo, support = todo[go_on], np.column_stack([support, score.argmax(axis=1)])[go_on]
        if len(todo) == 0:
            break
        z[todo[:, None], support] = least_squares(rows[todo], D, support, positive)
        r[todo] = rows[todo] - z[todo] @ D
    return z.reshape(*x.shape[:-1], len(D))


def least_squares(x, D, support, positive=False):
    """Coefficients (n, k) that minimise ||x_i - z_i D[support_i]|| for each row i; support (n, k) holds indices."""
    atoms = D[support]  # (n, k, d_in)
    values = np.linalg.solve(atoms @ atoms.transpose(0, 2, 1), atoms @ x[:, :, None])[..., 0]
    for i in np.flatnonzero((values < 0).any(axis=1)) if positive else ():
        values[i] = nnls(D[support[i]].T, x[i])[0]
    return values


def debias(x, D, z):
    """The same supports without the shrinkage: on the non-zeros of z, the coefficients that minimise ||x - z D||.
    ValueError unless x and D are finite and fit together and no atom is zero."""
    x, D = check_samples(x, D)
    refit = np.zeros_like(z, dtype=float)
    for index in np.ndindex(x.shape[:-1]):
        support = np.flatnonzero(z[index])
        refit[index][support] = np.linalg.lstsq(D[support].T, x[index], rcond=None)[0]
    return refit


def check_samples(x, D, ndim=None):
    """x and D as float64 arrays that fit together, or a ValueError that says which axis is wrong."""
    x, D = np.asarray(x, dtype=float), check_dictionary(D).astype(float, copy=False)
    if x.ndim not in ((1, 2) if ndim is None else (ndim,)) or x.size == 0:
        raise ValueError(f"x has shape {x.shape}, expected " + ("" if ndim == 1 else "(n, d_in) or ") + "(d_in,)")
    if x.shape[-1] != D.shape[1]:
        raise ValueError(f"x has {x.shape[-1]} columns but the atoms of D have length {D.shape[1]}: samples and atoms "
                         f"are rows, x (n, d_in) and D (n_atoms, d_in), got D {D.shape} (transposed?)")
    if not np.isfinite(x).all():
        raise ValueError("x contains NaN or infinite entries, expected finite samples")
    return x, D


def check_lam(lam):
    """ValueError unless lam is one finite number above zero."""
    if np.ndim(lam) != 0 or not 0 < lam < np.inf:
        raise ValueError(f"lam is {lam}, expected one number above 0 (without a penalty: least squares or smallest_l1)")
