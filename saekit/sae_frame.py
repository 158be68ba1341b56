"""The frame that all sparse autoencoders share: an encoder that guesses sparse codes in one product, a decoder that is a
dictionary.

    pre_acts = (x - b_dec) @ W_enc + b_enc       latents = activate(pre_acts)       x_hat = latents @ W_dec + b_dec
    loss     = mean_batch ||x - x_hat||^2 + coeff * mean_batch (penalty of the latents) + aux
x (batch, d_in), latents (batch, d_sae), W_enc (d_in, d_sae), W_dec (d_sae, d_in) with unit rows: row i is latent i's
direction. Losses sum over dimensions and average over the batch. An architecture overrides `activate`, `penalty` or
`recon`. References: Bricken et al. 2023 (the tied pre-bias, unit rows), Gao et al. 2024 (AuxK).
"""

from typing import NamedTuple

import torch
from torch import nn


class Losses(NamedTuple):
    """Terms of a training loss, each a scalar tensor: total = recon + sparsity + aux; and what the batch showed."""

    total: torch.Tensor
    recon: torch.Tensor      # mean over the batch of ||x - x_hat||^2 (Matryoshka: mean over its prefixes too)
    sparsity: torch.Tensor   # the penalty with its coefficient (0 where the architecture has none)
    aux: torch.Tensor        # AuxK with its coefficient (0 where nothing is dead); Gated: its auxiliary reconstruction
    fired: torch.Tensor      # (d_sae,) on how many rows of the batch each latent is non-zero
    smallest: torch.Tensor   # the smallest positive latent of the batch; infinity where there is none
    missed: torch.Tensor | int = 0   # of the fast step: how many entries found no place and were left out
    entries: int = 0         # of the fast step: among how many entries it found them; 0: it was the plain one


class SAE(nn.Module):
    """The frame; seed fixes the random unit decoder and its transpose in the encoder. ValueError unless d_in and d_sae
    are at least 1 and every *_coeff is finite and not negative."""

    arch = ""
    unit_norm = True         # training keeps the rows of W_dec at length 1
    tied = False             # W_enc is W_dec's transpose and no parameter of its own
    biases = ("b_enc",)      # parameters with one number per latent that resampling sets to 0
    price = None             # which of the settings weighs the penalty
    auxk_coeff = 0.0         # weight of AuxK

    def __init__(self, d_in, d_sae, seed=0, **settings):
        super().__init__()
        if d_in < 1 or d_sae < 1:
            raise ValueError(f"d_in is {d_in} and d_sae is {d_sae}; both count columns and must be at least 1")
        self.names = tuple(settings)
        for name, value in settings.items():
            if name.endswith("_coeff") and not 0 <= value < torch.inf:
                raise ValueError(f"{name} is {value}; a penalty weight is a finite number from 0 up")
            setattr(self, name, value)
        generator = torch.Generator().manual_seed(seed)
        directions = unit_rows(torch.randn(d_sae, d_in, generator=generator))
        self.W_dec = nn.Parameter(directions)
        if not self.tied:
            self.W_enc = nn.Parameter(directions.t().clone())
        self.b_enc = nn.Parameter(torch.zeros(d_sae))
        self.b_dec = nn.Parameter(torch.zeros(d_in))

    @property
    def d_in(self):
        return self.W_dec.shape[1]

    @property
    def d_sae(self):
        return self.W_dec.shape[0]

    @property
    def settings(self):
        """What besides sizes and weights defines this SAE, as a dict of numbers: the constructor takes them by name."""
        return {name: getattr(self, name) for name in self.names}

    @property
    def coeff(self):
        """Weight of the penalty, 0 where there is none."""
        return getattr(self, self.price) if self.price else 0.0

    @property
    def prefixes(self):
        """How many latents, from the first on, make up each reconstruction that the loss judges."""
        return (self.d_sae,)

    def pre_acts(self, x):
        """(x - b_dec) @ W_enc + b_enc: (batch, d_in) -> (batch, d_sae). ValueError on another width."""
        if x.ndim != 2 or x.shape[1] != self.d_in:
            raise ValueError(f"x is {tuple(x.shape)} but this SAE reads rows of d_in={self.d_in} "
                             "(did you pass residual-stream instead of MLP activations, or another model's?)")
        return torch.addmm(self.b_enc - self.b_dec @ self.W_enc, x, self.W_enc)

    def activate(self, pre_acts):
        """latents from pre_acts, (batch, d_sae) -> (batch, d_sae).

        Where every entry decides for itself there is a second argument, columns: pre_acts is then a list of entries
        and columns tells the latent of each.
        """
        raise TypeError("SAE is the shared frame; build one of its architectures, such as ReLUSAE or TopKSAE")

    def penalty(self, latents, pre_acts, columns=None):
        """What each entry adds to a row's penalty, in the shape of latents; columns as in `activate`."""
        return latents

    def encode(self, x):
        """latents = activate((x - b_dec) @ W_enc + b_enc)."""
        return self.activate(self.pre_acts(x))

    def decode(self, latents):
        """x_hat = latents @ W_dec + b_dec: (batch, d_sae) -> (batch, d_in)."""
        return latents @ self.W_dec + self.b_dec

    def forward(self, x):
        return self.decode(self.encode(x))

    def loss(self, x, dead=None, warmth=1.0):
        """Losses on x (batch, d_in); dead: (n_dead,) indices of the latents AuxK may use; warmth in [0, 1] scales the
        penalty while it is warmed up."""
        pre_acts = self.pre_acts(x)
        latents = self.activate(pre_acts)
        recon, resid = self.recon(x, latents)
        sparsity = x.new_zeros(())
        if self.coeff:
            sparsity = warmth * self.coeff * self.penalty(latents, pre_acts).sum(1).mean()
        aux = self.aux(x, pre_acts, resid.detach(), dead)
        fires = latents > 0
        smallest = latents.detach().masked_fill(~fires, torch.inf).min()
        return Losses(recon + sparsity + aux, recon, sparsity, aux, fires.sum(0), smallest)

    def recon(self, x, latents):
        """(mean over the batch of ||x - x_hat||^2, the residual x - x_hat)."""
        resid = x - self.decode(latents)
        return resid.square().sum(1).mean(), resid

    def aux(self, x, pre_acts, resid, dead):
        """The auxiliary term: AuxK where the architecture has it and something is dead, else 0."""
        if not self.auxk_coeff or dead is None or not len(dead):
            return x.new_zeros(())
        return self.auxk(x, resid, dead)

    def auxk(self, x, resid, dead):
        """AuxK (Gao et al. 2024, A.2): the k_aux dead latents that come closest to firing reconstruct the residual that
        is left, auxk_coeff * mean_batch ||resid - sum_aux ReLU(pre_acts_i) W_dec_i||^2, with k_aux = d_in / 2.

        Computed on the dead columns only; the residual counts as given.
        """
        pre_acts = (x - self.b_dec) @ self.W_enc[:, dead] + self.b_enc[dead]                # (batch, n_dead)
        values, indices = pre_acts.topk(min(self.k_aux, pre_acts.shape[1]), dim=1, sorted=False)
        codes = torch.zeros_like(pre_acts).scatter(1, indices, torch.relu(values))
        return self.auxk_coeff * (resid - codes @ self.W_dec[dead]).square().sum(1).mean()

    @property
    def k_aux(self):
        return self.d_in // 2 or 1

    def observe(self, losses):
        """What an architecture keeps of a training step besides what gradients change: nothing, as a rule."""

    def fold(self, mean, scale):
        """Make an SAE trained on (x - mean) / scale read raw x: latents, biases and thresholds grow by scale,
        directions stay."""
        with torch.no_grad():
            self.b_enc.mul_(scale)
            self.b_dec.mul_(scale).add_(mean)
        return self


def of_entries(vector, columns):
    """vector (d_sae,) itself, or its number for each entry of a list whose latents are `columns`."""
    return vector if columns is None else vector.index_select(0, columns)


def unit_rows(W):
    """W with every row scaled to length 1."""
    return W / W.norm(dim=1, keepdim=True).clamp_min(1e-12)


def geometric_median(x, iterations=50):
    """The point with the smallest summed distance to the rows of x (n, d): Weiszfeld's iteration from the mean."""
    point = x.mean(0)
    for _ in range(iterations):
        weight = 1 / (x - point).norm(dim=1, keepdim=True).clamp_min(1e-8)
        point = (weight * x).sum(0) / weight.sum()
    return point
