"""BatchTopK's two rules and Matryoshka's nested loss."""

import pytest
import torch

from saekit.sae import BatchTopKSAE, MatryoshkaSAE, new_sae
from saekit.activations import ArrayStream
from saekit.train import TrainConfig, train_sae
from tests.test_sae import data, trained_looking, two_by_two


def test_batchtopk_shares_its_latents_among_rows_by_need():
    # k = 1 and two rows: the two largest of all four pre-activations are both the first row's
    assert BatchTopKSAE(2, 2, k=1).activate(torch.tensor([[3.0, 2.0], [1.0, -1.0]])).tolist() == [[3, 2], [0, 0]]


def test_a_batchtopk_sae_of_two_latents_by_hand():
    # x - b_dec: (2, -1), (0, 0.5); pre_acts (1, 3), (-1, 0.5): both winners are row one's. x_hat (2, 4), (1, 1)
    # errors (1, -4), (0, 0.5): recon (17 + 0.25) / 2 = 8.625, which is all. Alone, row one keeps 3 and row two 0.5
    sae, x = two_by_two(BatchTopKSAE(2, 2, k=1)), torch.tensor([[3.0, 0.0], [1.0, 1.5]])
    losses = sae.loss(x)
    assert sae.pre_acts(x).tolist() == [[1, 3], [-1, 0.5]] and sae.encode(x).tolist() == [[1, 3], [0, 0]]
    assert sae(x).tolist() == [[2, 4], [1, 1]] and [term.item() for term in losses[:4]] == [8.625, 8.625, 0, 0]
    assert sae.encode(x[:1]).tolist() == [[0, 3]] and sae.encode(x[1:]).tolist() == [[0, 0.5]]
    sae.observe(losses)  # the threshold is now the smallest winner, 1: what reaches it stays, alone or not
    assert sae.threshold.item() == 1 and sae.encode(x).tolist() == [[1, 3], [0, 0]]
    assert sae.encode(x[:1]).tolist() == [[1, 3]] and sae.encode(x[1:]).tolist() == [[0, 0]]


def test_the_first_threshold_encodes_its_batch_as_the_batch_rule_does():
    sae, x = trained_looking("batchtopk", {"k": 2}), data(50)
    by_batch = sae.encode(x)
    sae.observe(sae.loss(x))
    assert sae.threshold.item() == pytest.approx(by_batch[by_batch > 0].min().item())
    sae.threshold.mul_(1 - 1e-6)  # the threshold is kept in float32
    assert torch.equal(sae.encode(x), by_batch)


def test_with_a_threshold_no_row_depends_on_its_neighbours_and_the_loss_still_goes_by_the_batch():
    sae, x = trained_looking("batchtopk", {"k": 2}), data(50)
    before = sae.loss(x).recon.item()
    sae.threshold.fill_(0.5)
    torch.testing.assert_close(sae.encode(x)[7:8], sae.encode(x[7:8]), rtol=1e-12, atol=1e-12)
    assert sae.encode(x)[sae.encode(x) > 0].min() >= 0.5 and sae.loss(x).recon.item() == before


def test_the_threshold_follows_the_batches_and_ignores_one_without_latents():
    sae, x = BatchTopKSAE(2, 2, k=1), torch.tensor([[1.0, 0.0]])
    losses = sae.loss(x)
    sae.observe(losses._replace(smallest=torch.tensor(2.0)))
    for smallest, expected in ((4.0, 2.1), (torch.inf, 2.1), (0.1, 2.0)):  # a twentieth of the way each time
        sae.observe(losses._replace(smallest=torch.tensor(smallest)))
        assert sae.threshold.item() == pytest.approx(expected)


@pytest.mark.parametrize("arch", ["batchtopk", "matryoshka"])
def test_after_training_rows_use_k_latents_on_average_one_at_a_time(arch):
    generator = torch.Generator().manual_seed(0)
    codes = torch.rand(4096, 24, generator=generator) * (torch.rand(4096, 24, generator=generator) < 0.15)
    x = codes @ torch.randn(24, 12, generator=generator)
    sae = new_sae(arch, 12, 32, k=4)
    train_sae(sae, ArrayStream(x[:3072], batch=128), TrainConfig(tokens=128 * 120, lr=5e-3))
    assert (sae.encode(x[3072:]) > 0).sum(1).float().mean().item() == pytest.approx(4, rel=0.1)


def test_a_matryoshka_sae_of_two_latents_by_hand():
    # k = 1 keeps the 3 of latent 1. The first latent alone leaves (2, -1): 5; both leave (2, -4): 20; mean 12.5
    losses = two_by_two(MatryoshkaSAE(2, 2, k=1, shares=(0.5, 1))).loss(torch.tensor([[3.0, 0.0]]))
    assert [losses.total.item(), losses.recon.item(), losses.aux.item()] == [12.5, 12.5, 0]


def test_prefixes_are_shares_of_the_dictionary_that_never_repeat():
    assert MatryoshkaSAE(2, 4096).prefixes == (256, 512, 1024, 2048, 4096)
    assert MatryoshkaSAE(2, 5, k=1).prefixes == (1, 2, 5) and MatryoshkaSAE(2, 1, k=1).prefixes == (1,)


def test_with_one_prefix_matryoshka_is_batchtopk():
    x, dead = data(), torch.arange(7, 9)
    nested, plain = (trained_looking(arch, settings)
                     for arch, settings in (("matryoshka", {"k": 3, "shares": (1,)}), ("batchtopk", {"k": 3})))
    torch.testing.assert_close(nested.loss(x, dead).total, plain.loss(x, dead).total, rtol=1e-12, atol=1e-12)
