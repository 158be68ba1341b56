"""Principal components against scikit-learn and a hand case."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as SklearnPCA

from saekit.pca import pca


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
