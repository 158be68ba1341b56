"""One definition per metric; the same functions score LASSO codes, PCA and SAEs.

x, x_hat are (n, d) data and reconstructions, latents (n, d_sae) codes; NumPy arrays and torch tensors
both work, in float32 or wider: sums of float16 overflow.
Everything is pooled over the rows it is given; an average of per-batch values is another number. Cross-entropies are in
nats per token.
"""


def explained_variance(x, x_hat):
    """Fraction of the variance of x that x_hat explains: 1 - sum (x - x_hat)^2 / sum (x - mean(x))^2.

    x, x_hat: (n, d). 1 is exact, 0 no better than predicting the mean, negative is worse. The mean is per column.
    """
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()


def r2_uncentred(x, x_hat):
    """1 - sum (x - x_hat)^2 / sum x^2: credits a reconstruction for the mean too, so it flatters data far from 0."""
    return 1 - ((x - x_hat) ** 2).sum() / (x**2).sum()


def mse(x, x_hat):
    """Mean over rows of the squared error summed over dimensions: sum (x - x_hat)^2 / n."""
    return ((x - x_hat) ** 2).sum() / len(x)


def l0(latents):
    """Mean number of non-zero latents per row (a count, not a fraction)."""
    return (latents != 0).sum() / len(latents)


def latent_density(latents):
    """Fraction of rows on which each latent is non-zero, (d_sae,)."""
    return (latents != 0).sum(0) / len(latents)


def dead_fraction(density):
    """Fraction of latents whose density is zero on the rows that were measured."""
    return (density == 0).sum() / len(density)


def utilization(density):
    """Fraction of latents that are non-zero at least once on the rows that were measured: 1 - dead_fraction."""
    return (density > 0).sum() / len(density)


def hoyer(latents):
    """Mean of ||f||_1 / ||f||_2 over the rows that are not all zero: 1 if one-sparse, sqrt(d_sae) if flat."""
    l1, l2 = abs(latents).sum(-1), (latents**2).sum(-1) ** 0.5
    return (l1[l2 > 0] / l2[l2 > 0]).mean()


def ce_loss_recovered(ce_clean, ce_recon, ce_baseline):
    """(ce_baseline - ce_recon) / (ce_baseline - ce_clean): 1 if splicing costs nothing, 0 if it costs what the baseline
    costs.

    Name the baseline wherever this is printed: zeros and the mean give different numbers, and both can be worse than
    guessing.
    """
    return (ce_baseline - ce_recon) / (ce_baseline - ce_clean)


def ce_increase_share(ce_clean, ce_recon, ce_unigram):
    """(ce_recon - ce_clean) / (ce_unigram - ce_clean): the cost of splicing as a share of what the model knows beyond
    word counts."""
    return (ce_recon - ce_clean) / (ce_unigram - ce_clean)
