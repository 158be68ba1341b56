"""The fast step against the plain losses in `sae.py`: values, gradients, and what is kept in memory."""

import copy

import pytest
import torch

from saekit import kernels
from saekit.sae import new_sae

ARCHS = {"topk": {"k": 4}, "batchtopk": {"k": 3}, "relu": {"l1_coeff": 0.2},
         "jumprelu": {"l0_coeff": 0.1, "threshold": 0.5, "bandwidth": 0.4}, "matryoshka": {"k": 3},
         "gated": {"l1_coeff": 0.2}, "relu-tied": {"l1_coeff": 0.2}, "relu-weighted": {"l1_coeff": 0.2},
         "relu-l0": {"l0_coeff": 0.2, "slope": 3.0}}
COUNTED = ["topk", "batchtopk", "matryoshka"]


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"], autouse=True)
def rounding(request, monkeypatch):
    """Both routes on every machine, and the sparse one at any density."""
    monkeypatch.setattr(kernels, "bf16_pays", lambda: request.param)
    monkeypatch.setattr(kernels, "SPARSE_BELOW", 2.0)


def pair(arch="topk", d_in=6, d_sae=40, seed=0, **settings):
    """Two equal SAEs with every parameter away from its initial value."""
    saes = [new_sae(arch, d_in, d_sae, **(settings or ARCHS[arch])) for _ in range(2)]
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
    """Both losses, their terms, counts and all gradients agree to 1e-5 of the largest entry (at least of 1)."""
    expected, got = plain.loss(x, dead, warmth), kernels.loss(fast, x, dead, warmth)
    expected.total.backward()
    got.total.backward()
    grads = [{name: parameter.grad for name, parameter in sae.named_parameters()} for sae in (plain, fast)]
    terms = dict(zip(expected._fields[:6], expected))
    for name, value in {**terms, **grads[0]}.items():
        value = value.detach().float()
        other = {**got._asdict(), **grads[1]}[name].detach().float()
        if torch.isinf(value).any():
            assert name == "smallest" and torch.equal(value, other)
            continue
        assert (other - value).abs().max() <= 1e-5 * max(1.0, float(value.abs().max())), name


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("n", [1, 16, 300])
def test_the_fast_step_equals_the_plain_one(arch, n):
    assert_equal_steps(*pair(arch), rows(n), warmth=0.5)


@pytest.mark.parametrize("arch", COUNTED)
@pytest.mark.parametrize("k", [1, 17, 40])
@pytest.mark.parametrize("n", [1, 16])
def test_it_does_so_for_any_k_up_to_all_latents(arch, k, n):
    assert_equal_steps(*pair(arch, k=k), rows(n))


@pytest.mark.parametrize("arch", ARCHS)
def test_it_does_so_at_a_size_where_rows_come_in_chunks_and_few_latents_fire(arch, monkeypatch):
    monkeypatch.setattr(kernels, "CHUNK", 2**8)
    plain, fast = pair(arch, d_in=32, d_sae=700)
    with torch.no_grad():
        for sae in (plain, fast):
            sae.b_enc.sub_(6.0)
    assert (plain.encode(rows(600, 32)) > 0).float().mean() < 0.05
    assert_equal_steps(plain, fast, rows(600, 32))


@pytest.mark.parametrize("arch", [*COUNTED, "jumprelu"])
@pytest.mark.parametrize("dead", [torch.arange(0, 40, 3), torch.arange(0), torch.arange(40)])
@pytest.mark.parametrize("route", [0.0, 9.0], ids=["dense", "sparse"])
def test_it_does_so_with_dead_latents(arch, dead, route, monkeypatch):
    monkeypatch.setattr(kernels, "AUXK_SPARSE_BELOW", route)
    assert_equal_steps(*pair(arch), rows(), dead=dead)


@pytest.mark.parametrize("arch", ARCHS)
def test_it_does_so_on_rows_of_zeros_and_rows_that_excite_nothing(arch):
    plain, fast = pair(arch)
    x = rows()
    x[:5] = 0
    x[5] = plain.b_dec.detach()
    with torch.no_grad():
        for sae in (plain, fast):
            sae.b_enc.sub_(2.5)
    assert (plain.encode(x).count_nonzero(1) == 0).any()
    assert_equal_steps(plain, fast, x)


@pytest.mark.parametrize("arch", ARCHS)
def test_it_does_so_where_nothing_fires_at_all(arch):
    plain, fast = pair(arch)
    with torch.no_grad():
        for sae in (plain, fast):
            sae.b_enc.fill_(-100.0)
    assert_equal_steps(plain, fast, rows())


@pytest.mark.parametrize("arch", COUNTED)
def test_ties_cost_the_same_and_fire_as_often(arch):
    plain, fast = pair(arch)
    with torch.no_grad():
        for sae in (plain, fast):  # every latent appears twice, so each choice is a tie
            sae.W_enc[:, 20:] = sae.W_enc[:, :20]
            sae.W_dec[20:] = sae.W_dec[:20]
            sae.b_enc[20:] = sae.b_enc[:20]
    expected, got = plain.loss(rows()), kernels.loss(fast, rows())
    torch.testing.assert_close(got.total, expected.total, rtol=1e-5, atol=1e-5)
    assert got.fired.sum() == expected.fired.sum()


@pytest.mark.parametrize("arch", ARCHS)
def test_it_does_so_where_latents_outnumber_rows_and_rows_outnumber_latents(arch):
    assert_equal_steps(*pair(arch, d_sae=300), rows(7))
    assert_equal_steps(*pair(arch, d_sae=7), rows(300))


@pytest.mark.parametrize("arch", ARCHS)
def test_its_gradients_are_as_near_to_float64_as_the_plain_ones(arch):
    plain, fast = pair(arch, d_in=64, d_sae=1000)
    exact, x = copy.deepcopy(plain).double(), rows(50, 64)
    exact.loss(x.double()).total.backward()
    plain.loss(x).total.backward()
    kernels.loss(fast, x).total.backward()
    for name, parameter in exact.named_parameters():
        errors = [(dict(sae.named_parameters())[name].grad - parameter.grad).norm() for sae in (plain, fast)]
        assert errors[1] < 3 * errors[0] + 1e-6 * parameter.grad.norm(), name


def test_a_penalty_over_whole_rows_takes_the_plain_route():
    assert "relu-hoyer" not in kernels.SELECT
    assert_equal_steps(*pair("relu-hoyer", hoyer_coeff=0.2), rows())


def test_a_variant_without_a_name_of_its_own_takes_the_plain_route():
    class Wide(type(new_sae("topk", 6, 40, k=4))):
        def activate(self, pre_acts):
            return torch.relu(pre_acts)

    sae = Wide(6, 40, k=4)
    assert kernels.loss(sae, rows()).recon == sae.loss(rows()).recon != kernels.loss(new_sae("topk", 6, 40, k=4), rows()).recon


@pytest.mark.parametrize("k", [1, 4])
def test_in_float64_no_latent_is_lost_at_the_border(k):
    plain, fast = (sae.double() for sae in pair("topk", 16, 256, k=k))
    x = rows(128, 16).double()
    expected, got = plain.loss(x), kernels.loss(fast, x)
    assert torch.equal(expected.fired, got.fired) and got.recon.item() == pytest.approx(expected.recon.item(), rel=1e-12)


def test_dense_latents_take_the_plain_route(monkeypatch):
    monkeypatch.setattr(kernels, "SPARSE_BELOW", 0.1)
    _, sae = pair("relu")
    monkeypatch.setattr(sae, "loss", lambda *args: "plain")
    assert kernels.loss(sae, rows()) == "plain"
    with torch.no_grad():
        sae.b_enc.sub_(10.0)
    assert kernels.loss(sae, rows()) != "plain"


@pytest.mark.parametrize("arch", ARCHS)
def test_no_array_of_the_size_batch_by_latents_is_made(arch, monkeypatch):
    monkeypatch.setattr(kernels, "CHUNK", 2**8)
    sae, x = pair(arch, d_in=8, d_sae=512)[0], rows(4096, 8)
    with torch.no_grad():
        sae.b_enc.sub_(3.0)
    with torch.profiler.profile(profile_memory=True) as profile:
        kernels.loss(sae, x).total.backward()
    largest = max(event.self_cpu_memory_usage for event in profile.events())
    assert 0 < largest < 4096 * 512, "bytes: a quarter of what batch by latents would take in float32"


def test_a_step_can_be_repeated_to_the_bit():
    grads = []
    for sae in pair():
        kernels.loss(sae, rows(), torch.arange(31, 40)).total.backward()
        grads.append([parameter.grad.clone() for parameter in sae.parameters()])
    assert all(map(torch.equal, *grads))
