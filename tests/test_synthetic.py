"""Generated data obey the law their docstrings state."""

import numpy as np
import pytest

from saekit import synthetic


def test_random_atoms_have_unit_length_and_no_preferred_direction():
    D = synthetic.random_dictionary(20_000, 3, seed=0)
    np.testing.assert_allclose((D ** 2).sum(axis=1), 1)
    np.testing.assert_allclose(D.T @ D / len(D), np.eye(3) / 3, atol=0.01)


def test_cosines_follow_their_formula_and_are_orthonormal():
    D = synthetic.dct_dictionary(8)
    row = np.sqrt(2 / 8) * np.cos(np.pi * 3 * (np.arange(8) + 0.5) / 8)
    np.testing.assert_allclose(D[3], row, atol=1e-12)
    np.testing.assert_allclose(D @ D.T, np.eye(8), atol=1e-12)


def test_a_spike_takes_every_cosine_to_code():
    D = synthetic.spikes_dct(16)
    assert D.shape == (32, 16)
    assert (np.abs(D[16:] @ D[5]) > 1e-3).sum() == 16


def test_codes_have_exactly_k_nonzeros_of_the_stated_size():
    z = synthetic.sparse_codes(500, 20, 3, seed=1)
    assert ((z != 0).sum(axis=1) == 3).all()
    assert 0.5 <= np.abs(z[z != 0]).min() and np.abs(z).max() <= 2
    assert 0.4 < (z[z != 0] > 0).mean() < 0.6
    np.testing.assert_allclose((z != 0).mean(axis=0), 3 / 20, atol=0.06)


def test_positive_codes_are_never_negative():
    assert synthetic.sparse_codes(50, 20, 3, positive=True).min() == 0


def test_adversarial_codes_raise_a_decoy_above_what_random_codes_raise():
    D, k = synthetic.spikes_dct(64), 4

    def temptation(z):
        outside = np.where(z == 0, np.abs(z @ D @ D.T), 0).max(axis=1)
        return (outside / np.abs(z).sum(axis=1)).mean()

    adversarial = synthetic.adversarial_codes(D, 30, k, seed=0)
    assert ((adversarial != 0).sum(axis=1) == k).all()
    fewer = synthetic.adversarial_codes(np.eye(4), 6, 3)  # no atom correlates with the decoy
    assert ((fewer != 0).sum(axis=1) == 3).all()
    # all k contributions add up, so the decoy collects nearly k mu of the k it could, mu = sqrt(2/64) = 0.177
    assert temptation(adversarial) > 0.17 > 1.3 * temptation(synthetic.sparse_codes(30, 128, k))


def test_planted_samples_carry_the_stated_noise():
    x, D, z = synthetic.planted(3000, d_in=10, n_atoms=15, k=2, noise=0.05, seed=3)
    ratio = np.linalg.norm(x - z @ D) / np.linalg.norm(z @ D)
    assert ratio == pytest.approx(0.05, rel=0.02)


def test_same_seed_same_data_and_other_seed_other_data():
    one, again, other = (synthetic.planted(20, seed=seed).x for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.1


def test_clicks_and_tones_take_eight_atoms_of_the_union_and_hundreds_of_either_basis():
    sound = synthetic.clicks_and_tones(n_frames=8, d=256, n_clicks=4, n_tones=4, seed=0)
    cosines = synthetic.dct_dictionary(256)
    assert ((sound.clicks != 0).sum(axis=1) == 4).all()
    assert ((np.abs(sound.tones @ cosines.T) > 1e-9).sum(axis=1) == 4).all()
    assert (np.abs(sound.x) > 1e-3).sum(axis=1).min() > 200
    assert (np.abs(sound.x @ cosines.T) > 1e-3).sum(axis=1).min() > 200


def test_tones_do_not_jump_between_the_frames_of_a_chord():
    tones = synthetic.clicks_and_tones(n_frames=4, d=1024, seed=1).tones.ravel()
    joints = np.abs(np.diff(tones))[[1023, 2047, 3071]]
    assert joints.max() <= np.abs(np.diff(tones)).max() and (joints < 0.05).all()


@pytest.mark.parametrize("call, message", [
    (lambda: synthetic.sparse_codes(5, 4, 6), "k=6 non-zeros asked of 4 atoms"),
    (lambda: synthetic.sparse_codes(0, 4, 2), "n is 0"),
    (lambda: synthetic.random_dictionary(3, 2.5), "d_in is 2.5"),
    (lambda: synthetic.planted(10, noise=-1), "noise is -1"),
    (lambda: synthetic.planted(10, noise=float("nan")), "noise is nan"),
    (lambda: synthetic.adversarial_codes(np.eye(3), 2, 3), "outside the support"),
    (lambda: synthetic.clicks_and_tones(d=16, n_tones=9), "do not fit a frame"),
])
def test_bad_input_names_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_child_never_comes_without_its_parent_and_never_with_a_sibling():
    data = synthetic.hierarchy(20_000, n_parents=3, n_children=4, d_in=20, seed=2)
    on = data.z > 0
    for feature, parent in enumerate(data.parent):
        assert parent < 0 or on[on[:, feature], parent].all()
    children = on[:, 3:].reshape(-1, 3, 4)
    assert children.sum(2).max() == 1
    np.testing.assert_allclose(on[:, :3].mean(0), 0.15, atol=0.015)
    np.testing.assert_allclose(children.mean(0), 0.15 * 0.75 / 4, atol=0.006)
    np.testing.assert_allclose(data.D @ data.D.T, np.eye(15), atol=1e-12)
    assert np.abs(data.x - data.z @ data.D).std() == pytest.approx(0.006, abs=0.002)  # half-normal of 0.01


def test_more_orthogonal_features_than_dimensions_are_an_error():
    with pytest.raises(ValueError, match="40 orthogonal features in d_in=32"):
        synthetic.hierarchy(10, d_in=32)
