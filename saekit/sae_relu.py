"""SAEs that fire wherever a pre-activation is positive, and the prices that keep them from doing so.

    latents = ReLU(pre_acts)         loss = mean_batch ||x - x_hat||^2 + coeff * mean_batch sum_i cost_i(latents)
L1 charges a latent's size, so it also shrinks what it keeps. The other prices are there to be compared with it.
References: Bricken et al. 2023 (L1, unit rows), Anthropic's update of April 2024 (L1 times decoder norm), Hoyer 2004.
"""

import torch

from saekit.sae_frame import SAE, of_entries


class ReLUSAE(SAE):
    """cost_i = latents_i: the L1 norm. Unit rows keep it from being evaded by small latents and long rows."""

    arch, price = "relu", "l1_coeff"

    def __init__(self, d_in, d_sae, l1_coeff=0.1, seed=0):
        super().__init__(d_in, d_sae, seed, l1_coeff=l1_coeff)

    def activate(self, pre_acts, columns=None):
        return torch.relu(pre_acts)


class TiedReLUSAE(ReLUSAE):
    """ReLUSAE whose encoder is its decoder's transpose: half the parameters, and no room to tell reading a direction
    from writing it."""

    arch, tied = "relu-tied", True

    @property
    def W_enc(self):
        return self.W_dec.t()


class WeightedReLUSAE(ReLUSAE):
    """cost_i = latents_i ||W_dec_i||: the L1 norm of what is written, whatever the rows' lengths, which are free here.

    `fold` divides each row by its length and multiplies the latent by it, so that a finished SAE has unit rows.
    """

    arch, unit_norm = "relu-weighted", False

    def penalty(self, latents, pre_acts, columns=None):
        return latents * of_entries(self.W_dec.norm(dim=1), columns)

    def fold(self, mean, scale):
        with torch.no_grad():
            lengths = self.W_dec.norm(dim=1).clamp_min(1e-12)
            self.W_dec.div_(lengths[:, None])
            self.W_enc.mul_(lengths)
            self.b_enc.mul_(lengths)
        return super().fold(mean, scale)


class HoyerReLUSAE(SAE):
    """cost_i = latents_i / ||latents||_2, which sums to ||latents||_1 / ||latents||_2: 1 if one latent is active,
    sqrt(n) if n equal ones are; a row of zeros costs nothing. Scaling the latents does not change it."""

    arch, price = "relu-hoyer", "hoyer_coeff"

    def __init__(self, d_in, d_sae, hoyer_coeff=0.01, seed=0):
        super().__init__(d_in, d_sae, seed, hoyer_coeff=hoyer_coeff)

    def activate(self, pre_acts, columns=None):
        return torch.relu(pre_acts)

    def penalty(self, latents, pre_acts, columns=None):
        return latents / latents.norm(dim=1, keepdim=True).clamp_min(1e-8)


class SmoothL0ReLUSAE(SAE):
    """cost_i = sigmoid(slope * latents_i + offset) - sigmoid(offset): 0 for a silent latent, nearly 1 for a large one,
    so that the sum nearly counts; what is far from 0 is not shrunk, and what is near it feels the steepest price.
    ValueError unless slope > 0."""

    arch, price = "relu-l0", "l0_coeff"

    def __init__(self, d_in, d_sae, l0_coeff=0.01, slope=50.0, offset=-2.0, seed=0):
        super().__init__(d_in, d_sae, seed, l0_coeff=l0_coeff, slope=slope, offset=offset)
        if not slope > 0:
            raise ValueError(f"slope is {slope}; a price that rises with the latent needs a positive one")

    def activate(self, pre_acts, columns=None):
        return torch.relu(pre_acts)

    def penalty(self, latents, pre_acts, columns=None):
        return torch.sigmoid(self.slope * latents + self.offset) - torch.sigmoid(latents.new_tensor(self.offset))
