"""JumpReLU and Gated: hand examples, and the thresholds' derivative as that of a smoothed loss."""

import pytest
import torch

from saekit.sae import GatedSAE, JumpReLUSAE, jumprelu, step_function
from tests.test_sae import data, slope, trained_looking, two_by_two


def test_jumprelu_by_hand():
    # window of 0.5 about 1.5: the two in the middle lie in it; step: -1 / 0.5 each; jumprelu: 1.5 times that
    z = torch.tensor([1.0, 1.4, 1.6, 2.0], requires_grad=True)
    for function, value, dz, dthreshold in ((step_function, [0, 0, 1, 1], None, [0, -2, -2, 0]),
                                            (jumprelu, [0, 0, z[2].item(), 2], [0, 0, 1, 1], [0, -3, -3, 0])):
        threshold = torch.full((4,), 1.5, requires_grad=True)
        out = function(z, threshold, 0.5)
        grads = torch.autograd.grad(out.sum(), (z, threshold), allow_unused=True)
        assert out.tolist() == value and grads[1].tolist() == dthreshold
        assert grads[0] is None if dz is None else grads[0].tolist() == dz


def test_a_jumprelu_sae_of_two_latents_by_hand():
    # pre_acts (1, 3), (-1, 2); only the 3 is above the threshold 2: x_hat (1, 4), (1, 1), errors (2, -4), (0, 2):
    # recon (20 + 4) / 2 = 12, price 0.5 (1 + 0) / 2 = 0.25, total 12.25
    # AuxK if latent 0 is dead: it adds ReLU(1), ReLU(-1) times (1, 0): (1, -4), (0, 2): (17 + 4) / 2 / 32 = 0.328125
    sae = two_by_two(JumpReLUSAE(2, 2, l0_coeff=0.5, threshold=2.0))
    x = torch.tensor([[3.0, 0.0], [1.0, 3.0]])
    assert sae.pre_acts(x).tolist() == [[1, 3], [-1, 2]] and sae.encode(x).tolist() == [[0, 3], [0, 0]]
    assert sae(x).tolist() == [[1, 4], [1, 1]]
    assert [term.item() for term in sae.loss(x)[:4]] == [12.25, 12, 0.25, 0]
    assert [term.item() for term in sae.loss(x, torch.tensor([0]))[:4]] == [12.578125, 12, 0.25, 0.328125]


def test_thresholds_learn_by_the_derivative_of_the_smoothed_loss():
    # The step becomes a ramp of the window's width. To first order the error changes by (its derivative in the latent)
    # times the height of the jump times the ramp; that and the penalty on ramps is what we difference.
    sae, x = trained_looking("jumprelu", {"l0_coeff": 0.1, "threshold": 0.4, "bandwidth": 0.8}), data()
    pre_acts, latents = sae.pre_acts(x).detach(), sae.encode(x).detach().requires_grad_()
    recon = (x - sae.decode(latents)).square().sum(1).mean()
    by_latents, height = torch.autograd.grad(recon, latents)[0], sae.threshold.detach().clone()

    def smoothed():
        ramp = ((pre_acts - sae.threshold) / 0.8 + 0.5).clamp(0, 1)
        return float((by_latents * height * ramp).sum() + 0.7 * 0.1 * ramp.sum(1).mean())

    sae.loss(x, warmth=0.7).total.backward()
    grad = sae.threshold.grad
    assert ((pre_acts - height).abs() < 0.4).sum() > 5
    for i in range(9):
        assert slope(smoothed, sae.threshold.detach()[i]) == pytest.approx(grad[i].item(), rel=1e-5, abs=1e-9)


def test_thresholds_never_fall_below_zero():
    sae = trained_looking("jumprelu", {})
    with torch.no_grad():
        sae.threshold[3] = -0.2
    sae.observe(sae.loss(data()))
    assert sae.threshold.min() == 0 and (sae.encode(data()) >= 0).all()


def test_auxk_gives_a_gradient_to_a_latent_below_its_threshold_and_nothing_else_does():
    sae, x, dead = trained_looking("jumprelu", {"l0_coeff": 0.1, "bandwidth": 0.1}), data(), torch.tensor([4])
    with torch.no_grad():
        sae.threshold[4] = 150.0
    for given, reached in ((None, False), (dead, True)):
        sae.zero_grad()
        sae.loss(x, given).total.backward()
        assert bool(sae.W_enc.grad[:, 4].any()) == reached and bool(sae.W_dec.grad[4].any()) == reached


def test_a_gated_sae_of_two_latents_by_hand():
    # gate (1, 3); sizes 2 (1 - -1) + 0 = 4 and 1 (3 - 0) - 1 = 2; x_hat (5, 3), error (-2, -3): 13
    # price 0.5 (1 + 3) = 2; x_gate = (1, 3) + (1, 1) = (2, 4), error (1, -4): 17
    sae = two_by_two(GatedSAE(2, 2, l1_coeff=0.5))
    with torch.no_grad():
        sae.r_mag.copy_(torch.tensor([2.0, 1.0]).log())
        sae.b_mag.copy_(torch.tensor([0.0, -1.0]))
    x = torch.tensor([[3.0, 0.0]])
    torch.testing.assert_close(sae.encode(x), torch.tensor([[4.0, 2.0]]))
    assert [round(term.item(), 5) for term in sae.loss(x)[:4]] == [32, 13, 2, 17]


def test_a_closed_gate_silences_a_latent_whatever_its_size():
    sae = two_by_two(GatedSAE(2, 2))
    with torch.no_grad():
        sae.b_mag.fill_(10.0)
    assert sae.activate(torch.tensor([[-1e-3, 1e-3]])).tolist() == [[0, pytest.approx(10.001)]]


def test_the_gate_learns_only_from_its_price_and_its_own_reconstruction():
    sae, x = trained_looking("gated", {"l1_coeff": 0.3}), data()
    losses = sae.loss(x)
    decoder = torch.autograd.grad(losses.aux + losses.sparsity, sae.W_dec, retain_graph=True, allow_unused=True)
    assert decoder == (None,)
    for parameter in (sae.r_mag, sae.b_mag):
        assert torch.autograd.grad(losses.aux, parameter, retain_graph=True, allow_unused=True) == (None,)
        assert torch.autograd.grad(losses.recon, parameter, retain_graph=True)[0].any()
    assert torch.autograd.grad(losses.recon, sae.b_enc, retain_graph=True)[0].abs().max() < 1e-12
