"""The encoder between one product and the whole search: a few steps of ISTA with learned weights (LISTA).

    z_1 = ReLU(x W_1 + b_1),      z_k = ReLU(x W_k + z_(k-1) S_k + b_k),  k = 2 … n_layers
x (n, d_in), z (n, n_atoms). With W = D^T / L, S = I - D D^T / L and b = -lam / L every layer is one step of
non-negative ISTA for 1/2 ||x - z D||^2 + lam sum z, L the largest eigenvalue of D^T D; training starts there. With one
layer it is an SAE's encoder. References: Gregor & LeCun (2010), who fit exact codes; Ablin et al. (2019), who minimise
the objective itself, as we do.
"""

import numpy as np
import torch
from torch import nn

from saekit.geometry import check_dictionary
from saekit.lasso import check_lam


class LISTA(nn.Module):
    """n_layers steps of non-negative ISTA for D (n_atoms, d_in) and lam as a network, every layer with weights of its
    own. ValueError unless D has finite, non-zero rows, lam is finite and above 0, and n_layers >= 1."""

    def __init__(self, D, lam, n_layers):
        super().__init__()
        D = torch.from_numpy(check_dictionary(D)).float()
        check_lam(lam)
        if n_layers < 1:
            raise ValueError(f"n_layers is {n_layers}; one layer is the least there is")
        L = float(torch.linalg.matrix_norm(D, 2)) ** 2
        n_atoms = len(D)
        self.register_buffer("D", D)
        self.lam = float(lam)
        self.W = nn.Parameter((D.t() / L).repeat(n_layers, 1, 1))                               # (n_layers, d_in, n_atoms)
        self.S = nn.Parameter((torch.eye(n_atoms) - D @ D.t() / L).repeat(n_layers - 1, 1, 1))  # no z before the first
        self.b = nn.Parameter(torch.full((n_layers, n_atoms), -self.lam / L))

    def forward(self, x):
        """Codes z >= 0 of the rows of x: (n, d_in) -> (n, n_atoms)."""
        z = torch.relu(x @ self.W[0] + self.b[0])
        for W, S, b in zip(self.W[1:], self.S, self.b[1:], strict=True):
            z = torch.relu(x @ W + z @ S + b)
        return z


def objective(x, D, z, lam):
    """Mean over samples of 1/2 ||x - z D||^2 + lam sum z, for tensors x (n, d_in), D (n_atoms, d_in), z (n, n_atoms) >= 0."""
    return (0.5 * (x - z @ D).square().sum(1) + lam * z.sum(1)).mean()


def train_lista(network, x, steps=2000, batch=256, lr=1e-3, seed=0):
    """Minimise the mean objective over the rows of x (n, d_in) with Adam, lr falling to 0; returns the loss per step.

    The network keeps its dictionary: only the encoder learns, and no exact code is needed. ValueError if x has fewer
    rows than a batch.
    """
    x = torch.as_tensor(np.asarray(x), dtype=torch.float32)
    if len(x) < batch:
        raise ValueError(f"x has {len(x)} samples but a batch takes {batch}")
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, fused=True)
    losses = []
    for step in range(steps):
        rows = x[torch.randint(len(x), (batch,), generator=generator)]
        optimizer.param_groups[0]["lr"] = lr * (1 - step / steps)
        optimizer.zero_grad()
        loss = objective(rows, network.D, network(rows), network.lam)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def encode(network, x):
    """Codes of x (n, d_in) as a NumPy array (n, n_atoms)."""
    with torch.inference_mode():
        return network(torch.as_tensor(np.asarray(x), dtype=torch.float32)).numpy()
