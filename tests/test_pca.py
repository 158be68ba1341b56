"""Principal components against scikit-learn and a hand case."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as SklearnPCA

from saekit.pca import LinearAutoencoder, linear_loss, pca, subspace_angles


def test_components_of_points_on_a_line():
    result = pca([[1, 1], [3, 3], [5, 5]], 1)  # variance along (1, 1)/sqrt(2): (8 + 0 + 8) / 2
    np.testing.assert_allclose(np.abs(result.components), [[0.5 ** 0.5] * 2])
    np.testing.assert_allclose(result.variance, [8])
    np.testing.assert_allclose(result.mean, [3, 3])


def test_components_agree_with_scikit_learn_up_to_sign():
    x = np.random.default_rng(0).standard_normal((50, 6)) * [5, 4, 3, 2, 1, 0.5] + 7
    ours, theirs = pca(x, 4), SklearnPCA(4).fit(x)
    np.testing.assert_allclose(np.abs(np.sum(ours.components * theirs.components_, axis=1)), 1)
    np.testing.assert_allclose(ours.variance, theirs.explained_variance_)


@pytest.mark.parametrize("x, n, message", [
    (np.ones((5, 3)), 4, "n_components=4, expected 1 to 3"), (np.ones((5, 3)), 0, "n_components=0"),
    (np.ones(5), 1, "x has shape"), (np.full((5, 3), np.nan), 1, "all finite"),
])
def test_bad_input_names_the_argument(x, n, message):
    with pytest.raises(ValueError, match=message):
        pca(x, n)


DATA = np.random.default_rng(1).standard_normal((300, 8)) * np.linspace(3, 0.5, 8) + 4  # variances 9 … 0.25, mean 4


@pytest.mark.parametrize("n_latents", [1, 3, 7])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_linear_autoencoder_without_decay_spans_the_pca_subspace(n_latents, seed):
    found, best = LinearAutoencoder(8, n_latents, seed).fit(DATA), pca(DATA, 8)
    assert subspace_angles(found.W_dec, best.components[:n_latents]).max() < 1e-5
    tail = best.variance[n_latents:].sum() * (len(DATA) - 1) / len(DATA)
    error = ((DATA - found.decode(found.encode(DATA))) ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(error, tail, rtol=1e-10)


def test_without_centring_it_finds_the_uncentred_singular_directions():
    found = LinearAutoencoder(8, 2).fit(DATA, centre=False)
    assert subspace_angles(found.W_dec, np.linalg.svd(DATA)[2][:2]).max() < 1e-5
    assert subspace_angles(found.W_dec, pca(DATA, 2).components).max() > 0.5


def test_weight_decay_ties_the_weights_and_shrinks_each_component_by_decay_over_variance():
    found, best = LinearAutoencoder(8, 4, seed=2).fit(DATA, weight_decay=1.5), pca(DATA, 4)
    variance = best.variance * (len(DATA) - 1) / len(DATA)
    assert variance[3] > 1.5
    np.testing.assert_allclose(found.W_enc, found.W_dec.T, atol=1e-6)
    gains = np.diag(best.components @ found.W_enc @ found.W_dec @ best.components.T)
    np.testing.assert_allclose(gains, 1 - 1.5 / variance, atol=1e-7)  # the minimiser of v (1 - s)^2 + 2 * 1.5 s


def test_decay_above_every_variance_leaves_nothing():
    found = LinearAutoencoder(8, 2).fit(DATA, weight_decay=20)
    np.testing.assert_allclose(found.W_enc @ found.W_dec, 0, atol=1e-6)


def test_the_gradients_of_the_linear_loss_are_finite_differences():
    rng = np.random.default_rng(0)
    W_enc, W_dec, factor = rng.standard_normal((4, 2)), rng.standard_normal((2, 4)), rng.standard_normal((4, 4))
    C, step = factor @ factor.T, 1e-6
    _, grad_enc, grad_dec = linear_loss(W_enc, W_dec, C, 0.3)
    for i, j in ((0, 0), (3, 1)):
        bump = np.zeros((4, 2))
        bump[i, j] = step
        rise = linear_loss(W_enc + bump, W_dec, C, 0.3)[0] - linear_loss(W_enc - bump, W_dec, C, 0.3)[0]
        assert rise / (2 * step) == pytest.approx(grad_enc[i, j], rel=1e-6)
        rise = linear_loss(W_enc, W_dec + bump.T, C, 0.3)[0] - linear_loss(W_enc, W_dec - bump.T, C, 0.3)[0]
        assert rise / (2 * step) == pytest.approx(grad_dec[j, i], rel=1e-6)


def test_a_start_on_a_saddle_stays_there_and_a_nudge_leaves_it():
    best = pca(DATA, 3).components
    stuck = LinearAutoencoder(8, 1)
    stuck.W_enc, stuck.W_dec = best[2:].T.copy(), best[2:].copy()
    assert subspace_angles(stuck.fit(DATA).W_dec, best[2:]).max() < 1e-6
    stuck.W_dec = stuck.W_dec + 1e-3
    assert subspace_angles(stuck.fit(DATA).W_dec, best[:1]).max() < 1e-5


def test_subspace_angles_of_two_planes_in_space():
    flat, tilted = [[1, 0, 0], [1, 1, 0]], [[5, 0, 0], [0, np.cos(0.3), np.sin(0.3)]]  # they share the first axis
    np.testing.assert_allclose(subspace_angles(flat, tilted), [0.3, 0], atol=1e-12)


@pytest.mark.parametrize("action, message", [
    (lambda: subspace_angles(np.eye(3), np.eye(4)), "rows of length 3 and B of length 4"),
    (lambda: LinearAutoencoder(8, 0), "n_latents is 0"),
    (lambda: LinearAutoencoder(5, 2).fit(DATA), "x has 8 columns for d_in=5"),
    (lambda: LinearAutoencoder(8, 2).fit(DATA, weight_decay=-1), "weight_decay is -1"),
])
def test_bad_sizes_and_decays_are_named(action, message):
    with pytest.raises(ValueError, match=message):
        action()


def test_too_few_steps_are_an_error_that_says_how_far_it_came():
    with pytest.raises(RuntimeError, match="not at the bottom after 3 steps: the gradient is"):
        LinearAutoencoder(8, 3).fit(DATA, max_iter=3)
