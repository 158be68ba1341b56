"""Unrolled ISTA: at the start it is ISTA, trained it comes nearer to the exact codes."""

import numpy as np
import pytest
import torch

from saekit import lasso, synthetic
from saekit.lista import LISTA, encode, objective, train_lista

D = synthetic.random_dictionary(12, 6, seed=0)
X = synthetic.sparse_codes(300, 12, 2, seed=1, positive=True) @ D
LAM = 0.1


@pytest.mark.parametrize("n_layers", [1, 4])
def test_untrained_layers_are_steps_of_non_negative_ista(n_layers):
    steps = lasso.ista(X, D, LAM, positive=True, tol=1e-30, max_iter=n_layers)
    np.testing.assert_allclose(encode(LISTA(D, LAM, n_layers), X), steps.z, atol=1e-5)


def test_the_objective_is_that_of_lesson_1():
    z = synthetic.sparse_codes(300, 12, 3, seed=5, positive=True)
    ours = objective(torch.tensor(X), torch.tensor(D), torch.tensor(z), LAM)
    assert float(ours) == pytest.approx(lasso.lasso_objective(X, D, z, LAM).mean())


def test_training_closes_part_of_the_gap_and_never_goes_below_the_minimum():
    best = lasso.lasso_objective(X, D, lasso.fista(X, D, LAM, positive=True).z, LAM).mean()
    network = LISTA(D, LAM, 3)
    before = lasso.lasso_objective(X, D, encode(network, X), LAM).mean() - best
    losses = train_lista(network, X, steps=150, batch=64, lr=5e-3)
    after = lasso.lasso_objective(X, D, encode(network, X), LAM).mean() - best
    assert -1e-6 < after < before / 2
    assert len(losses) == 150


def test_the_dictionary_is_not_trained_and_the_seed_fixes_the_rest():
    first, second = (LISTA(D, LAM, 2) for _ in range(2))
    for network in (first, second):
        train_lista(network, X, steps=5, batch=32)
    np.testing.assert_array_equal(first.D, torch.from_numpy(D).float())
    np.testing.assert_array_equal(encode(first, X), encode(second, X))


@pytest.mark.parametrize("action, message", [
    (lambda: LISTA(D, LAM, 0), "n_layers is 0"), (lambda: LISTA(D, 0, 1), "lam is 0"),
    (lambda: train_lista(LISTA(D, LAM, 1), X[:5]), "x has 5 samples"),
])
def test_bad_input_names_the_argument(action, message):
    with pytest.raises(ValueError, match=message):
        action()
