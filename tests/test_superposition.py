"""Toy models of superposition: sampling, the closed forms, the geometry that training finds."""

import numpy as np
import pytest
import torch

from saekit import superposition as toy


@pytest.fixture(scope="session")
def pentagons():
    """Five features in two dimensions, rarely on: weights (4, 5, 2) of four models."""
    model = toy.ToyModel(5, 2, n_instances=4, seed=3)
    toy.train_toy(model, 0.05, steps=700, batch=256)
    return model.W.detach().numpy()


def simplex(n):
    """n unit vectors in n - 1 dimensions with equal angles: the corners of a triangle, a tetrahedron, …"""
    centred = np.eye(n) - 1 / n
    directions = centred @ np.linalg.svd(centred)[2][: n - 1].T
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def star(n):
    angles = 2 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


def test_features_are_on_with_their_probability_and_uniform_when_on():
    x = toy.sample_features((200_000, 2), torch.tensor([0.1, 0.6]), seed=1).numpy()
    assert np.allclose((x > 0).mean(0), [0.1, 0.6], atol=0.005)
    for column in x.T:
        assert np.allclose(np.quantile(column[column > 0], [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02)


def test_low_raises_the_smallest_value_and_keeps_the_probability():
    x = toy.sample_features((100_000, 1), 0.3, seed=1, low=0.7).numpy()
    assert x[x > 0].min() >= 0.7 and x.max() <= 1 and abs((x > 0).mean() - 0.3) < 0.01


def test_correlated_pairs_are_on_together_with_independent_values():
    x = toy.sample_together((100_000, 4), 0.3, seed=1).numpy()
    assert ((x[:, 0] > 0) == (x[:, 1] > 0)).all() and abs((x > 0).mean() - 0.3) < 0.01
    assert abs(((x[:, 0] > 0) & (x[:, 2] > 0)).mean() - 0.09) < 0.01
    both = x[x[:, 0] > 0]
    assert abs(np.corrcoef(both[:, 0], both[:, 1])[0, 1]) < 0.02


def test_anticorrelated_pairs_are_never_on_together_and_keep_their_probability():
    x = toy.sample_apart((100_000, 4), 0.4, seed=1).numpy()
    assert not ((x[:, 0] > 0) & (x[:, 1] > 0)).any()
    assert np.allclose((x > 0).mean(0), 0.4, atol=0.01)
    assert np.allclose(x.sum(0) / (x > 0).sum(0), 0.5, atol=0.01) and x.max() <= 1


def test_signed_features_have_both_signs_equally_often():
    x = toy.sample_signed((100_000,), 0.2, seed=1).numpy()
    assert abs((x > 0).mean() - 0.1) < 0.005 and abs((x < 0).mean() - 0.1) < 0.005
    assert abs(np.abs(x[x != 0]).mean() - 0.5) < 0.01


def test_a_sparsity_of_one_is_refused_with_its_likely_cause():
    with pytest.raises(ValueError, match="is it the sparsity"):
        toy.sample_features((3, 2), 0.0)
    with pytest.raises(ValueError, match="at most 0.5"):
        toy.sample_apart((3, 2), 0.6)
    with pytest.raises(ValueError, match="even number"):
        toy.sample_together((3, 5), 0.1)
    with pytest.raises(ValueError, match="d_hidden is 0"):
        toy.ToyModel(3, 0)


def test_the_model_multiplies_by_its_directions_and_back():
    model = toy.ToyModel(3, 2)
    with torch.no_grad():
        model.W.copy_(torch.tensor([[[1.0, 0], [0, 2], [-1, 0]]]))
        model.b.copy_(torch.tensor([[0.5, 0, 0]]))
    # x = (1, 1, 2): hidden (1 - 2, 2); read back (-1 + 0.5, 4, 1), the first of which the ReLU cuts off
    x = torch.tensor([[[1.0, 1, 2]]])
    assert model.hidden(x).tolist() == [[[-1, 2]]]
    assert model(x).tolist() == [[[0, 4, 1]]]
    model.relu = False
    assert model(x).tolist() == [[[-0.5, 4, 1]]]


def test_neurons_are_cut_off_and_an_absolute_value_takes_two():
    x = torch.tensor([[[-0.5], [0.25]]])
    model = toy.AbsModel(1, 2)
    with torch.no_grad():
        model.W.copy_(torch.tensor([[[1.0, -1.0]]]))
        model.W_out.copy_(torch.tensor([[[1.0], [1.0]]]))
    assert model(x).tolist() == [[[0.5], [0.25]]]
    assert toy.toy_losses(model, x).item() == 0


def test_the_loss_weighs_features_by_importance_and_samples_by_weight():
    model = toy.ToyModel(2, 1)
    with torch.no_grad():
        model.W.zero_()
    x = torch.tensor([[[1.0, 2.0], [3.0, 0.0]]])
    # nothing is represented: the errors are the squares (1, 4) and (9, 0)
    assert toy.toy_losses(model, x, [1.0, 10.0]).item() == pytest.approx((1 + 40 + 9 + 0) / 2)
    assert toy.toy_losses(model, x, 1.0, torch.tensor([[0.75, 0.25]])).item() == pytest.approx(0.75 * 5 + 0.25 * 9)


def test_instances_do_not_touch_each_other():
    together, alone = toy.ToyModel(4, 2, n_instances=3, seed=5), toy.ToyModel(4, 2, n_instances=1, seed=0)
    with torch.no_grad():
        alone.W.copy_(together.W[1:2])
    x = toy.sample_features((3, 64, 4), 0.3, seed=2)
    toy.toy_losses(together, x).sum().backward()
    toy.toy_losses(alone, x[1:2]).sum().backward()
    assert torch.allclose(together.W.grad[1:2], alone.W.grad, atol=1e-7)


def test_the_same_seed_trains_the_same_model():
    runs = [toy.ToyModel(3, 2, seed=4) for _ in range(2)]
    logs = [toy.train_toy(model, 0.2, steps=20, batch=32) for model in runs]
    assert torch.equal(runs[0].W, runs[1].W) and (logs[0] == logs[1]).all()


@pytest.mark.parametrize(
    "W, share",
    [
        (np.eye(3), 1),
        (np.array([[1.0, 0], [-1, 0]]), 1 / 2),  # an antipodal pair
        (simplex(3), 2 / 3),
        (simplex(4), 3 / 4),
        (star(5), 2 / 5),
        (7 * star(5), 2 / 5),  # whatever the length
    ],
)
def test_equal_directions_share_their_dimensions_equally(W, share):
    assert np.allclose(toy.feature_dimensionality(W), share)


def test_dimensionality_is_what_the_paper_writes_and_zero_for_a_missing_feature():
    W = np.random.default_rng(0).normal(size=(2, 6, 3))
    W[0, 2] = 0
    for model, share in zip(W, toy.feature_dimensionality(W), strict=True):
        for i in (0, 1, 3, 4, 5):
            unit = model[i] / np.linalg.norm(model[i])
            assert share[i] == pytest.approx(model[i] @ model[i] / sum((unit @ row) ** 2 for row in model))
    assert toy.feature_dimensionality(W)[0, 2] == 0
    assert (toy.feature_dimensionality(W).sum(axis=1) <= 3 + 1e-9).all()


def test_groups_are_the_polygons_a_model_is_made_of():
    W = np.zeros((9, 5))
    W[[0, 3, 6], :2] = simplex(3)
    W[[1, 4], 2] = 1, -1
    W[7, 3] = 1
    W[8, 4] = 0.4  # too short to count
    found = {tuple(group.features): group.n_dims for group in toy.feature_groups(W)}
    assert found == {(0, 3, 6): 2, (1, 4): 1, (7,): 1}
    assert toy.feature_groups(np.zeros((3, 2))) == []


def closed_form_losses(feature_probability, importance):
    """Losses of three solutions for two features in one dimension, importances 1 and `importance`: array (3, …).

    Values are uniform in [0, 1], so a feature that is only guessed by its mean costs its variance, p/3 - p^2/4:
        not represented  W = (1, 0):   importance (p/3 - p^2/4)
        orthogonal       W = (0, 1):   p/3 - p^2/4                  the second feature has the dimension to itself
        superposed       W = (1, -1):  (1 + importance) p^2 / 6     E min(x_1, x_2)^2 = p^2 / 6 for either
    """
    p, importance = np.broadcast_arrays(np.asarray(feature_probability, float), np.asarray(importance, float))
    variance = p / 3 - p**2 / 4
    return np.stack([importance * variance, variance, (1 + importance) * p**2 / 6])


@pytest.mark.parametrize("p, importance", [(0.2, 0.3), (0.4, 1.0), (1.0, 3.0)])
def test_closed_forms_are_the_average_losses_of_their_solutions(p, importance):
    model = toy.ToyModel(2, 1, n_instances=3)
    with torch.no_grad():
        model.W.copy_(torch.tensor([[[1.0], [0]], [[0], [1]], [[1], [-1]]]))
        model.b.copy_(torch.tensor([[0.0, p / 2], [p / 2, 0], [0, 0]]))
    x = toy.sample_features((1, 400_000, 2), p, seed=7).expand(3, -1, -1)
    measured = toy.toy_losses(model, x, [1.0, importance]).detach().numpy()
    assert np.allclose(measured, closed_form_losses(p, importance), rtol=0.03)


def test_all_cases_are_a_probability_and_integrate_squares_exactly():
    x, weight = toy.all_cases(3, torch.tensor([0.2, 0.7]), low=0.4)
    assert torch.allclose(weight.sum(1), torch.ones(2))
    second_moment = (weight[..., None] * x**2).sum(1)  # p (1 - low^3) / (3 (1 - low))
    assert torch.allclose(second_moment, torch.tensor([[0.2], [0.7]]) * (1 - 0.4**3) / 1.8)


def test_the_expected_loss_is_the_mean_over_samples():
    model = toy.ToyModel(3, 2, seed=1)
    x, weight = toy.all_cases(3, torch.tensor([0.3]))
    sampled = toy.toy_losses(model, toy.sample_features((1, 400_000, 3), 0.3))
    assert toy.toy_losses(model, x, 1.0, weight).item() == pytest.approx(sampled.item(), rel=0.01)


def test_five_rare_features_in_the_plane_become_a_pentagon(pentagons):
    assert (np.abs(toy.feature_dimensionality(pentagons) - 2 / 5) < 0.02).all()
    assert (np.linalg.norm(pentagons, axis=2) > 0.9).all()


def test_three_features_of_nearly_equal_size_become_a_triangle_and_others_a_pair_and_one():
    shares = []
    for low in (0.7, 0.0):
        model = toy.ToyModel(3, 2, n_instances=12, seed=0)
        loss = toy.train_toy_exactly(model, 0.1, steps=500, low=low)[-1]
        shares.append(np.sort(toy.feature_dimensionality(model.W)[loss.argmin()]))
    assert np.allclose(shares[0], 2 / 3, atol=0.02)
    assert np.allclose(shares[1], [1 / 2, 1 / 2, 1], atol=0.02)


def test_the_phase_diagram_agrees_with_the_closed_forms_where_they_are_clear():
    p, importance = np.array([0.05, 0.2, 0.8]), np.array([0.2, 1.0, 5.0])
    diagram = toy.phase_diagram(p, importance, restarts=6, steps=500)
    losses = closed_form_losses(p, importance[:, None])
    best, second = np.sort(losses, axis=0)[:2]
    clear = second > 1.05 * best
    assert clear.sum() >= 7
    assert (diagram.kind == losses.argmin(axis=0))[clear].all()
    assert (diagram.loss[clear] < 1.05 * best[clear]).all()


def test_a_linear_output_cannot_gain_from_superposition():
    model = toy.ToyModel(4, 2, n_instances=3, relu=False, seed=2)
    loss = toy.train_toy(model, 0.1, steps=600, batch=512)[-1]
    x = toy.sample_features((1, 100_000, 4), 0.1, seed=9).expand(3, -1, -1)
    variance = 0.1 / 3 - 0.1**2 / 4
    assert np.isfinite(loss).all()
    # two of four dimensions are lost, whatever the directions: the loss of PCA on uncorrelated features
    assert toy.toy_losses(model, x).detach().numpy() == pytest.approx(2 * variance, rel=0.05)
