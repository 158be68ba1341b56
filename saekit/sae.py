"""Sparse autoencoders: an encoder that guesses sparse codes in one product, a decoder that is a dictionary.

    pre_acts = (x - b_dec) @ W_enc + b_enc       latents = activation(pre_acts)       x_hat = latents @ W_dec + b_dec
x (batch, d_in), latents (batch, d_sae), W_enc (d_in, d_sae), W_dec (d_sae, d_in) with unit rows: row i is latent i's
direction. Losses sum over dimensions and average over the batch. Variants override `activate` and `loss`, nothing else.
References: Bricken et al. 2023 (ReLU + L1, tied pre-bias), Gao et al. 2024 (TopK, AuxK).
"""

import math
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from saekit import files


class Losses(NamedTuple):
    """Terms of a training loss, each a scalar tensor: total = recon + sparsity + aux."""

    total: torch.Tensor
    recon: torch.Tensor      # mean over the batch of ||x - x_hat||^2
    sparsity: torch.Tensor   # the penalty with its coefficient (0 where the architecture has none)
    aux: torch.Tensor        # AuxK with its coefficient (0 where nothing is dead)
    fired: torch.Tensor      # (d_sae,) on how many rows of the batch each latent is non-zero


class SAE(nn.Module):
    """The frame all architectures share; seed fixes the random unit decoder and its transpose in the encoder."""

    arch = ""

    def __init__(self, d_in, d_sae, seed=0):
        super().__init__()
        if d_in < 1 or d_sae < 1:
            raise ValueError(f"d_in is {d_in} and d_sae is {d_sae}; both count columns and must be at least 1")
        generator = torch.Generator().manual_seed(seed)
        directions = unit_rows(torch.randn(d_sae, d_in, generator=generator))
        self.W_dec = nn.Parameter(directions)
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
        """What besides sizes and weights defines this SAE, as a dict of numbers."""
        return {}

    def pre_acts(self, x):
        """(x - b_dec) @ W_enc + b_enc: (batch, d_in) -> (batch, d_sae). ValueError on another width."""
        if x.ndim != 2 or x.shape[1] != self.d_in:
            raise ValueError(f"x is {tuple(x.shape)} but this SAE reads rows of d_in={self.d_in} "
                             "(did you pass residual-stream instead of MLP activations, or another model's?)")
        return torch.addmm(self.b_enc - self.b_dec @ self.W_enc, x, self.W_enc)

    def activate(self, pre_acts):
        """latents from pre_acts, (batch, d_sae) -> (batch, d_sae)."""
        raise TypeError("SAE is the shared frame; build one of its architectures, such as ReLUSAE or TopKSAE")

    def encode(self, x):
        """latents = activation((x - b_dec) @ W_enc + b_enc)."""
        return self.activate(self.pre_acts(x))

    def decode(self, latents):
        """x_hat = latents @ W_dec + b_dec: (batch, d_sae) -> (batch, d_in)."""
        return latents @ self.W_dec + self.b_dec

    def forward(self, x):
        return self.decode(self.encode(x))

    def fold(self, mean, scale):
        """Make an SAE trained on (x - mean) / scale read raw x: latents, biases and thresholds grow by scale,
        directions stay."""
        with torch.no_grad():
            self.b_enc.mul_(scale)
            self.b_dec.mul_(scale).add_(mean)
        return self


class ReLUSAE(SAE):
    """latents = ReLU(pre_acts); loss = mean_batch ||x - x_hat||^2 + l1_coeff * mean_batch sum_i latents_i."""

    arch = "relu"

    def __init__(self, d_in, d_sae, l1_coeff=0.1, seed=0):
        super().__init__(d_in, d_sae, seed)
        if not l1_coeff >= 0:
            raise ValueError(f"l1_coeff is {l1_coeff}; a penalty weight is a number from 0 up")
        self.l1_coeff = l1_coeff

    @property
    def settings(self):
        return {"l1_coeff": self.l1_coeff}

    def activate(self, pre_acts):
        return torch.relu(pre_acts)

    def loss(self, x, dead=None, warmth=1.0):
        """Losses on x (batch, d_in); warmth in [0, 1] scales the penalty while it is warmed up; `dead` is not used."""
        latents = self.encode(x)
        recon = (x - self.decode(latents)).square().sum(1).mean()
        sparsity = warmth * self.l1_coeff * latents.sum(1).mean()
        return Losses(recon + sparsity, recon, sparsity, x.new_zeros(()), (latents > 0).sum(0))


class TopKSAE(SAE):
    """latents = the k largest of ReLU(pre_acts) per row; loss = mean_batch ||x - x_hat||^2 + AuxK.

    AuxK (Gao et al. 2024, A.2): the k_aux dead latents that come closest to firing reconstruct the residual that is
    left: auxk_coeff * mean_batch ||resid - sum_aux latents_i W_dec_i||^2, on inputs scaled to E||x - mean||^2 = 1.
    k_aux = d_in / 2.
    """

    arch = "topk"

    def __init__(self, d_in, d_sae, k=32, auxk_coeff=1 / 32, seed=0):
        super().__init__(d_in, d_sae, seed)
        if not 1 <= k <= d_sae:
            raise ValueError(f"k is {k} but the SAE has d_sae={d_sae} latents; expected 1 <= k <= d_sae")
        self.k, self.auxk_coeff = k, auxk_coeff

    @property
    def settings(self):
        return {"k": self.k, "auxk_coeff": self.auxk_coeff}

    def activate(self, pre_acts):
        values, indices = pre_acts.topk(self.k, dim=-1, sorted=False)
        return torch.zeros_like(pre_acts).scatter(-1, indices, torch.relu(values))

    def loss(self, x, dead=None, warmth=1.0):
        """Losses on x (batch, d_in); dead: (d_sae,) bool, the latents AuxK may use; `warmth` is not used."""
        latents = self.encode(x)
        resid = x - self.decode(latents)
        recon, zero = resid.square().sum(1).mean(), x.new_zeros(())
        aux = self.auxk(x, resid.detach(), dead) if dead is not None and dead.any() else zero
        return Losses(recon + aux, recon, zero, aux, (latents > 0).sum(0))

    def auxk(self, x, resid, dead):
        """The AuxK term on x (batch, d_in) and its residual, computed on the dead columns only."""
        pre_acts = (x - self.b_dec) @ self.W_enc[:, dead] + self.b_enc[dead]  # (batch, n_dead)
        values, indices = pre_acts.topk(min(self.d_in // 2 or 1, pre_acts.shape[1]), dim=1, sorted=False)
        codes = torch.zeros_like(pre_acts).scatter(1, indices, torch.relu(values))
        return self.auxk_coeff * (resid - codes @ self.W_dec[dead]).square().sum(1).mean()


class BatchTopKSAE(TopKSAE):
    """latents = the k * batch largest of ReLU(pre_acts) over the whole batch, so that rows share them by need; the loss
    is TopK's (Bussmann et al. 2024)."""

    arch = "batchtopk"

    def activate(self, pre_acts):
        values, indices = pre_acts.flatten().topk(self.k * len(pre_acts), sorted=False)
        return pre_acts.new_zeros(pre_acts.numel()).scatter(0, indices, torch.relu(values)).view_as(pre_acts)


class JumpReLUSAE(SAE):
    """latents_i = pre_acts_i if pre_acts_i > threshold_i, else 0; loss = mean_batch ||x - x_hat||^2 + l0_coeff *
    mean_batch (number of latents that fire).

    threshold = exp(log_threshold) learns through the smoothed derivatives of `jumprelu` and `step_function`
    (Rajamanoharan et al. 2024); bandwidth is in units of pre-activations on inputs scaled to E||x - mean||^2 = 1.
    """

    arch = "jumprelu"

    def __init__(self, d_in, d_sae, l0_coeff=0.003, bandwidth=0.01, threshold=0.01, seed=0):
        super().__init__(d_in, d_sae, seed)
        if not (l0_coeff >= 0 and bandwidth > 0 and threshold > 0):
            raise ValueError(f"l0_coeff is {l0_coeff}, bandwidth {bandwidth} and threshold {threshold}; expected a "
                             "weight from 0 up and two positive numbers")
        self.l0_coeff, self.bandwidth = l0_coeff, bandwidth
        self.log_threshold = nn.Parameter(torch.full((d_sae,), float(threshold)).log())

    @property
    def settings(self):
        return {"l0_coeff": self.l0_coeff, "bandwidth": self.bandwidth}

    @property
    def threshold(self):
        return self.log_threshold.exp()

    def activate(self, pre_acts):
        return jumprelu(pre_acts, self.threshold, self.bandwidth)

    def loss(self, x, dead=None, warmth=1.0):
        """Losses on x (batch, d_in); warmth in [0, 1] scales the penalty while it is warmed up; `dead` is not used."""
        pre_acts = self.pre_acts(x)
        latents = self.activate(pre_acts)
        recon = (x - self.decode(latents)).square().sum(1).mean()
        sparsity = warmth * self.l0_coeff * step_function(pre_acts, self.threshold, self.bandwidth).sum(1).mean()
        return Losses(recon + sparsity, recon, sparsity, x.new_zeros(()), (latents > 0).sum(0))

    def fold(self, mean, scale):
        with torch.no_grad():
            self.log_threshold.add_(math.log(scale))
        return super().fold(mean, scale)


def step_function(z, threshold, bandwidth):
    """1 where z > threshold, else 0; d/dthreshold = -1 / bandwidth where |z - threshold| < bandwidth / 2, else 0: the
    derivative of the step blurred by a box of that width. No derivative in z."""
    slope = ((z - threshold).abs() < bandwidth / 2) / bandwidth
    return (z > threshold) + slope * (threshold.detach() - threshold)     # the last factor is 0 and has a derivative


def jumprelu(z, threshold, bandwidth):
    """z where z > threshold, else 0; d/dz is 1 or 0 likewise, d/dthreshold = threshold * that of `step_function`."""
    fires = z > threshold
    return z * fires + threshold.detach() * (step_function(z, threshold, bandwidth) - fires.to(z))


SAES = {"relu": ReLUSAE, "topk": TopKSAE, "batchtopk": BatchTopKSAE, "jumprelu": JumpReLUSAE}


def new_sae(arch, d_in, d_sae, seed=0, **settings):
    """An untrained SAE of architecture `arch`. ValueError for an unknown name."""
    if arch not in SAES:
        raise ValueError(f"unknown architecture {arch!r}; known ones are {', '.join(SAES)}")
    return SAES[arch](d_in, d_sae, seed=seed, **settings)


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


def save_sae(sae, path, dtype=torch.float32, metadata=None):
    """Write weights and settings as one safetensors file; torch.float16 halves it, torch.int8 with one scale per latent
    takes a quarter."""
    record = {"arch": sae.arch, "d_in": sae.d_in, "d_sae": sae.d_sae, "settings": sae.settings, **(metadata or {})}
    kept = torch.float32 if dtype == torch.int8 else dtype
    arrays = {name: p.detach().cpu().to(kept).numpy() for name, p in sae.state_dict().items()}
    for name, axis in (("W_dec", 1), ("W_enc", 0)) if dtype == torch.int8 else ():
        arrays[name], arrays[f"{name}/scales"] = files.pack_int8(arrays[name], axis)
    files.save_arrays(path, arrays, record)


def load_sae(path):
    """Load an SAE from a file written by `save_sae` or a folder that holds one as sae.safetensors, checked and in
    float32.

    ValueError naming the file if it is missing, foreign, truncated, of the wrong shape, or holds NaN.
    """
    path = Path(path)
    path = path / "sae.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise ValueError(f"no SAE at {path}; expected a folder with sae.safetensors or such a file")
    arrays, record = files.load_arrays(path)
    if not {"arch", "d_in", "d_sae", "settings"} <= record.keys():
        raise ValueError(f"{path} was not written by saekit: it holds {', '.join(sorted(arrays)[:6]) or 'nothing'} "
                         "and no saekit header")
    try:
        sae = new_sae(record["arch"], record["d_in"], record["d_sae"], **record["settings"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} has a header that describes no SAE of this version: {error}") from None
    arrays = files.unpack_int8(arrays, path)
    for name, parameter in sae.state_dict().items():
        if name not in arrays or arrays[name].shape != tuple(parameter.shape):
            found = arrays[name].shape if name in arrays else "nothing"
            raise ValueError(f"{path}: {name} is {found}, expected shape {tuple(parameter.shape)}")
        if arrays[name].dtype.kind != "f":
            raise ValueError(f"{path}: {name} holds {arrays[name].dtype}, expected floating-point numbers")
        array = torch.from_numpy(arrays[name]).float()
        if not torch.isfinite(array).all():
            raise ValueError(f"{path}: {name} holds NaN or infinity; the run that wrote it diverged")
        parameter.copy_(array)
    return sae
