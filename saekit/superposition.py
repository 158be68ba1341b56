"""Toy models of superposition: how a layer stores more features than it has dimensions.

    hidden = x @ W,   x_hat = relu(hidden @ W^T + b),   loss = mean over samples of sum_i importance_i (x_i - x_hat_i)^2

Many models train side by side, one per instance, in one batched product.
    x (n_instances, batch, n_features): features, each non-zero with feature_probability p (sparsity is 1 - p);
    W (n_instances, n_features, d_hidden): row W[k, i] is the direction of feature i in model k;
    b (n_instances, n_features).
    ToyModel(n_features, d_hidden, n_instances, relu, seed);  sample_features(shape, feature_probability, seed);
    train_toy(model, feature_probability, importance, steps, batch, sample);  feature_dimensionality(W).
Elhage et al. (2022), "Toy Models of Superposition"; capacity: Scherlis et al. (2022).
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components
from torch import nn

from saekit import progress
from saekit.geometry import unit_norm
from saekit.synthetic import check_sizes

LEARNING_RATE = 1e-2  # Adam's; falls to zero along half a cosine
N_NODES = 6           # per feature, in the quadrature of the expected loss
KINDS = ("not represented", "orthogonal", "superposed")  # what becomes of the second of two features in one dimension


class ToyModel(nn.Module):
    """x_hat = relu(x W W^T + b) for n_instances models at once; relu=False leaves the output linear.
    ValueError unless the sizes are whole numbers of at least 1."""

    def __init__(self, n_features, d_hidden, n_instances=1, relu=True, seed=0):
        super().__init__()
        check_sizes(n_features=n_features, d_hidden=d_hidden, n_instances=n_instances)
        self.relu, self.seed = relu, seed
        self.W = nn.Parameter(self._draw(n_instances, n_features, d_hidden))
        self.b = nn.Parameter(torch.zeros(n_instances, n_features))

    def _draw(self, n_instances, rows, columns):
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randn(n_instances, rows, columns, generator=generator) * (2 / (rows + columns)) ** 0.5

    def hidden(self, x):
        """What the model stores: x (n_instances, batch, n_features) -> (n_instances, batch, d_hidden)."""
        return torch.bmm(x, self.W)

    def readout(self):
        """The matrix that reads the features back, (n_instances, d_hidden, n_features)."""
        return self.W.mT

    def forward(self, x):
        pre_acts = torch.baddbmm(self.b[:, None], self.hidden(x), self.readout())
        return torch.relu(pre_acts) if self.relu else pre_acts

    def target(self, x):
        """What x_hat is compared with."""
        return x


class NeuronModel(ToyModel):
    """x_hat = relu(relu(x W) W^T + b): the hidden units are neurons, so their axes are special."""

    def hidden(self, x):
        return torch.relu(super().hidden(x))


class AbsModel(NeuronModel):
    """y_hat = relu(relu(x W) W_out + b), trained to compute |x|; W_out (n_instances, d_hidden, n_features) is free."""

    def __init__(self, n_features, d_hidden, n_instances=1, seed=0):
        super().__init__(n_features, d_hidden, n_instances, seed=seed)
        self.W_out = nn.Parameter(self._draw(n_instances, n_features, d_hidden).mT.contiguous())

    def readout(self):
        return self.W_out

    def target(self, x):
        return x.abs()


def sample_features(shape, feature_probability, seed=0, low=0.0):
    """x_i = 0 with probability 1 - p, else uniform in [low, 1], all independent; shape (…, n_features).

    feature_probability: p in (0, 1], a number or an array that broadcasts against shape (p[:, None, None]: one per
    model). seed: an integer or a torch.Generator. ValueError for any other p.
    """
    p, u = _probability(feature_probability), torch.rand(shape, generator=_generator(seed))
    return torch.where(u < p, low + (1 - low) * u / p, 0.0)  # below p, u / p is again uniform: one draw decides both


def sample_signed(shape, feature_probability, seed=0):
    """Features uniform in [-1, 1] where non-zero, with probability p; else as sample_features. ValueError unless
    0 < p <= 1."""
    p, u = _probability(feature_probability), 2 * torch.rand(shape, generator=_generator(seed)) - 1
    return torch.where(u.abs() < p, u / p, 0.0)


def sample_together(shape, feature_probability, seed=0):
    """Correlated pairs: features 2j and 2j + 1 are non-zero in the same samples, with independent values. ValueError
    unless 0 < p <= 1 and n_features is even."""
    p, generator = _probability(feature_probability), _generator(seed)
    on = torch.rand(_pairs(shape), generator=generator) < p
    return torch.where(on.repeat_interleave(2, dim=-1), torch.rand(shape, generator=generator), 0.0)


def sample_apart(shape, feature_probability, seed=0):
    """Anti-correlated pairs: of features 2j and 2j + 1 at most one is non-zero, each with probability p <= 1/2.
    ValueError unless 0 < p <= 1/2 and n_features is even."""
    p = _probability(feature_probability)
    if (p > 0.5).any():
        raise ValueError(f"feature_probability is {p.max():.3g}, expected at most 0.5: two features that exclude each "
                         "other cannot both be on more than half of the time")
    u = torch.rand(_pairs(shape), generator=_generator(seed))
    first, second = torch.where(u < p, u / p, 0.0), torch.where((u >= p) & (u < 2 * p), u / p - 1, 0.0)
    return torch.stack([first, second], dim=-1).flatten(-2)


def toy_losses(model, x, importance=1.0, weight=None):
    """Loss per instance (n_instances,): mean over the batch, sum over features of importance_i (target_i - x_hat_i)^2.

    importance: broadcasts to (n_instances, n_features). weight (n_instances, batch), rows summing to 1: replaces the
    mean over the batch by a weighted one.
    """
    error = (model(x) - model.target(x)).square()  # (n_instances, batch, n_features)
    error = error.mean(dim=1) if weight is None else torch.bmm(weight[:, None], error)[:, 0]
    return (torch.as_tensor(importance, dtype=error.dtype) * error).sum(dim=1)


def train_toy(model, feature_probability, importance=1.0, steps=2000, batch=1024, sample=sample_features):
    """Train all instances with Adam on fresh samples; returns the log of losses, a row (n_instances,) per 50 steps.

    feature_probability: a number or one per instance (n_instances,). importance: broadcasts to (n_instances,
    n_features). sample(shape, p, generator): how features are drawn. Equal seeds of the model give equal results.
    ValueError unless 0 < p <= 1 and steps and batch are whole numbers of at least 1.
    """
    check_sizes(steps=steps, batch=batch)
    n_instances, n_features = model.b.shape
    p = _probability(feature_probability).expand(n_instances)[:, None, None]
    generator = torch.Generator().manual_seed(model.seed + 1)

    def fresh_losses():
        return toy_losses(model, sample((n_instances, batch, n_features), p, generator), importance)

    return _descend(model, fresh_losses, steps)


def train_toy_exactly(model, feature_probability, importance=1.0, steps=1000, low=0.0):
    """Train on the expected loss itself instead of samples (few features only); returns the log as train_toy does.

    Values are uniform in [low, 1]. No noise, so two solutions of almost equal loss can be told apart. ValueError unless
    0 < p <= 1.
    """
    n_instances, n_features = model.b.shape
    x, weight = all_cases(n_features, _probability(feature_probability).expand(n_instances), low)
    return _descend(model, lambda: toy_losses(model, x, importance, weight), steps)


def all_cases(n_features, feature_probability, low=0.0):
    """Cases x (n_instances, cases, n_features) and their probabilities (n_instances, cases): a quadrature rule.

    A feature is off or takes one of N_NODES Gauss-Legendre nodes of [low, 1]; feature_probability is (n_instances,).
    ValueError unless 0 < p <= 1.
    """
    p = _probability(feature_probability)[:, None]
    nodes, lengths = torch.tensor(np.array(np.polynomial.legendre.leggauss(N_NODES)), dtype=torch.float32) / 2
    values = torch.cat([torch.zeros(1), low + (1 - low) * (nodes + 0.5)])
    case = torch.cartesian_prod(*[torch.arange(N_NODES + 1)] * n_features).reshape(-1, n_features)
    return values[case].expand(len(p), -1, -1), torch.cat([1 - p, p * lengths], dim=1)[:, case].prod(dim=2)


def _descend(model, losses, steps):
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    log = []
    for step in progress.bar(range(steps), desc="train toy models", leave=False):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * (1 + np.cos(np.pi * step / steps)) / 2
        now = losses()
        optimizer.zero_grad()
        now.sum().backward()  # instances share nothing: each receives the gradient of its own loss
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            log.append(now.detach())
    return torch.stack(log).numpy()


def best_restart(model, feature_probability, restarts, importance=1.0, sample=sample_features):
    """Weights (n_settings, n_features, d_hidden) of the best of `restarts` runs per setting, judged on fresh samples.

    The model's instances are the settings, the whole list of them repeated `restarts` times, as np.tile makes it.
    ValueError unless 0 < p <= 1.
    """
    n_instances, n_features = model.b.shape
    p = _probability(feature_probability).expand(n_instances)[:, None, None]
    with torch.no_grad():
        loss = toy_losses(model, sample((n_instances, 4096, n_features), p, model.seed + 2), importance)
    best = loss.reshape(restarts, -1).argmin(dim=0)
    settings = torch.arange(len(best))
    return _as_numpy(model.W.reshape(restarts, len(best), n_features, -1)[best, settings])


def feature_dimensionality(W):
    """Share of a dimension that each feature has to itself: D_i = ||W_i||^4 / sum_j <W_i, W_j>^2, in [0, 1].

    W (…, n_features, d_hidden) -> (…, n_features); 0 for a row of zeros. Elhage et al. write it with W_i / ||W_i||;
    Scherlis et al. call it capacity. The sum over features is at most d_hidden.
    """
    W = _as_numpy(W)
    gram = W @ W.swapaxes(-1, -2)
    own = (W * W).sum(-1)
    return own**2 / np.maximum((gram**2).sum(-1), np.finfo(float).tiny)


class Group(NamedTuple):
    """Features that share dimensions: their indices, and the number of dimensions they span together."""

    features: np.ndarray
    n_dims: int


def feature_groups(W, min_norm=0.5, min_cosine=0.1):
    """Split the represented features of one model, W (n_features, d_hidden), into groups orthogonal to one another.

    Represented: ||W_i|| > min_norm. Two features are neighbours when |cosine| > min_cosine; a group is a connected
    component, and its dimensions are counted by the singular values above a tenth of the largest.
    """
    W = _as_numpy(W)
    kept = np.flatnonzero(np.linalg.norm(W, axis=1) > min_norm)
    if len(kept) == 0:
        return []
    unit = unit_norm(W[kept])
    n_groups, labels = connected_components(np.abs(unit @ unit.T) > min_cosine, directed=False)
    groups = []
    for label in range(n_groups):
        sizes = np.linalg.svd(unit[labels == label], compute_uv=False)
        groups.append(Group(kept[labels == label], int((sizes > 0.1 * sizes[0]).sum())))
    return groups


class PhaseDiagram(NamedTuple):
    """kind (n_importances, n_probabilities): index into KINDS of the best run; its weights W (…, 2) and its loss."""

    kind: np.ndarray
    W: np.ndarray
    loss: np.ndarray


def phase_diagram(feature_probability, importance, restarts=4, steps=1000, seed=0):
    """Train two features in one dimension in every cell of importance x feature_probability (both 1-D, first is 1).

    All cells and restarts train at once, on the expected loss. The best restart counts: a run can stop in a local
    minimum. A feature is represented when its |weight| exceeds 0.5. ValueError unless 0 < feature_probability <= 1.
    """
    p = torch.as_tensor(np.tile(feature_probability, len(importance) * restarts), dtype=torch.float32)
    second = torch.as_tensor(np.tile(np.repeat(importance, len(feature_probability)), restarts), dtype=torch.float32)
    model = ToyModel(2, 1, len(p), seed=seed)
    loss = train_toy_exactly(model, p, torch.stack([torch.ones_like(second), second], dim=1), steps)[-1]
    grid = (restarts, len(importance), len(feature_probability))
    best = loss.reshape(grid).argmin(0)[None]
    W = np.take_along_axis(_as_numpy(model.W).reshape(*grid, 2), best[..., None], 0)[0]
    first_in, second_in = (np.abs(W) > 0.5).transpose(2, 0, 1)
    kind = np.where(first_in & second_in, 2, np.where(np.abs(W[..., 1]) > np.abs(W[..., 0]), 1, 0))
    return PhaseDiagram(kind, W, np.take_along_axis(loss.reshape(grid), best, 0)[0])


def _probability(feature_probability):
    p = torch.as_tensor(feature_probability, dtype=torch.float32)
    if not ((p > 0) & (p <= 1)).all():
        raise ValueError(f"feature_probability holds {p.min():.3g} to {p.max():.3g}, expected values in (0, 1] "
                         "(is it the sparsity, which is 1 - p?)")
    return p


def _generator(seed):
    return seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)


def _pairs(shape):
    if shape[-1] % 2:
        raise ValueError(f"shape {tuple(shape)} has {shape[-1]} features, expected an even number: they come in pairs")
    return *shape[:-1], shape[-1] // 2


def _as_numpy(W):
    return W.detach().numpy() if hasattr(W, "detach") else np.asarray(W)
