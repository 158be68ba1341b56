"""Dictionary learning against certificates, scikit-learn, least squares by another route, and planted truth."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from sklearn.decomposition import sparse_encode as sklearn_sparse_encode

from saekit import dictlearn, geometry, lasso, synthetic

each_sign = pytest.mark.parametrize("positive", [False, True], ids=["signed", "positive"])


@pytest.fixture(scope="module")
def data():
    return synthetic.planted(300, d_in=24, n_atoms=60, k=3, seed=4)


# ---- coding many samples

@each_sign
@pytest.mark.parametrize("lam", [1.0, 0.1, 0.02])
def test_fast_codes_reach_the_certified_gap_in_float64(data, positive, lam):
    result = dictlearn.sparse_encode(data.x[:40], data.D, lam, positive, tol=1e-9, dtype=float)
    gap = lasso.duality_gap(data.x[:40], data.D, result.z, lam, positive)
    assert result.warning is None and (not positive or result.z.min() >= 0)
    assert (gap <= 1e-8 * 0.5 * (data.x[:40] ** 2).sum(axis=1)).all()


def test_fast_codes_agree_with_scikit_learn_in_objective(data):
    ours = dictlearn.sparse_encode(data.x, data.D, 0.1, tol=1e-7, dtype=float).z
    theirs = sklearn_sparse_encode(data.x, data.D, algorithm="lasso_lars", alpha=0.1)
    np.testing.assert_allclose(lasso.lasso_objective(data.x, data.D, ours, 0.1),
                               lasso.lasso_objective(data.x, data.D, theirs, 0.1), rtol=1e-8, atol=1e-8)


@each_sign
def test_float32_codes_keep_the_violation_they_report(data, positive):
    result = dictlearn.sparse_encode(data.x, data.D, 0.1, positive)
    true = lasso.kkt_violation(data.x, data.D, result.z.astype(float), 0.1, positive)
    assert result.z.dtype == np.float32 and result.warning is None and true.max() <= 1e-3
    np.testing.assert_allclose(result.kkt_violation, true, atol=2e-5)


def test_coding_copes_with_copies_long_atoms_and_silent_samples():
    D = np.vstack([3 * np.eye(5), np.eye(5)[:2], 0.5 * np.eye(5)[2:]])
    x = np.vstack([np.zeros(5), np.arange(5.0), -np.ones(5)])
    result = dictlearn.sparse_encode(x, D, 0.3, tol=1e-6, dtype=float)
    best = lasso.coordinate_descent(x, D, 0.3, tol=1e-12)
    assert not result.z[0].any()
    np.testing.assert_allclose(lasso.lasso_objective(x, D, result.z, 0.3).sum(), best.objective[-1], rtol=1e-9)


def test_codes_do_not_depend_on_how_samples_are_grouped(data, monkeypatch):
    together = dictlearn.sparse_encode(data.x, data.D, 0.2, tol=1e-7, dtype=float).z
    monkeypatch.setattr(dictlearn, "ROWS", 7)
    monkeypatch.setattr(dictlearn, "ENTRIES", 200)
    apart = dictlearn.sparse_encode(data.x, data.D, 0.2, tol=1e-7, dtype=float).z
    np.testing.assert_allclose(apart, together, atol=1e-6)


def test_a_tolerance_below_the_precision_is_reported_not_hidden(data):
    result = dictlearn.sparse_encode(data.x[:20], data.D, 0.1, tol=1e-9)
    assert isinstance(result.warning, lasso.IterationLimit) and "dtype=float" in str(result.warning)


def test_memory_of_coding_grows_no_faster_than_the_number_of_samples():
    peaks = []
    for n in (4096, 16384):
        P = synthetic.planted(n, d_in=16, n_atoms=32, k=2)
        tracemalloc.start()
        dictlearn.sparse_encode(P.x, P.D, 0.3)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 4.1 * peaks[0]


# ---- updates

def test_mod_leaves_a_residual_that_no_change_of_atoms_reduces(data):
    D, z = data.D[::-1].copy(), data.z
    learned = dictlearn.mod(data.x, z, D)
    # unit length is imposed after the fit, so undo it: with free lengths the normal equations hold
    lengths = np.linalg.lstsq(np.stack([(z[:, i, None] * learned[i]).ravel() for i in range(60)], axis=1),
                              data.x.ravel(), rcond=None)[0]
    residual = data.x - (z * lengths) @ learned
    assert np.abs(z.T @ residual).max() < 1e-8 * np.abs(z.T @ data.x).max()
    np.testing.assert_allclose((learned ** 2).sum(axis=1), 1)


@pytest.mark.parametrize("update", [dictlearn.mod, dictlearn.ksvd, dictlearn.Online()], ids=["mod", "ksvd", "online"])
def test_an_update_keeps_unit_length_and_leaves_unused_atoms_alone(data, update):
    z = data.z.copy()
    z[:, 7] = 0
    start = synthetic.random_dictionary(60, 24, seed=1)
    learned = update(data.x, z, start)
    np.testing.assert_allclose((learned ** 2).sum(axis=1), 1)
    np.testing.assert_array_equal(learned[7], start[7])
    assert np.abs(learned[8] - start[8]).max() > 1e-3


@pytest.mark.parametrize("update", [dictlearn.mod, dictlearn.ksvd, dictlearn.Online()], ids=["mod", "ksvd", "online"])
def test_noiseless_samples_with_their_true_codes_give_the_true_atoms(data, update):
    start = geometry.unit_norm(data.D + 0.05 * np.random.default_rng(0).standard_normal(data.D.shape))
    x, D = data.z @ data.D, start
    for _ in range(40):
        D = update(x, data.z, D)
    np.testing.assert_allclose(D, data.D, atol=1e-4)


def test_one_ksvd_pass_lowers_the_error_on_the_same_supports(data):
    start = synthetic.random_dictionary(60, 24, seed=2)
    z = lasso.omp(data.x, start, 3)
    learned = dictlearn.ksvd(data.x, z, start)
    support = np.argsort(z == 0, axis=1, kind="stable")[:, :3]
    refit = np.zeros_like(z)
    np.put_along_axis(refit, support, lasso.least_squares(data.x, learned, support), axis=1)
    assert ((data.x - refit @ learned) ** 2).sum() < ((data.x - z @ start) ** 2).sum()


def test_ksvd_of_a_single_atom_is_the_leading_singular_vector():
    x = np.random.default_rng(0).standard_normal((30, 6))
    atom = dictlearn.ksvd(x, np.ones((30, 1)), np.full((1, 6), 6 ** -0.5))[0]
    leading = np.linalg.svd(x)[2][0]
    assert abs(atom @ leading) == pytest.approx(1)


def test_replacement_removes_dead_and_doubled_atoms_and_plants_the_worst_samples(data):
    D, z = data.D.copy(), data.z.copy()
    D[5], z[:, 9] = -D[2], 0
    fixed, replaced = dictlearn.replace_unused(data.x, z, D)
    np.testing.assert_array_equal(replaced, [5, 9])
    error = ((data.x - z @ D) ** 2).sum(axis=1)
    planted = geometry.unit_norm(data.x[np.argsort(-error)[:2]])
    np.testing.assert_allclose(fixed[[5, 9]], planted)
    np.testing.assert_array_equal(np.delete(fixed, [5, 9], axis=0), np.delete(D, [5, 9], axis=0))


def test_online_forgets_what_it_knew_about_a_replaced_atom(data):
    update, fresh = dictlearn.Online(memory=1e9), data.D.copy()
    fresh[0] = synthetic.random_dictionary(1, 24, seed=8)[0]
    update(data.x, data.z, data.D)
    after = update(data.x, data.z, np.vstack([fresh[:1], update.D[1:]]))
    assert abs(after[0] @ data.D[0]) > 0.99
    assert update.A[0, 0] == pytest.approx((data.z[:, 0] ** 2).sum())
    assert update.A[1, 1] == pytest.approx(2 * (data.z[:, 1] ** 2).sum(), rel=1e-6)


# ---- learning

def learn(update, n_epochs=25, batch_size=None, code=lambda x, D: lasso.omp(x, D, 2)):
    P = synthetic.planted(2000, d_in=20, n_atoms=30, k=2, seed=2)
    start = synthetic.random_dictionary(30, 20, seed=52)
    return P, dictlearn.learn_dictionary(P.x, start, code, update, n_epochs, batch_size)


@pytest.mark.parametrize("update, batch_size", [
    (dictlearn.mod, None), (dictlearn.ksvd, None), (dictlearn.Online(), 200)], ids=["mod", "ksvd", "online"])
def test_a_planted_dictionary_is_found_from_a_random_start(update, batch_size):
    P, learned = learn(update, batch_size=batch_size)
    assert geometry.mean_max_cosine(P.D, synthetic.random_dictionary(30, 20, seed=52)) < 0.7
    assert geometry.mean_max_cosine(P.D, learned.D) >= 0.99
    assert learned.error[-1] < 0.1 * learned.error[0] and learned.n_replaced[-1] == 0


def test_positive_codes_find_the_atoms_with_their_sign():
    D = synthetic.random_dictionary(30, 20, seed=0)
    x = synthetic.sparse_codes(2000, 30, 2, seed=1, positive=True) @ D
    start = synthetic.random_dictionary(30, 20, seed=3)
    learned = dictlearn.learn_dictionary(x, start, lambda x, D: dictlearn.sparse_encode(x, D, 0.2, positive=True),
                                         dictlearn.Online(), 25, 200)
    assert geometry.mean_max_cosine(D, learned.D, signed=True) >= 0.99


def test_same_call_same_dictionary():
    np.testing.assert_array_equal(learn(dictlearn.mod, 3)[1].D, learn(dictlearn.mod, 3)[1].D)


def test_a_coders_warning_comes_back_with_the_dictionary():
    def hasty(x, D):
        return lasso.ista(x, D, 0.1, max_iter=1)
    assert isinstance(learn(dictlearn.mod, 2, code=hasty)[1].warning, lasso.IterationLimit)
    assert learn(dictlearn.mod, 2)[1].warning is None


X, ATOMS = np.ones((2, 3)), np.eye(3)


@pytest.mark.parametrize("call, message", [
    (lambda: dictlearn.sparse_encode(X, ATOMS, 0), "lam is 0"),
    (lambda: dictlearn.sparse_encode(X, ATOMS, 1, tol=0), "tol is 0"),
    (lambda: dictlearn.sparse_encode(X[0], ATOMS, 1), r"x has shape \(3,\), expected \(n, d_in\)"),
    (lambda: dictlearn.sparse_encode(X, np.eye(4), 1), "x has 3 columns"),
    (lambda: dictlearn.sparse_encode(X, np.zeros((2, 3)), 1), "all-zero atom"),
    (lambda: dictlearn.learn_dictionary(X, ATOMS, None, n_epochs=0), "n_epochs=0"),
    (lambda: dictlearn.learn_dictionary(X, ATOMS, None, batch_size=5), "batches of 1 to 2 samples"),
    (lambda: dictlearn.learn_dictionary(X * np.inf, ATOMS, None), "x contains NaN or infinite"),
    (lambda: dictlearn.learn_dictionary(0 * X, ATOMS, None), "zero everywhere"),
    (lambda: dictlearn.Online(memory=0), "memory is 0"),
])
def test_bad_input_names_the_argument_and_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_classical_modules_load_no_torch_and_no_matplotlib():
    code = ("import sys; from saekit import geometry, synthetic, lasso, dictlearn, images, pca; "
            "print([m for m in ('torch', 'matplotlib', 'transformers') if m in sys.modules])")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
