"""The fast step against the plain losses in `sae.py`: values and gradients."""

import pytest
import torch

from saekit import kernels
from saekit.sae import new_sae


def pair(arch="topk", d_in=6, d_sae=40, seed=0, **settings):
    """Two equal SAEs with every parameter away from its initial value."""
    saes = [new_sae(arch, d_in, d_sae, **settings) for _ in range(2)]
    generator = torch.Generator().manual_seed(seed)
    noise = [0.3 * torch.randn(parameter.shape, generator=generator) for parameter in saes[0].parameters()]
    for sae in saes:
        with torch.no_grad():
            for parameter, change in zip(sae.parameters(), noise):
                parameter.add_(change)
    return saes


def rows(n=16, d_in=6, seed=1):
    return torch.randn(n, d_in, generator=torch.Generator().manual_seed(seed))


def assert_equal_steps(plain, fast, x, dead=None, warmth=1.0):
    """Both losses, their terms, counts and all gradients agree to 1e-5."""
    expected, got = plain.loss(x, dead, warmth), kernels.loss(fast, x, dead, warmth)
    for name, value in expected._asdict().items():
        torch.testing.assert_close(getattr(got, name).float(), value.float(), rtol=1e-5, atol=1e-5, msg=name)
    expected.total.backward()
    got.total.backward()
    for (name, a), b in zip(plain.named_parameters(), fast.parameters()):
        torch.testing.assert_close(b.grad, a.grad, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.parametrize("k, n", [(1, 16), (5, 16), (40, 16), (5, 1), (40, 1)])
def test_the_fast_topk_step_equals_the_plain_one(k, n):
    assert_equal_steps(*pair(k=k), rows(n))


def test_it_does_so_with_dead_latents():
    assert_equal_steps(*pair(k=4), rows(), dead=torch.arange(40) % 3 == 0)
    assert_equal_steps(*pair(k=4), rows(), dead=torch.zeros(40, dtype=torch.bool))
    assert_equal_steps(*pair(k=4), rows(), dead=torch.ones(40, dtype=torch.bool))


def test_it_does_so_on_rows_of_zeros_and_rows_that_excite_nothing():
    plain, fast = pair(k=4)
    x = rows()
    x[:5] = 0
    x[5] = plain.b_dec.detach()
    with torch.no_grad():
        for sae in (plain, fast):
            sae.b_enc.sub_(2.5)
    assert_equal_steps(plain, fast, x)
    assert (plain.encode(x).count_nonzero(1) < 4).any(), "some rows fire fewer than k latents"


def test_ties_cost_the_same_and_fire_as_often():
    plain, fast = pair(k=4)
    with torch.no_grad():
        for sae in (plain, fast):  # every latent appears twice, so each choice is a tie
            sae.W_enc[:, 20:] = sae.W_enc[:, :20]
            sae.W_dec[20:] = sae.W_dec[:20]
            sae.b_enc[20:] = sae.b_enc[:20]
    expected, got = plain.loss(rows()), kernels.loss(fast, rows())
    torch.testing.assert_close(got.total, expected.total, rtol=1e-5, atol=1e-5)
    assert got.fired.sum() == expected.fired.sum()


def test_it_does_so_where_latents_outnumber_rows_and_rows_outnumber_latents():
    assert_equal_steps(*pair(k=3, d_sae=300), rows(7))
    assert_equal_steps(*pair(k=3, d_sae=7), rows(300))


def test_other_architectures_take_their_own_loss():
    assert_equal_steps(*pair("relu", l1_coeff=0.2), rows(), warmth=0.5)


def test_a_step_can_be_repeated_to_the_bit():
    grads = []
    for sae in pair(k=4):
        kernels.loss(sae, rows(), torch.arange(40) > 30).total.backward()
        grads.append([parameter.grad.clone() for parameter in sae.parameters()])
    assert all(map(torch.equal, *grads))
