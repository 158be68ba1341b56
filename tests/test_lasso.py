"""LASSO solvers against certificates, closed forms, scikit-learn, brute force and each other."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.decomposition import sparse_encode as sklearn_sparse_encode
from sklearn.linear_model import Lasso, lars_path, orthogonal_mp

from saekit import lasso, synthetic
from saekit.geometry import donoho_tanner

SOLVERS = [lasso.ista, lasso.fista, lasso.coordinate_descent]
each_solver = pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: solver.__name__)
each_sign = pytest.mark.parametrize("positive", [False, True], ids=["signed", "positive"])


def problem(n=6, d_in=12, n_atoms=30, seed=0):
    """Correlated atoms of unequal length and dense samples: harder than planted data."""
    rng = np.random.default_rng(seed)
    D = rng.standard_normal((n_atoms, d_in)) + 0.7 * rng.standard_normal(d_in)
    return rng.standard_normal((n, d_in)), D * rng.uniform(0.5, 2, (n_atoms, 1))


def at_fraction(x, D, fraction, positive):
    return fraction * float(np.max(lasso.lam_max(x, D, positive)))


# ---- the pieces

def test_soft_threshold_by_hand():
    x = np.array([-3.0, -0.5, 0.0, 1.0, 2.5])
    np.testing.assert_allclose(lasso.soft_threshold(x, 1), [-2, 0, 0, 0, 1.5])
    np.testing.assert_allclose(lasso.soft_threshold(x, 1, positive=True), [0, 0, 0, 0, 1.5])


@each_sign
def test_soft_threshold_minimises_its_objective_on_a_grid(positive):
    grid = np.linspace(0 if positive else -4, 4, 80_001)
    for x in (-2.2, -0.3, 0.4, 3.1):
        best = grid[np.argmin(0.5 * (grid - x) ** 2 + 0.7 * np.abs(grid))]
        assert lasso.soft_threshold(x, 0.7, positive) == pytest.approx(best, abs=1e-4)


def test_gap_and_violation_by_hand_for_one_atom():
    x, D = np.array([3.0, 1.0]), np.array([[1.0, 0.0]])
    # z = 3 - 1 = 2 is the solution for lam = 1; objective there 1/2 (1 + 1) + 2 = 3
    assert lasso.lasso_objective(x, D, np.array([2.0]), 1) == pytest.approx(3)
    assert lasso.duality_gap(x, D, np.array([2.0]), 1) == pytest.approx(0, abs=1e-15)
    assert lasso.kkt_violation(x, D, np.array([2.0]), 1) == pytest.approx(0)
    assert lasso.kkt_violation(x, D, np.array([0.0]), 1) == pytest.approx(2)  # |<x, d>| - lam
    assert lasso.kkt_violation(x, D, np.array([2.5]), 1) == pytest.approx(0.5)  # |0.5 - 1|


@each_sign
def test_gap_bounds_the_distance_from_the_minimum_at_any_point(positive):
    x, D = problem()
    lam = at_fraction(x, D, 0.2, positive)
    best = lasso.lasso_objective(x, D, lasso.coordinate_descent(x, D, lam, positive, tol=1e-12).z, lam)
    z = np.random.default_rng(1).standard_normal((6, 30)) * 0.1
    z = np.abs(z) if positive else z
    assert (lasso.duality_gap(x, D, z, lam, positive) >= lasso.lasso_objective(x, D, z, lam) - best).all()


def test_violation_counts_a_negative_code_against_positive_coding():
    x, D = np.array([-2.0]), np.array([[1.0]])
    assert lasso.kkt_violation(x, D, np.array([-1.0]), 1) == pytest.approx(0)
    assert lasso.kkt_violation(x, D, np.array([-1.0]), 1, positive=True) >= 1


# ---- the solvers

@each_solver
@each_sign
@pytest.mark.parametrize("fraction", [0.5, 0.05])
def test_solver_certifies_its_gap_at_the_returned_point(solver, positive, fraction):
    x, D = problem()
    lam = at_fraction(x, D, fraction, positive)
    result = solver(x, D, lam, positive)
    gap = lasso.duality_gap(x, D, result.z, lam, positive)
    assert result.warning is None
    assert (gap <= 1e-8 * 0.5 * (x ** 2).sum(axis=1)).all()
    np.testing.assert_allclose(result.gap, gap, atol=1e-13)
    assert not positive or result.z.min() >= 0


@each_solver
@each_sign
def test_solver_agrees_with_scikit_learn_in_objective(solver, positive):
    x, D = problem()
    lam = at_fraction(x, D, 0.1, positive)
    ours = lasso.lasso_objective(x, D, solver(x, D, lam, positive, tol=1e-10).z, lam)
    model = Lasso(alpha=lam / D.shape[1], fit_intercept=False, positive=positive, tol=1e-14, max_iter=1_000_000)
    theirs = lasso.lasso_objective(x, D, np.array([model.fit(D.T, row).coef_ for row in x]), lam)
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8)


@each_solver
@each_sign
def test_lasso_on_orthonormal_atoms_is_soft_thresholding(solver, positive):
    D = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0][:5]  # D D^T = I separates the problem
    x = np.random.default_rng(1).standard_normal((4, 8))
    expected = lasso.soft_threshold(x @ D.T, 0.3, positive)
    np.testing.assert_allclose(solver(x, D, 0.3, positive).z, expected, atol=1e-10)


@each_solver
@each_sign
def test_code_is_zero_from_lam_max_on_and_not_before(solver, positive):
    x, D = problem(n=1)
    top = float(lasso.lam_max(x, D, positive)[0])
    assert not solver(x, D, 1.0001 * top, positive).z.any()
    assert solver(x, D, 0.999 * top, positive, tol=1e-12).z.any()


def test_one_positive_ista_step_from_zero_is_a_relu_layer():
    x, D = problem()
    L = np.linalg.eigvalsh(D.T @ D)[-1]
    layer = np.maximum(x @ (D.T / L) - 0.4 / L, 0)
    np.testing.assert_allclose(lasso.ista(x, D, 0.4, positive=True, max_iter=1).z, layer, atol=1e-12)


@each_solver
def test_codes_do_not_depend_on_the_other_samples_and_keep_a_single_samples_shape(solver):
    x, D = problem()
    together, alone = solver(x, D, 1.0).z, solver(x[2], D, 1.0)
    assert alone.z.shape == (30,) and np.ndim(alone.gap) == 0
    np.testing.assert_allclose(alone.z, together[2], atol=1e-5)


def test_objective_of_ista_and_coordinate_descent_never_rises():
    x, D = problem()
    for solver in (lasso.ista, lasso.coordinate_descent):
        assert (np.diff(solver(x, D, 1.0).objective) <= 1e-10).all()


def test_ista_obeys_its_rate_and_fista_its_faster_one():
    x, D = problem(n=1)
    lam = at_fraction(x, D, 0.02, False)
    best = lasso.coordinate_descent(x, D, lam, tol=1e-13)
    distance2, L = (best.z ** 2).sum(), np.linalg.norm(D, 2) ** 2
    steps = np.arange(1, 301)
    bounds = {lasso.ista: L * distance2 / (2 * steps), lasso.fista: 2 * L * distance2 / (steps + 1) ** 2}
    for solver, bound in bounds.items():
        error = solver(x, D, lam, max_iter=300, tol=1e-15).objective - best.objective[-1]
        assert (error[1:] <= bound[:len(error) - 1]).all()


@each_solver
def test_duplicate_atoms_do_no_harm(solver):
    x, D = problem(n=2)
    doubled = solver(x, np.vstack([D, D[:10]]), 1.0)
    assert doubled.warning is None
    np.testing.assert_allclose(doubled.objective[-1], solver(x, D, 1.0).objective[-1], rtol=1e-7)


@each_solver
def test_iteration_limit_comes_back_as_a_warning_in_the_result(solver):
    x, D = problem()
    result = solver(x, D, at_fraction(x, D, 0.01, False), max_iter=2)
    assert isinstance(result.warning, lasso.IterationLimit)
    assert "limit of 2 iterations, 6 of 6 samples" in str(result.warning)
    np.testing.assert_allclose(result.gap, lasso.duality_gap(x, D, result.z, at_fraction(x, D, 0.01, False)))


def test_a_silent_sample_is_coded_by_zeros_without_warning():
    _, D = problem()
    result = lasso.fista(np.zeros((2, 12)), D, 0.1)
    assert result.warning is None and not result.z.any()


# ---- the path

@each_sign
@pytest.mark.parametrize("seed", range(4))
def test_every_knot_and_midpoint_of_the_path_is_optimal(positive, seed):
    x, D = problem(n=1, seed=seed)
    path = lasso.lasso_path(x[0], D, positive)
    assert path.warning is None and path.lams[-1] == 0 and (np.diff(path.lams) <= 0).all()
    z = np.vstack([path.z, (path.z[1:] + path.z[:-1]) / 2])
    lams = np.concatenate([path.lams, (path.lams[1:] + path.lams[:-1]) / 2])
    for lam, code in zip(lams, z, strict=True):
        assert lasso.kkt_violation(x[0], D, code, lam, positive) < 1e-9


@each_sign
def test_path_has_scikit_learns_knots(positive):
    x, D = problem(n=1, seed=3)
    path = lasso.lasso_path(x[0], D, positive, lam_min=0.05)
    alphas, _, coefs = lars_path(D.T, x[0], method="lasso", positive=positive, alpha_min=0.05 / 12)
    np.testing.assert_allclose(path.lams, alphas * 12, rtol=1e-8)
    # the point scikit-learn cuts off at alpha_min may breach the KKT conditions (0.06 here), so it is left out
    np.testing.assert_allclose(path.z[:-1], coefs.T[:-1], atol=1e-8)


def test_path_survives_atoms_that_enter_together_and_copies():
    D = np.vstack([synthetic.spikes_dct(16), np.eye(16)[:4]])
    x = D[[0, 1, 5]].sum(axis=0)  # three equal correlations, two of the atoms doubled
    path = lasso.lasso_path(x, D)
    assert np.abs(path.z[-1]).sum() == pytest.approx(3)
    np.testing.assert_allclose(path.z[-1] @ D, x, atol=1e-12)


def test_path_ends_at_basis_pursuit():
    D = synthetic.random_dictionary(40, 15, seed=0)
    x = np.random.default_rng(0).standard_normal(15)
    np.testing.assert_allclose(lasso.lasso_path(x, D).z[-1], lasso.smallest_l1(x, D), atol=1e-9)


def test_path_reports_its_knot_limit():
    x, D = problem(n=1)
    path = lasso.lasso_path(x[0], D, max_knots=3)
    assert "limit of 3 knots" in str(path.warning) and len(path.lams) == 4


# ---- problems without lam

@each_sign
def test_smallest_l1_equals_the_best_of_all_bases(positive):
    D = np.abs(synthetic.random_dictionary(7, 3, seed=1)) if positive else synthetic.random_dictionary(7, 3, seed=1)
    x = np.random.default_rng(2).uniform(0.5, 1, 7) @ D
    # a vertex of the feasible set has at most d_in non-zeros
    solved = [np.linalg.solve(D[list(basis)].T, x) for basis in combinations(range(7), 3)]
    best = min(np.abs(z).sum() for z in solved if not positive or z.min() >= -1e-12)
    z = lasso.smallest_l1(x, D, positive)
    np.testing.assert_allclose(z @ D, x, atol=1e-9)
    assert np.abs(z).sum() == pytest.approx(best) and (not positive or z.min() >= 0)


def test_omp_by_hand_on_two_atoms_that_overlap():
    D = np.array([[1.0, 0.0], [0.6, 0.8]])
    # <x, d> = 2.2, 2.12: the first atom wins; the refit with both is exact
    np.testing.assert_allclose(lasso.omp(np.array([2.2, 1.0]), D, 1), [2.2, 0])
    np.testing.assert_allclose(lasso.omp(np.array([2.2, 1.0]), D, 2) @ D, [2.2, 1.0])


def test_omp_agrees_with_scikit_learn():
    x, D = problem(n=20)
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    np.testing.assert_allclose(lasso.omp(x, D, 5), orthogonal_mp(D.T, x.T, n_nonzero_coefs=5).T, atol=1e-9)


def test_omp_leaves_a_residual_orthogonal_to_the_chosen_atoms():
    x, D = problem(n=20)
    z = lasso.omp(x, D, 6)
    assert ((z != 0).sum(axis=1) == 6).all()
    assert np.abs(np.where(z != 0, (x - z @ D) @ D.T, 0)).max() < 1e-10


def test_positive_omp_is_non_negative_and_optimal_on_its_support():
    x, D = problem(n=20)
    z = lasso.omp(x, D, 6, positive=True)
    c = (x - z @ D) @ D.T
    assert z.min() == 0 and (z > 0).any(axis=1).all() and np.abs(c[z > 0]).max() < 1e-9


def test_omp_stops_at_the_allowed_error_of_each_sample():
    x, D = problem(n=8)
    allowed = np.linspace(0.1, 0.9, 8) * np.linalg.norm(x, axis=1)
    used = (lasso.omp(x, D, 12, max_error=allowed) != 0).sum(axis=1)
    for row, count, limit in zip(x, used, allowed, strict=True):
        errors = [np.linalg.norm(row - lasso.omp(row, D, k) @ D) for k in range(1, count + 1)]
        assert errors[-1] <= limit and all(error > limit for error in errors[:-1])


def test_omp_adds_nothing_once_the_sample_is_explained():
    D = synthetic.random_dictionary(20, 9, seed=0)
    assert ((lasso.omp(np.vstack([D[3], np.zeros(9)]), D, 6) != 0).sum(axis=1) == [1, 0]).all()


def test_omp_and_basis_pursuit_recover_every_code_below_the_uniqueness_bound():
    D = synthetic.spikes_dct(128)  # mu = 0.125: k <= 4; benchmarks/exact_recovery.py does d = 1,024, k <= 11
    for k in range(1, 5):
        z = np.vstack([synthetic.sparse_codes(5, 256, k, seed=k), synthetic.adversarial_codes(D, 5, k, seed=k)])
        np.testing.assert_allclose(lasso.omp(z @ D, D, k), z, atol=1e-10)
        np.testing.assert_allclose(lasso.smallest_l1(z[3:7] @ D, D), z[3:7], atol=1e-8)


@each_sign
def test_basis_pursuit_succeeds_below_the_donoho_tanner_curve_and_fails_above(positive):
    d_in, n_atoms = 40, 80
    rho, shares = donoho_tanner(0.5, positive), []
    for factor in (0.6, 1.4):
        k = round(factor * rho * d_in)
        D = synthetic.random_dictionary(n_atoms, d_in, seed=k)
        z = synthetic.sparse_codes(10, n_atoms, k, seed=1, positive=positive)
        shares.append((np.abs(lasso.smallest_l1(z @ D, D, positive) - z).max(axis=1) < 1e-6).mean())
    assert shares[0] >= 0.9 and shares[1] <= 0.1


def test_debiasing_gives_back_what_shrinkage_took():
    D = synthetic.random_dictionary(20, 30, seed=0)
    z = synthetic.sparse_codes(5, 20, 3, seed=0)
    shrunk = lasso.coordinate_descent(z @ D, D, 0.2).z
    shrunk[np.abs(shrunk) < 0.1] = 0
    assert np.abs(shrunk - z).max() > 0.1
    np.testing.assert_allclose(lasso.debias(z @ D, D, shrunk), z, atol=1e-10)


def test_scikit_learns_sparse_encode_takes_lam_as_it_is():
    x, D = problem()
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    theirs = sklearn_sparse_encode(x, D, algorithm="lasso_lars", alpha=0.3)
    assert lasso.kkt_violation(x, D, theirs, 0.3).max() < 1e-6


# ---- bad input

X, ATOMS = np.ones((2, 3)), np.eye(3)


@pytest.mark.parametrize("call, message", [
    (lambda: lasso.ista(X, ATOMS, 0), "lam is 0, expected one number above 0"),
    (lambda: lasso.fista(X, ATOMS, -1.0), "lam is -1.0"),
    (lambda: lasso.coordinate_descent(X, ATOMS, float("nan")), "lam is nan"),
    (lambda: lasso.fista(X, ATOMS, [0.1, 0.2]), "one number"),
    (lambda: lasso.ista(np.ones((2, 4)), ATOMS, 1.0), r"x has 4 columns but the atoms of D have length 3.*rows"),
    (lambda: lasso.ista(X, np.ones((3, 7)), 1.0), "transposed"),
    (lambda: lasso.ista(X, [[1, 0, 0], [0, 0, 0]], 1.0), "all-zero atom in row 1"),
    (lambda: lasso.ista(X, [[1, 0, np.nan]], 1.0), "atom 0"),
    (lambda: lasso.ista(X * np.nan, ATOMS, 1.0), "x contains NaN"),
    (lambda: lasso.ista(np.ones((2, 3, 3)), ATOMS, 1.0), "x has shape"),
    (lambda: lasso.ista(X, ATOMS, 1.0, max_iter=0), "max_iter=0"),
    (lambda: lasso.ista(X, ATOMS, 1.0, tol=0), "tol=0"),
    (lambda: lasso.omp(X, ATOMS, 4), "k=4 non-zeros asked of 3 atoms"),
    (lambda: lasso.omp(X, ATOMS, 0), "k=0"),
    (lambda: lasso.lasso_path(X[0], ATOMS, lam_min=-1), "lam_min is -1"),
    (lambda: lasso.lasso_path(X, ATOMS), r"x has shape \(2, 3\), expected \(d_in,\)"),
    (lambda: lasso.smallest_l1([0, 0, 1.0], ATOMS[:2]), "no combination of the atoms"),
    (lambda: lasso.smallest_l1([0, 0, -1.0], ATOMS, positive=True), "no non-negative combination"),
])
def test_bad_input_names_the_argument_and_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_path_of_a_noise_free_sample_beyond_recovery_ends_without_an_error():
    D = synthetic.random_dictionary(100, 50, seed=5)
    for seed in range(100, 130):
        x = synthetic.sparse_codes(1, 100, 33, seed)[0] @ D
        path = lasso.lasso_path(x, D)
        assert path.warning is None and np.allclose(path.z[-1] @ D, x, atol=1e-8)
