"""SAEs against hand examples, finite differences, invariances and damaged files."""

from itertools import product

import pytest
import torch
from safetensors.torch import load_file, save_file

from saekit.sae import SAE, SAES, ReLUSAE, TopKSAE, geometric_median, load_sae, new_sae, save_sae, unit_rows

ARCHS = [("relu", {"l1_coeff": 0.3}), ("topk", {"k": 3}), ("batchtopk", {"k": 3}),
         ("jumprelu", {"l0_coeff": 0.1, "threshold": 0.4, "bandwidth": 0.3}),
         ("matryoshka", {"k": 3, "shares": (0.3, 0.6, 1)}), ("gated", {"l1_coeff": 0.3}), ("relu-tied", {"l1_coeff": 0.3}),
         ("relu-weighted", {"l1_coeff": 0.3}), ("relu-hoyer", {"hoyer_coeff": 0.4}),
         ("relu-l0", {"l0_coeff": 0.3, "slope": 3.0, "offset": -1.0})]


def trained_looking(arch, settings, d_in=5, d_sae=9, dtype=torch.float64):
    """An SAE with every parameter away from its initial value."""
    sae = new_sae(arch, d_in, d_sae, seed=1, **settings).to(dtype)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=dtype))
    return sae


def data(n=7, d_in=5, seed=3, dtype=torch.float64):
    return torch.randn(n, d_in, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def two_by_two(sae):
    """W_dec the identity, W_enc = ((1, 2), (0, 1)), b_enc = (-1, 0), b_dec = (1, 1)."""
    with torch.no_grad():
        for name, value in {
            "W_dec": [[1, 0], [0, 1]],
            "W_enc": [[1, 2], [0, 1]],
            "b_enc": [-1, 0],
            "b_dec": [1, 1],
        }.items():
            getattr(sae, name).copy_(torch.tensor(value))
    return sae


def test_a_relu_sae_of_two_latents_by_hand():
    # x - b_dec = (2, -1): pre_acts = (2 - 1, 4 - 1) = (1, 3), x_hat = (2, 4), error (1, -4): recon 17, l1 0.5 * 4
    sae = two_by_two(ReLUSAE(2, 2, l1_coeff=0.5))
    x = torch.tensor([[3.0, 0.0]])
    losses = sae.loss(x)
    assert sae.encode(x).tolist() == [[1, 3]] and sae(x).tolist() == [[2, 4]]
    assert [losses.total.item(), losses.recon.item(), losses.sparsity.item()] == [
        19,
        17,
        2,
    ] and losses.fired.tolist() == [1, 1]


def test_a_topk_sae_of_two_latents_by_hand():
    # k = 1 keeps the 3 alone: x_hat = (1, 4), error (2, -4): recon 20
    sae = two_by_two(TopKSAE(2, 2, k=1))
    losses = sae.loss(torch.tensor([[3.0, 0.0]]))
    assert sae.encode(torch.tensor([[3.0, 0.0]])).tolist() == [[0, 3]]
    assert [losses.total.item(), losses.sparsity.item(), losses.aux.item()] == [20, 0, 0] and losses.fired.tolist() == [
        0,
        1,
    ]


def test_auxk_by_hand():
    # latent 0 is dead and would read 1: its (1, 0) leaves (2, -4) - (1, 0), squared 17, over 32
    losses = two_by_two(TopKSAE(2, 2, k=1)).loss(torch.tensor([[3.0, 0.0]]), dead=torch.tensor([0]))
    assert losses.aux.item() == pytest.approx(17 / 32) and losses.total.item() == pytest.approx(20 + 17 / 32)


def test_auxk_moves_dead_latents_and_leaves_living_ones_alone():
    sae, dead = trained_looking("topk", {"k": 2}), torch.arange(6, 9)
    x = data()
    sae.auxk(x, x - sae(x).detach(), dead).backward()
    assert sae.W_dec.grad[dead].abs().sum() > 0 and sae.W_enc.grad[:, dead].abs().sum() > 0
    assert sae.W_dec.grad[:6].abs().sum() == 0 and sae.W_enc.grad[:, :6].abs().sum() == 0


def test_a_k_from_arithmetic_counts_as_the_whole_number_it_is():
    assert (TopKSAE(4, 8, k=8 / 4).encode(torch.randn(5, 4)) > 0).sum(1).max() <= 2


def test_topk_keeps_exactly_k_latents_also_among_ties_and_never_a_negative_one():
    sae = TopKSAE(3, 8, k=3)
    pre_acts = torch.tensor([[1.0] * 8, [5, 4, 3, 2, 1, 0, -1, -2], [1, 0, -1, -1, -1, -1, -1, -1]])
    latents = sae.activate(pre_acts)
    assert (latents > 0).sum(1).tolist() == [3, 3, 1] and (latents >= 0).all()
    assert latents[1].tolist() == [5, 4, 3, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("arch, settings", ARCHS)
def test_forward_is_decode_of_encode_and_its_loss_the_plain_sum(arch, settings):
    sae, x = trained_looking(arch, settings), data()
    latents = sae.encode(x)
    assert torch.equal(sae(x), sae.decode(latents)) and (latents >= 0).all()
    x_hats = [sae.decode(latents * (torch.arange(9) < end)) for end in sae.prefixes]
    by_loops = [sum(sum((x[i, j] - x_hat[i, j]) ** 2 for j in range(5)) for i in range(7)) / 7 for x_hat in x_hats]
    losses = sae.loss(x)
    torch.testing.assert_close(losses.recon, sum(by_loops) / len(by_loops))
    assert losses.smallest == latents[latents > 0].min() and torch.equal(losses.fired, (latents > 0).sum(0))


def with_frozen_parts(sae, x, dead, warmth):
    """The loss as a function of the parameters alone, with what its gradient takes as given held at today's values: the
    residual that AuxK explains, the decoder behind Gated's gate."""
    resid, W_dec, b_dec = (x - sae(x)).detach(), sae.W_dec.detach().clone(), sae.b_dec.detach().clone()

    def loss():
        losses = sae.loss(x, dead, warmth)
        if sae.arch == "gated":
            aux = (x - torch.relu(sae.pre_acts(x)) @ W_dec - b_dec).square().sum(1).mean()
        else:
            aux = sae.auxk(x, resid, dead) if sae.auxk_coeff else 0.0
        return float(losses.recon + losses.sparsity + aux)

    return loss


@torch.no_grad()
def slope(function, entry, h=1e-6):
    """Central difference of function() as `entry`, one number of a parameter, moves."""
    value, values = entry.item(), []
    for step in (h, -h):
        entry.fill_(value + step)
        values.append(function())
    entry.fill_(value)
    return (values[0] - values[1]) / (2 * h)


@pytest.mark.parametrize("arch, settings", ARCHS)
@pytest.mark.parametrize("warmth", [1.0, 0.25])
def test_gradients_equal_finite_differences(arch, settings, warmth):
    sae, x, dead = trained_looking(arch, settings), data(), torch.arange(7, 9)
    loss = with_frozen_parts(sae, x, dead, warmth)
    sae.loss(x, dead, warmth).total.backward()
    for name, parameter in sae.named_parameters():
        if name != "threshold":  # the derivative of a smoothed loss: test_sae_gates.py
            for place in list(product(*map(range, parameter.shape)))[::4]:
                expected = slope(loss, parameter.detach()[place])
                assert parameter.grad[place].item() == pytest.approx(expected, rel=1e-5, abs=1e-7), name


@pytest.mark.parametrize("arch, settings", ARCHS)
def test_a_folded_sae_gives_on_raw_x_what_it_gave_on_scaled_x(arch, settings):
    sae, raw, mean, scale = trained_looking(arch, settings), 4 * data() + 2, data(1)[0] + 2, 3.7
    sae.observe(sae.loss((raw - mean) / scale))     # gives BatchTopK and Matryoshka a threshold, which folds too
    latents, x_hat = sae.encode((raw - mean) / scale), sae((raw - mean) / scale)
    lengths = sae.W_dec.new_ones(9) if sae.unit_norm else sae.W_dec.norm(dim=1)
    directions = sae.W_dec / lengths[:, None]
    sae.fold(mean, scale)
    torch.testing.assert_close(sae.encode(raw), scale * lengths * latents, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(sae(raw), scale * x_hat + mean, rtol=1e-12, atol=1e-12)
    assert torch.equal(sae.W_dec, directions)


@pytest.mark.parametrize("arch, settings", ARCHS)
def test_permuting_the_latents_changes_no_output(arch, settings):
    sae, x, order = trained_looking(arch, settings), data(), torch.tensor([3, 1, 4, 0, 8, 2, 7, 5, 6])
    before = sae(x)
    with torch.no_grad():
        for name, parameter in sae.named_parameters():
            if name != "b_dec":
                parameter.copy_(parameter[:, order] if name == "W_enc" else parameter[order])
    torch.testing.assert_close(sae(x), before, rtol=1e-12, atol=1e-12)


def test_a_new_sae_has_unit_decoder_rows_its_transpose_and_its_seed():
    sae = new_sae("relu", 6, 20, seed=4)
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(20))
    assert torch.equal(sae.W_enc, sae.W_dec.t()) and not sae.b_enc.any() and not sae.b_dec.any()
    assert torch.equal(new_sae("relu", 6, 20, seed=4).W_dec, sae.W_dec) and not torch.equal(
        new_sae("relu", 6, 20).W_dec, sae.W_dec
    )


def test_unit_rows_leave_a_zero_row_finite():
    assert unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]


def test_the_geometric_median_sits_where_most_points_are_and_in_the_middle_of_a_cross():
    heavy = torch.tensor(
        [[0.0, 0.0]] * 5 + [[10.0, 0.0], [0.0, 10.0]]
    )  # a majority in one point wins whatever the others do
    assert geometric_median(heavy, 200).abs().max() < 1e-3
    cross = torch.tensor(
        [[1.0, 0.0], [-9.0, 0.0], [0.0, 2.0], [0.0, -3.0]]
    )  # the crossing of the diagonals; the mean is (-2, -0.25)
    torch.testing.assert_close(geometric_median(cross, 2000), torch.zeros(2), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: new_sae("gatd", 4, 8), "unknown architecture 'gatd'; known ones are topk, batchtopk, matryoshka, jumprelu"),
        (lambda: new_sae("matryoshka", 4, 8, k=1, shares=(0.5, 0.25, 1)), "shares of d_sae from above 0 rising to 1"),
        (lambda: new_sae("matryoshka", 4, 8, k=1, shares=(0.5,)), r"shares is \[0.5\]"),
        (lambda: new_sae("jumprelu", 4, 8, bandwidth=0), "bandwidth is 0"),
        (lambda: new_sae("gated", 4, 8, l1_coeff=-1), "l1_coeff is -1"),
        (lambda: new_sae("relu-hoyer", 4, 8, hoyer_coeff=-1), "hoyer_coeff is -1"),
        (lambda: new_sae("relu-l0", 4, 8, slope=0), "slope is 0"),
        (lambda: TopKSAE(4, 8, k=9), "k is 9 but the SAE has d_sae=8"),
        (lambda: TopKSAE(4, 8, k=0), "1 <= k"),
        (lambda: TopKSAE(4, 8, k=True), "k is True"),
        (lambda: ReLUSAE(4, 0), "d_sae is 0"),
        (lambda: ReLUSAE(4, 8, l1_coeff=-1), "l1_coeff is -1"),
        (lambda: ReLUSAE(4, 8, l1_coeff=float("nan")), "l1_coeff is nan"),
        (lambda: ReLUSAE(4, 8, l1_coeff=float("inf")), "l1_coeff is inf"),
        (lambda: new_sae("jumprelu", 4, 8, bandwidth=float("inf")), "bandwidth is inf"),
        (lambda: ReLUSAE(4, 8)(torch.ones(2, 5)), "reads rows of d_in=4"),
        (lambda: ReLUSAE(4, 8)(torch.ones(4)), "reads rows of d_in=4"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_frame_itself_is_no_architecture():
    assert SAE not in SAES.values()
    with pytest.raises(TypeError, match="ReLUSAE or TopKSAE"):
        SAE(2, 3)(torch.ones(1, 2))


@pytest.mark.parametrize("arch, settings", ARCHS)
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 0), (torch.float16, 2e-3), (torch.int8, 1e-2)])
def test_a_saved_sae_comes_back(tmp_path, arch, settings, dtype, tolerance):
    sae, x = trained_looking(arch, settings, dtype=torch.float32), data(dtype=torch.float32)
    sae.observe(sae.loss(x))
    save_sae(sae, tmp_path / "sae.safetensors", dtype, {"note": "kept"})
    for path in (tmp_path, tmp_path / "sae.safetensors"):
        back = load_sae(path)
        assert (back.arch, back.settings, back.W_dec.dtype) == (arch, sae.settings, torch.float32)
        for name, parameter in sae.state_dict().items():
            exact = tolerance if parameter.ndim == 2 else 0  # biases and thresholds are never rounded
            torch.testing.assert_close(back.state_dict()[name], parameter, rtol=exact, atol=exact)
    if dtype == torch.float32:
        assert torch.equal(back(x), sae(x))


@pytest.mark.parametrize("arch, settings", ARCHS)
def test_folded_saved_and_loaded_in_float32_an_sae_does_the_same_to_1e_5(tmp_path, arch, settings):
    sae, raw = trained_looking(arch, settings, dtype=torch.float32), 4 * data(dtype=torch.float32) + 2
    mean, scale = raw[0] - 1, 3.7
    sae.observe(sae.loss((raw - mean) / scale))
    x_hat = scale * sae((raw - mean) / scale) + mean
    save_sae(sae.fold(mean, scale), tmp_path / "sae.safetensors")
    torch.testing.assert_close(load_sae(tmp_path)(raw), x_hat, rtol=1e-5, atol=1e-5)


def damaged(path, change):
    """A saved SAE with its tensors and header changed by change(tensors, header)."""
    import json

    from safetensors import safe_open

    save_sae(trained_looking("topk", {"k": 3}, dtype=torch.float32), path)
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["saekit"])
    tensors = load_file(path)
    change(tensors, header)
    save_file({name: t.contiguous() for name, t in tensors.items()}, path, {"saekit": json.dumps(header)})
    return path


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t, h: t.update(W_enc=t["W_enc"].t()), r"W_enc is \(9, 5\), expected shape \(5, 9\)"),
        (lambda t, h: t.pop("b_dec"), "b_dec is nothing"),
        (lambda t, h: t["W_dec"].__setitem__((2, 1), float("nan")), "W_dec holds NaN"),
        (lambda t, h: t["b_enc"].__setitem__(0, float("inf")), "b_enc holds NaN or infinity"),
        (lambda t, h: t.update(b_enc=torch.ones(9, dtype=torch.int32)), "b_enc holds int32"),
        (lambda t, h: h.update(arch="gatd"), "unknown architecture 'gatd'"),
        (lambda t, h: h.update(settings={"depth": 2}), "header that describes no SAE"),
        (lambda t, h: h.update(d_sae="many"), "expected shape .many, 5."),
        (lambda t, h: h.clear(), "was not written by saekit: it holds W_dec, W_enc, b_dec, b_enc"),
    ],
)
def test_a_damaged_sae_file_is_an_error_that_names_it(tmp_path, change, message):
    with pytest.raises(ValueError, match=message) as error:
        load_sae(damaged(tmp_path / "odd.safetensors", change))
    assert "odd.safetensors" in str(error.value)


def test_missing_truncated_and_foreign_sae_files_are_errors(tmp_path):
    with pytest.raises(ValueError, match="no SAE at"):
        load_sae(tmp_path)
    path = damaged(tmp_path / "sae.safetensors", lambda t, h: None)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="cut off"):
        load_sae(path)
    save_file({"encoder.weight": torch.ones(2, 2)}, path)
    with pytest.raises(ValueError, match="holds encoder.weight and no saekit header"):
        load_sae(tmp_path)


def test_an_entry_that_float16_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    sae = new_sae("relu", 3, 4)
    with torch.no_grad():
        sae.W_enc[0, 0] = 1e5
    with pytest.raises(ValueError, match="not finite in torch.float16"):
        save_sae(sae, tmp_path / "large.safetensors", torch.float16)
    assert not list(tmp_path.iterdir())
