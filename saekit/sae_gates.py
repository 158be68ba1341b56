"""SAEs that decide whether a latent fires apart from how large it then is, so that the price of firing shrinks nothing.

    JumpReLU   a threshold per latent, learnt by a smoothed derivative of the count of latents
    Gated      a gate learnt by L1 and a reconstruction of its own, and a size that carries no price
References: Rajamanoharan et al. 2024a (Gated), 2024b (JumpReLU; a Gated SAE with tied encoders is one, section 3).
"""

import torch
from torch import nn

from saekit.sae_frame import SAE, of_entries


class JumpReLUSAE(SAE):
    """latents_i = pre_acts_i if pre_acts_i > threshold_i, else 0; loss = mean_batch ||x - x_hat||^2 + l0_coeff *
    mean_batch (number of latents that fire) + AuxK.

    threshold learns through the smoothed derivatives of `jumprelu` and `step_function`; it and bandwidth are in units of
    pre-activations on inputs scaled to E||x - mean||^2 = 1. The paper learns its logarithm; by Adam's equal steps that
    takes ten times as long around 0.1. No gradient reaches the weights of a latent that stays below its threshold, so
    dead ones need AuxK here too. ValueError unless bandwidth and threshold are positive and finite.
    """

    arch, price = "jumprelu", "l0_coeff"

    def __init__(self, d_in, d_sae, l0_coeff=0.003, bandwidth=0.05, threshold=0.1, auxk_coeff=1 / 32, seed=0):
        super().__init__(d_in, d_sae, seed, l0_coeff=l0_coeff, bandwidth=bandwidth, auxk_coeff=auxk_coeff)
        if not (0 < bandwidth < torch.inf and 0 < threshold < torch.inf):
            raise ValueError(f"bandwidth is {bandwidth} and threshold {threshold}; both must be positive and finite")
        self.threshold = nn.Parameter(torch.full((d_sae,), float(threshold)))

    def activate(self, pre_acts, columns=None):
        return jumprelu(pre_acts, of_entries(self.threshold, columns), self.bandwidth)

    def penalty(self, latents, pre_acts, columns=None):
        return step_function(pre_acts, of_entries(self.threshold, columns), self.bandwidth)

    @torch.no_grad()
    def observe(self, losses):
        """Keep thresholds from falling below 0, where latents would be negative."""
        self.threshold.clamp_(min=0.0)

    def fold(self, mean, scale):
        with torch.no_grad():
            self.threshold.mul_(scale)
        return super().fold(mean, scale)


class GatedSAE(SAE):
    """latents_i = ReLU(exp(r_mag_i) (pre_acts_i - b_enc_i) + b_mag_i) if pre_acts_i > 0, else 0: pre_acts is the gate,
    and the size reads the same direction with a scale and a bias of its own.

    loss = mean_batch ||x - x_hat||^2 + l1_coeff * mean_batch sum_i ReLU(pre_acts_i) + mean_batch ||x - x_gate||^2 with
    x_gate = ReLU(pre_acts) @ W_dec + b_dec, decoder held fixed: what teaches the gate, as the step has no derivative.
    """

    arch, price, biases = "gated", "l1_coeff", ("b_enc", "b_mag", "r_mag")

    def __init__(self, d_in, d_sae, l1_coeff=0.1, seed=0):
        super().__init__(d_in, d_sae, seed, l1_coeff=l1_coeff)
        self.r_mag, self.b_mag = nn.Parameter(torch.zeros(d_sae)), nn.Parameter(torch.zeros(d_sae))

    def activate(self, pre_acts, columns=None):
        scale, b_enc, b_mag = (of_entries(vector, columns) for vector in (self.r_mag.exp(), self.b_enc, self.b_mag))
        return (pre_acts > 0) * torch.relu(scale * (pre_acts - b_enc) + b_mag)

    def penalty(self, latents, pre_acts, columns=None):
        return torch.relu(pre_acts)

    def aux(self, x, pre_acts, resid, dead):
        """mean_batch ||x - x_gate||^2; nothing of it reaches W_dec, nor b_dec as part of the decoder."""
        x_gate = torch.relu(pre_acts) @ self.W_dec.detach() + self.b_dec.detach()
        return (x - x_gate).square().sum(1).mean()

    def fold(self, mean, scale):
        with torch.no_grad():
            self.b_mag.mul_(scale)
        return super().fold(mean, scale)


def step_function(pre_acts, threshold, bandwidth):
    """1 where pre_acts > threshold, else 0; d/dthreshold = -1 / bandwidth where |pre_acts - threshold| < bandwidth / 2,
    else 0: the derivative of the step blurred by a box of that width. No derivative in pre_acts."""
    slope = ((pre_acts - threshold).abs() < bandwidth / 2) / bandwidth
    return (pre_acts > threshold) + slope * (threshold.detach() - threshold)  # the last factor is 0, its derivative -1


def jumprelu(pre_acts, threshold, bandwidth):
    """pre_acts where above threshold, else 0; d/dpre_acts is 1 or 0 likewise, d/dthreshold = threshold * that of
    `step_function`."""
    fires = pre_acts > threshold
    return pre_acts * fires + threshold.detach() * (step_function(pre_acts, threshold, bandwidth) - fires.to(pre_acts))
