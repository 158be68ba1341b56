"""Patches, whitening and Gabor fits against known covariances, exact round trips and Gabors with known parameters."""

import numpy as np
import pytest

from saekit import images, synthetic


@pytest.fixture(scope="module")
def picture():
    return images.photographs()[0][:60, :80]


def test_photographs_are_grey_between_zero_and_one():
    for image in images.photographs():
        assert image.shape == (427, 640) and 0 <= image.min() < 0.1 and 0.8 < image.max() <= 1


def test_every_random_patch_is_a_window_of_an_image(picture):
    patches = images.random_patches([picture, picture[::-1]], 7, 20, seed=3)
    windows = {patch.tobytes() for image in (picture, picture[::-1]) for patch in images.all_patches(image, 7)}
    assert patches.shape == (20, 49) and all(patch.tobytes() in windows for patch in patches)
    np.testing.assert_array_equal(patches, images.random_patches([picture, picture[::-1]], 7, 20, seed=3))


def test_all_patches_by_hand():
    image = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(images.all_patches(image, 2), [[0, 1, 3, 4], [1, 2, 4, 5]])


def test_averaging_all_patches_gives_the_image_back(picture):
    np.testing.assert_allclose(images.average_patches(images.all_patches(picture, 8), picture.shape), picture)


def test_averaging_divides_by_the_number_of_patches_that_cover_a_pixel():
    averaged = images.average_patches(np.array([[0.0, 1, 2, 3], [10, 11, 12, 13]]), (2, 3))
    np.testing.assert_allclose(averaged, [[0, 5.5, 11], [2, 7.5, 13]])


def test_whitened_patches_have_unit_covariance_and_come_back(picture):
    x = images.all_patches(picture, 5)
    white = images.zca_whitening(x, keep=1.0)
    x_white = (x - white.mean) @ white.matrix
    np.testing.assert_allclose(np.cov(x_white, rowvar=False), np.eye(25), atol=1e-6)
    np.testing.assert_allclose(x_white @ white.inverse + white.mean, x, atol=1e-9)


def test_partial_whitening_keeps_the_asked_share_and_projects_out_the_rest(picture):
    x = images.all_patches(picture, 5)
    white = images.zca_whitening(x, keep=0.9)
    kept = np.linalg.eigvalsh(np.cov((x - white.mean) @ white.matrix, rowvar=False))
    back = (x - white.mean) @ white.matrix @ white.inverse + white.mean
    explained = 1 - ((x - back) ** 2).sum() / ((x - white.mean) ** 2).sum()
    assert set(kept.round(6)) == {0, 1} and 0.9 <= explained
    fewer = np.sort(np.linalg.eigvalsh(np.cov(x, rowvar=False)))[::-1][:int(kept.round().sum()) - 1]
    assert fewer.sum() < 0.9 * np.trace(np.cov(x, rowvar=False))


@pytest.mark.parametrize("keep", [0.5, 1.0])
def test_whitening_is_the_symmetric_root(picture, keep):
    matrix = images.zca_whitening(images.all_patches(picture, 4), keep).matrix
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-9)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def gabors(n=12, seed=0):
    rng = np.random.default_rng(seed)
    return [{"orientation": rng.uniform(0.1, 3.0), "frequency": rng.uniform(0.1, 0.3), "phase": rng.uniform(-3, 3),
             "width": rng.uniform(1.3, 2.5), "length": rng.uniform(1.5, 3), "center": tuple(rng.uniform(4, 8, 2))}
            for _ in range(n)]


def test_gabor_fit_finds_the_parameters_that_made_an_atom():
    truth = gabors()
    fits = images.gabor_fit([images.gabor(13, **one) for one in truth])
    np.testing.assert_allclose(fits.r2, 1, atol=1e-6)
    for name in ("orientation", "frequency", "width", "length"):
        np.testing.assert_allclose(getattr(fits, name), [one[name] for one in truth], rtol=0.02, atol=0.02)
    np.testing.assert_allclose(np.column_stack([fits.x, fits.y]), [one["center"] for one in truth], atol=0.05)
    np.testing.assert_allclose(np.cos(fits.phase - [one["phase"] for one in truth]), 1, atol=1e-3)


def test_a_gabor_by_hand():
    patch = images.gabor(3, orientation=0, frequency=0.25, phase=0, width=1, length=2).reshape(3, 3)
    assert patch[1, 1] == 1  # centre
    assert patch[1, 2] == pytest.approx(0)  # a quarter wave along the row
    assert patch[0, 1] == pytest.approx(np.exp(-1 / 8))  # one pixel down: exp(-1 / (2 * 2^2)), same phase


def test_fit_quality_falls_with_noise_as_the_variances_say():
    atoms = np.array([images.gabor(13, **one) for one in gabors()])
    noise = np.random.default_rng(1).standard_normal(atoms.shape)
    noise *= np.linalg.norm(atoms, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    r2 = images.gabor_fit(atoms + 0.5 * noise).r2  # 1 / (1 + 0.25) = 0.8 of the variance is Gabor
    assert abs(r2.mean() - 0.8) < 0.06


def test_random_atoms_are_not_gabors():
    assert images.gabor_fit(synthetic.random_dictionary(10, 144, seed=0)).r2.max() < 0.4


@pytest.mark.parametrize("call, message", [
    (lambda: images.random_patches([np.eye(9)], 10, 5), r"size=10 does not fit an image of shape \(9, 9\)"),
    (lambda: images.all_patches(np.ones((9, 9)), 4), "image is constant"),
    (lambda: images.all_patches(np.ones((9, 9, 3)), 4), "expected a grey image"),
    (lambda: images.all_patches(np.full((9, 9), np.nan), 4), "without NaN"),
    (lambda: images.random_patches([np.eye(9)], 3, 0), "n is 0"),
    (lambda: images.random_patches([], 3, 5), "images is empty"),
    (lambda: images.zca_whitening(np.ones((50, 4))), "x does not vary"),
    (lambda: images.zca_whitening(np.eye(4), keep=0), "keep is 0"),
    (lambda: images.average_patches(np.ones((4, 9)), (5, 5)), r"expected \(9, 9\)"),
    (lambda: images.gabor_fit(np.ones((2, 10))), r"expected \(n_atoms, size\^2\)"),
    (lambda: images.gabor_fit(np.ones((2, 16))), "atom 0 is constant"),
    (lambda: images.gabor(0, 0, 0.1, 0, 1, 1), "size is 0"),
    (lambda: images.gabor(5, 0, 0.1, 0, 0, 1), "width=0"),
])
def test_bad_input_names_the_argument_and_the_cause(call, message):
    with pytest.raises(ValueError, match=message):
        call()
