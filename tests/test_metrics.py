"""Metrics against numbers worked out by hand, for NumPy arrays and torch tensors alike."""

import numpy as np
import pytest
import torch

from saekit import metrics

# mean of x is (2, 2); sum (x - mean)^2 = 2 + 2 + 2 + 2 = 8; sum x^2 = 1 + 1 + 9 + 9 + 1 + 9 + 9 + 1 = 40 over four rows
X = np.array([[1.0, 1.0], [3.0, 3.0], [1.0, 3.0], [3.0, 1.0]])
LATENTS = np.array([[0.0, 3.0, 4.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])


@pytest.fixture(params=[np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def array(request):
    return request.param


def test_predicting_the_mean_explains_nothing_and_perfection_everything(array):
    x, mean = array(X), array(np.full_like(X, 2.0))
    assert float(metrics.explained_variance(x, mean)) == 0
    assert float(metrics.explained_variance(x, x)) == 1
    assert float(metrics.explained_variance(x, array(np.zeros_like(X)))) == -4  # 1 - 40 / 8


def test_the_uncentred_r2_credits_the_mean(array):
    x, mean = array(X), array(np.full_like(X, 2.0))
    assert float(metrics.r2_uncentred(x, mean)) == pytest.approx(0.8)  # 1 - 8 / 40
    assert float(metrics.r2_uncentred(x, array(np.zeros_like(X)))) == 0


def test_explained_variance_is_pooled_and_not_averaged_over_columns():
    # sums of squares about the columns' own means, 5 and 0, are 2 and 200; all error, 2, is in the first column:
    # pooled 1 - 2 / 202, averaged over columns 1 / 2
    x, x_hat = np.array([[6.0, 10.0], [4.0, -10.0]]), np.array([[5.0, 10.0], [5.0, -10.0]])
    assert metrics.explained_variance(x, x_hat) == pytest.approx(1 - 2 / 202)


def test_mse_sums_over_dimensions_and_averages_over_rows(array):
    assert float(metrics.mse(array(X), array(X + 0.5))) == pytest.approx(0.5)  # 2 columns of 0.25


def test_l0_density_and_death_are_counts_of_what_is_not_zero(array):
    density = metrics.latent_density(array(LATENTS))
    assert float(metrics.l0(array(LATENTS))) == 1  # (2 + 1 + 0 + 1) / 4
    assert [float(d) for d in density] == [0, 0.75, 0.25, 0]
    assert float(metrics.dead_fraction(density)) == 0.5 and float(metrics.utilization(density)) == 0.5


def test_hoyer_is_one_for_one_sparse_rows_and_skips_zero_rows(array):
    # rows: (3 + 4) / 5 = 1.4, 1, left out, 1
    assert float(metrics.hoyer(array(LATENTS))) == pytest.approx(3.4 / 3)
    assert float(metrics.hoyer(array(np.ones((2, 9))))) == pytest.approx(3)


def test_recovered_fractions_hang_on_their_baseline():
    assert metrics.ce_loss_recovered(3.0, 3.5, 8.0) == pytest.approx(0.9)  # 4.5 / 5
    assert metrics.ce_loss_recovered(3.0, 3.5, 13.0) == pytest.approx(0.95)  # 9.5 / 10
    assert metrics.ce_loss_recovered(3.0, 3.0, 8.0) == 1 and metrics.ce_loss_recovered(3.0, 8.0, 8.0) == 0


def test_the_increase_is_a_share_of_what_the_model_knows_beyond_counts():
    assert metrics.ce_increase_share(3.0, 3.5, 5.0) == pytest.approx(0.25)
