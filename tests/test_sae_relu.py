"""The prices of ReLU SAEs by hand, tied encoders and free decoder rows."""

import math

import pytest
import torch

from saekit.sae import HoyerReLUSAE, ReLUSAE, SmoothL0ReLUSAE, TiedReLUSAE, WeightedReLUSAE
from saekit.train import Run, TrainConfig, resample, train_step
from tests.test_sae import data, trained_looking, two_by_two
from tests.test_train import Batches


def test_a_tied_sae_of_two_latents_by_hand():
    # one matrix: writing W_enc makes W_dec ((1, 0), (2, 1)). x - b_dec: (2, -1), (0, 2)
    # pre_acts (2 - 1, 4 - 1) = (1, 3), (0 - 1, 0 + 2) = (-1, 2); x_hat (1 + 6 + 1, 3 + 1) = (8, 4), (4 + 1, 2 + 1)
    # errors (-5, -4), (-4, 0): recon (41 + 16) / 2 = 28.5, l1 0.5 (4 + 2) / 2 = 1.5, total 30
    sae, x = two_by_two(TiedReLUSAE(2, 2, l1_coeff=0.5)), torch.tensor([[3.0, 0.0], [1.0, 3.0]])
    assert sae.W_dec.tolist() == [[1, 0], [2, 1]] and sae.pre_acts(x).tolist() == [[1, 3], [-1, 2]]
    assert sae.encode(x).tolist() == [[1, 3], [0, 2]] and sae(x).tolist() == [[8, 4], [5, 3]]
    assert [term.item() for term in sae.loss(x)[:4]] == [30, 28.5, 1.5, 0]


def test_a_hoyer_sae_of_two_latents_by_hand():
    # pre_acts (1, 3), (-1, 2), latents (1, 3), (0, 2), x_hat (2, 4), (1, 3); errors (1, -4), (0, 0): recon 17 / 2 = 8.5
    # norms 4 and sqrt(10), 2 and 2: price 2 (4 / 3.162278 + 1) / 2 = 1.264911 + 1; total 10.764911
    sae, x = two_by_two(HoyerReLUSAE(2, 2, hoyer_coeff=2)), torch.tensor([[3.0, 0.0], [1.0, 3.0]])
    assert sae.pre_acts(x).tolist() == [[1, 3], [-1, 2]] and sae.encode(x).tolist() == [[1, 3], [0, 2]]
    assert sae(x).tolist() == [[2, 4], [1, 3]]
    assert [term.item() for term in sae.loss(x)[:4]] == pytest.approx([10.764911, 8.5, 2.264911, 0])


def test_a_smooth_l0_sae_of_two_latents_by_hand():
    # all but the price as for Hoyer. By slope 2 and offset -4, latents 0, 1, 2, 3 are read at -4, -2, 0, 2, less
    # sigmoid(-4) = 1 / (1 + e^4) = 1 / 55.59815 = 0.0179862. Row one: sigmoid(-2) + sigmoid(2) = 1, so 0.9640276
    # row two: 0 and 1/2 - 0.0179862 = 0.4820138; price 2 (0.9640276 + 0.4820138) / 2 = 1.4460414; total 9.9460414
    sae = two_by_two(SmoothL0ReLUSAE(2, 2, l0_coeff=2, slope=2.0, offset=-4.0))
    x = torch.tensor([[3.0, 0.0], [1.0, 3.0]])
    assert sae.pre_acts(x).tolist() == [[1, 3], [-1, 2]] and sae.encode(x).tolist() == [[1, 3], [0, 2]]
    assert sae(x).tolist() == [[2, 4], [1, 3]]
    assert [term.item() for term in sae.loss(x)[:4]] == pytest.approx([9.9460414, 8.5, 1.4460414, 0])


def test_hoyer_charges_the_ratio_of_norms():
    # 7 / 5 for (3, 4); 1 for one latent; sqrt(2) for two equal ones; nothing for a row of zeros
    price = HoyerReLUSAE(2, 2).penalty(torch.tensor([[3.0, 4.0], [0.0, 9.0], [2.0, 2.0], [0.0, 0.0]]), None).sum(1)
    assert price.tolist() == pytest.approx([1.4, 1, math.sqrt(2), 0])


def test_hoyer_and_its_gradient_are_finite_on_rows_where_nothing_fires():
    sae = HoyerReLUSAE(2, 2)
    with torch.no_grad():
        sae.b_enc.fill_(-9.0)
    losses = sae.loss(torch.tensor([[1.0, 0.0]]))
    losses.total.backward()
    assert losses.sparsity == 0 and torch.isfinite(sae.W_enc.grad).all()


def test_scaling_all_latents_changes_l1_but_not_hoyer():
    latents = data(4, 2).abs().float()
    for price, factor in ((HoyerReLUSAE(2, 2), 1), (ReLUSAE(2, 2), 3)):
        torch.testing.assert_close(price.penalty(3 * latents, None).sum(), factor * price.penalty(latents, None).sum())


def test_smooth_l0_costs_nothing_at_zero_and_about_one_far_from_it():
    # slope 2, offset -4: sigmoid(2 * 2 - 4) = 1/2 at 2; sigmoid(-4) = 0.018 is taken off everywhere
    price = SmoothL0ReLUSAE(2, 2, slope=2.0, offset=-4.0).penalty(torch.tensor([[0.0, 2.0, 50.0]]), None)
    assert price.tolist()[0] == pytest.approx([0, 0.5 - 0.01799, 1 - 0.01799], abs=1e-4)


def test_a_weighted_sae_of_two_latents_by_hand():
    # pre_acts (1, 3), (-1, 2); decoder rows (0, 2), (0.3, 0.4) of length 2 and 1/2, b_dec (1, 1)
    # x_hat (0 + 0.9 + 1, 2 + 1.2 + 1) = (1.9, 4.2), (0.6 + 1, 0.8 + 1) = (1.6, 1.8)
    # errors (1.1, -4.2), (-0.6, 1.2): recon (18.85 + 1.8) / 2 = 10.325
    # price 1 * (1 * 2 + 3 / 2 + 2 / 2) / 2 = 2.25, total 12.575
    sae, x = two_by_two(WeightedReLUSAE(2, 2, l1_coeff=1)), torch.tensor([[3.0, 0.0], [1.0, 3.0]])
    with torch.no_grad():
        sae.W_dec.copy_(torch.tensor([[0.0, 2.0], [0.3, 0.4]]))
    assert sae.pre_acts(x).tolist() == [[1, 3], [-1, 2]] and sae.encode(x).tolist() == [[1, 3], [0, 2]]
    torch.testing.assert_close(sae(x), torch.tensor([[1.9, 4.2], [1.6, 1.8]]))
    assert [term.item() for term in sae.loss(x)[:4]] == pytest.approx([12.575, 10.325, 2.25, 0])


def test_long_rows_and_small_latents_evade_l1_but_not_the_weighted_price():
    for arch, change in (("relu", 0.5), ("relu-weighted", 1.0)):
        sae, x = trained_looking(arch, {"l1_coeff": 0.3}), data()
        before = sae.loss(x)
        with torch.no_grad():
            sae.W_dec.mul_(2)
            sae.W_enc.div_(2)
            sae.b_enc.div_(2)
        after = sae.loss(x)
        torch.testing.assert_close(after.recon, before.recon)
        torch.testing.assert_close(after.sparsity, change * before.sparsity)


def test_a_tied_encoder_is_the_decoder_transposed_and_stays_so():
    sae = TiedReLUSAE(6, 20, l1_coeff=0.01)
    run = Run(sae, Batches(), TrainConfig(tokens=16 * 20, lr=5e-3))
    run.start()
    start = sae.W_dec.detach().clone()
    train_step(run, next(run.stream))
    assert {name for name, _ in sae.named_parameters()} == {"W_dec", "b_enc", "b_dec"}
    assert torch.equal(sae.W_enc, sae.W_dec.t()) and not torch.equal(sae.W_dec, start)


def test_resampling_a_tied_sae_leaves_unit_rows():
    run = Run(TiedReLUSAE(6, 20), Batches(), TrainConfig(tokens=16 * 20, dead_after_tokens=1))
    run.start()
    run.n_tokens_since_fired[5:] = 1
    resample(run)
    torch.testing.assert_close(run.sae.W_dec.norm(dim=1), torch.ones(20))


def test_free_decoder_rows_leave_the_unit_sphere_in_training_and_return_when_saved():
    run = Run(WeightedReLUSAE(6, 20, l1_coeff=0.1), Batches(), TrainConfig(tokens=16 * 20, lr=5e-3))
    run.start()
    for _ in range(5):
        train_step(run, next(run.stream))
        run.step += 1
    assert (run.sae.W_dec.norm(dim=1) - 1).abs().max() > 1e-3
    run.sae.fold(run.mean, run.scale)
    torch.testing.assert_close(run.sae.W_dec.norm(dim=1), torch.ones(20))
