"""Dictionary learning: codes and atoms are both unknown, and each is easy to find once the other is fixed.

    minimise over D and z:  sum over samples of 1/2 ||x - z D||^2 + lam ||z||_1  (or: at most k non-zeros),  ||d_i|| = 1
x (n, d_in) samples, D (n_atoms, d_in) atoms, z (n, n_atoms) codes; samples and atoms are rows. The problem is not
convex (atoms may be permuted and change sign): what is found depends on the start, and unused atoms need replacing.
References: MOD, Engan et al. (1999); K-SVD, Aharon, Elad & Bruckstein (2006); online, Mairal et al. (2010).
"""

from typing import NamedTuple

import numpy as np

from saekit.geometry import unit_norm
from saekit.lasso import IterationLimit, check_lam, check_samples

ROWS = 1024  # samples coded together: their correlations with 1,000 atoms stay in the processor's cache
ENTRIES = 2 ** 22  # of the small Gram matrices held at a time: 16 MB in float32


class Encoded(NamedTuple):
    """Codes z (n, n_atoms), the KKT violation of each sample, and a warning (None where the tolerance was reached)."""

    z: np.ndarray
    kkt_violation: np.ndarray
    warning: IterationLimit | None


class Learned(NamedTuple):
    """A dictionary D; per epoch error = sum ||x - z D||^2 / sum ||x||^2 before the updates, and atoms replaced after.

    warning: the last one that coding gave, or None.
    """

    D: np.ndarray
    error: np.ndarray
    n_replaced: np.ndarray
    warning: IterationLimit | None


def sparse_encode(x, D, lam, positive=False, tol=1e-2, dtype=np.float32):
    """LASSO codes of many samples at once, to a KKT violation of tol * lam: a small problem per sample, then a check.

    Each sample keeps a working set of atoms that may be active. Its own small LASSO is solved (all samples together, as
    stacked matrices); then one product with D finds the atoms it missed. float32 is exact enough for tol >= 1e-3 or so;
    use dtype=float for tighter codes. Result (n, n_atoms) in that dtype; the rows at work need a fixed amount more.
    ValueError unless x, D and lam are finite, x and D fit together, no atom is zero, and lam and tol are above 0.
    """
    x, D = check_samples(x, D, ndim=2)
    check_lam(lam)
    if not tol > 0:
        raise ValueError(f"tol is {tol}, expected a KKT violation above 0, as a fraction of lam")
    D = D.astype(dtype)
    gram, z, violation = D @ D.T, np.zeros((len(x), len(D)), dtype), np.zeros(len(x))
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        violation[rows] = _encode_rows(x[rows].astype(dtype), D, gram, z[rows], (dtype(lam), positive, tol * lam))
    late, warning = violation > tol * lam, None
    if late.any():
        warning = IterationLimit(
            f"stopped at the limit of rounds, {late.sum()} of {len(x)} samples unfinished: KKT violation up to "
            f"{violation.max():.1e}, asked for {tol * lam:.1e}; raise tol, or use dtype=float")
    return Encoded(z, violation, warning)


def _encode_rows(x, D, gram, z, setting, max_rounds=30):
    """Fill z (n, n_atoms), zero on entry, with the codes of x; returns their KKT violations."""
    lam, positive, allowed = setting
    q = c = x @ D.T  # correlations with the sample, and with its residual
    todo, violation = np.arange(len(x)), np.zeros(len(x))
    working, values = np.zeros((len(x), 0), int), np.zeros((len(x), 0), x.dtype)
    for _ in range(max_rounds):
        working = _add_atoms(working, c if positive else np.abs(c))
        values = np.pad(values, ((0, 0), (0, working.shape[1] - values.shape[1])))
        n_parts = min(len(todo), 1 + len(todo) * working.shape[1] ** 2 // ENTRIES)
        for part in np.array_split(np.arange(len(todo)), n_parts):
            w = working[part]
            small, q_small = gram[w[:, :, None], w[:, None, :]], np.take_along_axis(q[todo[part]], w, axis=1)
            values[part] = _fista_stack(small, q_small, values[part], setting)
        codes = np.zeros((len(todo), len(D)), x.dtype)
        np.put_along_axis(codes, working, values, axis=1)
        c = (x[todo] - codes @ D) @ D.T
        inside = np.abs(np.take_along_axis(c, working, axis=1) - lam * np.sign(values)) * (values != 0)
        outside = c.max(axis=1) if positive else np.maximum(c.max(axis=1), -c.min(axis=1))
        z[todo], violation[todo] = codes, np.maximum(inside.max(axis=1), outside - lam)
        late = violation[todo] > allowed
        if not late.any():
            break
        todo, c, working, values = todo[late], c[late], working[late], values[late]
        order = np.argsort(values == 0, axis=1, kind="stable")[:, :(values != 0).sum(axis=1).max()]
        working, values = np.take_along_axis(working, order, axis=1), np.take_along_axis(values, order, axis=1)
    return violation


def _add_atoms(working, score):
    """Working sets (n, w) plus the atoms with the largest score outside them: 8, or half as many as there are."""
    score, rows = score.copy(), np.arange(len(score))
    np.put_along_axis(score, working, -np.inf, axis=1)
    new = []
    for _ in range(min(max(8, working.shape[1] // 2), score.shape[1] - working.shape[1])):
        new.append(score.argmax(axis=1))
        score[rows, new[-1]] = -np.inf
    return np.column_stack([working, *new])


def _fista_stack(gram, q, z, setting, max_iter=1000):
    """FISTA on n small problems 1/2 z G z - q z + lam ||z||_1 at once: gram (n, w, w), q and z (n, w)."""
    lam, positive, allowed = setting
    step = 1 / np.abs(gram).sum(axis=2).max(axis=1)[:, None]  # row sums bound the largest eigenvalue
    y, t = z, np.ones_like(step)
    for iteration in range(max_iter):
        gradient = (gram @ y[..., None])[..., 0] - q
        v = y - step * gradient
        z_old, z = z, v - np.clip(v, -np.inf if positive else -step * lam, step * lam)  # soft_threshold in two passes
        if iteration % 4 == 3 and (np.abs(z - y) / step).max() < 0.4 * allowed:
            break
        t = np.where(((y - z) * (z - z_old)).sum(axis=1, keepdims=True) > 0, 1, t)
        t_next = (1 + np.sqrt(1 + 4 * t ** 2)) / 2
        y, t = z + ((t - 1) / t_next).astype(z.dtype) * (z - z_old), t_next
    return z


def mod(x, z, D):
    """Method of optimal directions: D = argmin ||x - z D||^2 = (z^T z)^-1 z^T x, rows scaled to unit length.

    Atoms that no sample uses stay as they are.
    """
    used = z.any(axis=0)
    z = z[:, used].astype(float)
    D = D.copy()
    D[used] = unit_norm(np.linalg.lstsq(z.T @ z, z.T @ x, rcond=None)[0])
    return D


def ksvd(x, z, D):
    """K-SVD: atom by atom, the best rank-one fit z_i d_i to the residual that the atom's users have without it.

    d_i is the leading right singular vector of that residual E (users, d_in), the users' codes become E d_i.
    """
    D, z = D.copy(), z.astype(float)
    r = x - z @ D
    for i in np.flatnonzero(z.any(axis=0)):
        users = np.flatnonzero(z[:, i])
        E = r[users] + np.outer(z[users, i], D[i])
        atom = np.linalg.eigh(E.T @ E)[1][:, -1]
        D[i] = atom if z[users, i] @ (E @ atom) > 0 else -atom  # of the two signs the one that keeps the codes'
        z[users, i] = E @ D[i]
        r[users] = E - np.outer(z[users, i], D[i])
    return D


class Online:
    """Mairal's update, for batches: d_i <- d_i + (b_i - a_i D) / A_ii, then unit length, for each atom in turn.

    A = sum z^T z (n_atoms, n_atoms) and B = sum z^T x (n_atoms, d_in) stand for all samples seen; a batch's weight
    fades over the following `memory` batches. Atoms that were replaced since the last call start with an empty memory.
    ValueError unless memory >= 1.
    """

    def __init__(self, memory=50):
        if not memory >= 1:
            raise ValueError(f"memory is {memory}, expected at least 1 batch")
        self.keep, self.A, self.B, self.D = 1 - 1 / memory, 0, 0, None

    def __call__(self, x, z, D):
        self.A = self.keep * self.A + z.T @ z
        self.B = self.keep * self.B + z.T @ x
        if self.D is not None:
            self._forget(np.flatnonzero((self.D != D).any(axis=1)), x, z)
        D = D.copy()
        for i in np.flatnonzero(np.diag(self.A) > 1e-12 * np.trace(self.A)):
            D[i] += (self.B[i] - self.A[i] @ D) / self.A[i, i]
            D[i] /= np.linalg.norm(D[i])
        self.D = D
        return D

    def _forget(self, atoms, x, z):
        overlap = z[:, atoms].T @ z
        self.A[atoms], self.A[:, atoms] = overlap, overlap.T
        self.B[atoms] = z[:, atoms].T @ x


def replace_unused(x, z, D):
    """Dead and duplicated atoms replaced by the samples coded worst: (D, indices of the replaced atoms).

    Dead: fewer users than a tenth of the average atom. Duplicated: |cosine| > 0.99 with an atom of lower index.
    """
    users = (z != 0).sum(axis=0)
    twin = np.tril(np.abs(D @ D.T) > 0.99, -1).any(axis=1)
    replaced = np.flatnonzero((users < 0.1 * users.mean()) | twin)
    error = ((x - z @ D) ** 2).sum(axis=1)
    replaced = replaced[:np.count_nonzero(error)]  # samples without error teach nothing new
    D = D.copy()
    worst = np.argsort(-error)[:len(replaced)]
    if len(replaced):
        D[replaced] = unit_norm(x[worst])
    return D, replaced


def learn_dictionary(x, D, code, update=mod, n_epochs=30, batch_size=None):
    """Alternate from the start D (n_atoms, d_in): code a batch, update the atoms, and each epoch replace unused ones.

    code(x, D) gives codes, or a record with them as .z: `lambda x, D: omp(x, D, 4)`, `lambda x, D: fista(x, D, 0.1)`.
    update: mod, ksvd or Online(); the first two want all samples in one batch (batch_size=None). Atoms are replaced
    in the first three quarters of the epochs. A warning of the coder comes back in the result. ValueError unless x (not
    all zero) and D are finite and fit together, no atom is zero, n_epochs >= 1 and 1 <= batch_size <= n.
    """
    x, D = check_samples(x, D, ndim=2)
    if n_epochs < 1 or (batch_size is not None and not 1 <= batch_size <= len(x)):
        raise ValueError(f"n_epochs={n_epochs} and batch_size={batch_size}: expected at least one epoch and "
                         f"batches of 1 to {len(x)} samples")
    if not x.any():
        raise ValueError("x is zero everywhere: there is nothing to learn")
    D, n_batches = unit_norm(D), 1 if batch_size is None else -(-len(x) // batch_size)
    error, n_replaced, warning = [], [], None
    for epoch in range(n_epochs):
        residual = 0
        for first in range(n_batches):
            batch = x[first::n_batches]
            codes = code(batch, D)
            z, warning = getattr(codes, "z", codes), getattr(codes, "warning", None) or warning
            residual += ((batch - z @ D) ** 2).sum()
            D = update(batch, z, D)
        error.append(residual / (x ** 2).sum())
        n_replaced.append(0)
        if epoch + 1 <= 0.75 * n_epochs:  # then the newcomers need time to settle
            D, replaced = replace_unused(batch, z, D)
            n_replaced[-1] = len(replaced)
    return Learned(D, np.array(error), np.array(n_replaced), warning)
