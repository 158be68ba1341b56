"""SAEs that are told how many latents to use: the largest pre-activations win, and no price shrinks them.

    TopK         k per row                   BatchTopK    k * batch per batch, wherever they are
    Matryoshka   BatchTopK whose first latents alone must reconstruct too
References: Gao et al. 2024 (TopK, AuxK), Bussmann et al. 2024 (BatchTopK), Bussmann et al. 2025 (Matryoshka).
"""

import torch

from saekit.sae_frame import SAE

FOLLOW = 0.05   # how far the threshold moves towards each new batch's: a memory of about 20 batches


class TopKSAE(SAE):
    """latents = the k largest of ReLU(pre_acts) per row; loss = mean_batch ||x - x_hat||^2 + AuxK. ValueError unless k
    is a whole number from 1 to d_sae."""

    arch = "topk"

    def __init__(self, d_in, d_sae, k=32, auxk_coeff=1 / 32, seed=0, **settings):
        super().__init__(d_in, d_sae, seed, k=k, auxk_coeff=auxk_coeff, **settings)
        if isinstance(k, bool) or not (k == int(k) and 1 <= k <= d_sae):
            raise ValueError(f"k is {k} but the SAE has d_sae={d_sae} latents; expected a whole number, 1 <= k <= d_sae")
        self.k = int(k)

    def activate(self, pre_acts):
        values, indices = pre_acts.topk(self.k, dim=-1, sorted=False)
        return torch.zeros_like(pre_acts).scatter(-1, indices, torch.relu(values))


class BatchTopKSAE(TopKSAE):
    """latents = the k * batch largest of ReLU(pre_acts) over the whole batch, so that rows share them by need; the loss
    is TopK's.

    That rule is `activate`, and `loss` uses it. Outside training no row may depend on its neighbours, so `encode` keeps
    whatever reaches `threshold`, the running mean of the smallest latent that each training batch kept (`observe`): k
    per row on average. A new SAE has no threshold yet (-1) and encodes by the batch.
    """

    arch = "batchtopk"

    def __init__(self, d_in, d_sae, k=32, auxk_coeff=1 / 32, seed=0, **settings):
        super().__init__(d_in, d_sae, k, auxk_coeff, seed, **settings)
        self.register_buffer("threshold", torch.full((1,), -1.0))

    def activate(self, pre_acts):
        values, indices = pre_acts.flatten().topk(self.k * len(pre_acts), sorted=False)
        return pre_acts.new_zeros(pre_acts.numel()).scatter(0, indices, torch.relu(values)).view_as(pre_acts)

    def encode(self, x):
        """latents = pre_acts where pre_acts >= threshold, else 0; by the batch while there is no threshold."""
        pre_acts = self.pre_acts(x)
        return self.activate(pre_acts) if self.threshold < 0 else pre_acts * (pre_acts >= self.threshold)

    @torch.no_grad()
    def observe(self, losses):
        """Move the threshold towards the smallest latent of the batch behind `losses`; the first one sets it."""
        moved = torch.lerp(self.threshold, losses.smallest, FOLLOW)
        moved = torch.where(self.threshold < 0, losses.smallest, moved)
        self.threshold.copy_(torch.where(losses.smallest.isfinite(), moved, self.threshold))

    def fold(self, mean, scale):
        self.threshold.mul_(scale)
        return super().fold(mean, scale)


class MatryoshkaSAE(BatchTopKSAE):
    """BatchTopK whose loss averages over nested reconstructions: mean_m mean_batch ||x - x_hat_m||^2, where x_hat_m uses
    only the first prefixes[m] latents. Early latents must serve alone, late ones add detail.

    shares: the prefixes as shares of d_sae, rising to 1. ValueError unless they rise from above 0 to 1.
    """

    arch = "matryoshka"

    def __init__(self, d_in, d_sae, k=32, auxk_coeff=1 / 32, shares=(1 / 16, 1 / 8, 1 / 4, 1 / 2, 1), seed=0):
        super().__init__(d_in, d_sae, k, auxk_coeff, seed, shares=list(shares))
        if self.shares != sorted(set(self.shares)) or not self.shares or self.shares[0] <= 0 or self.shares[-1] != 1:
            raise ValueError(f"shares is {self.shares}; expected shares of d_sae from above 0 rising to 1")

    @property
    def prefixes(self):
        return tuple(sorted({max(1, round(share * self.d_sae)) for share in self.shares}))

    def recon(self, x, latents):
        """(mean over prefixes and batch of ||x - x_hat_m||^2, the residual of all latents); x_hat_m grows by groups."""
        resid, errors, start = x - self.b_dec, [], 0
        for end in self.prefixes:
            resid = resid - latents[:, start:end] @ self.W_dec[start:end]
            errors.append(resid.square().sum(1).mean())
            start = end
        return torch.stack(errors).mean(), resid
