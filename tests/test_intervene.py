"""Splices against the forward pass written out, metrics against sums over all rows at once."""

import math

import numpy as np
import pytest
import torch

from saekit import corpus, intervene
from saekit.intervene import evaluate_sae, spliced_loss, unigram_cross_entropy
from saekit.sae import new_sae
from saekit.transformer import logits, mlp_post, next_token_loss, weight_hash
from tests import tiny_lm
from tests.test_transformer import as_tensor, by_hand, losses_by_hand
from tests.tiny_lm import tiny  # noqa: F401


def test_splicing_the_identity_changes_nothing():
    tokens = as_tensor(tiny_lm.contexts(5))
    for a, b in zip(spliced_loss(tiny_lm.lm(), tokens, 0, lambda x: x), next_token_loss(tiny_lm.lm(), tokens)):
        assert torch.equal(a, b)


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_splice_replaces_the_neurons_of_file_tokens_and_only_those(value):
    tokens = tiny_lm.contexts(5)
    keep = (tokens != 0)[..., None]
    expected = losses_by_hand(tiny_lm.lm(), tokens, lambda neurons: np.where(keep, value, neurons))
    loss, _ = spliced_loss(tiny_lm.lm(), as_tensor(tokens), 0, lambda rows: torch.full_like(rows, value))
    np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-4)
    assert np.abs(expected - losses_by_hand(tiny_lm.lm(), tokens)).max() > 0.1


def test_a_replacement_sees_rows_of_file_tokens_in_reading_order():
    tokens, seen = tiny_lm.contexts(3), []
    spliced_loss(tiny_lm.lm(), as_tensor(tokens), 0, lambda rows: seen.append(rows) or rows)
    np.testing.assert_allclose(seen[0], by_hand(tiny_lm.lm(), tokens)[0][tokens != 0], rtol=1e-4, atol=1e-5)


def test_unigram_cross_entropy_by_hand():
    # counts plus one: 1, 4, 2, 1 of 8. From tokens of files: 1 -> 2, 2 -> 0, 3 -> 1 with p = 1/4, 1/8, 1/2
    contexts = np.array([[0, 1, 2, 0], [0, 3, 1, 3]])[:, :4]
    expected = (math.log(4) + math.log(8) + math.log(2) + math.log(8)) / 4  # and the last, 1 -> 3
    assert unigram_cross_entropy(np.array([0, 3, 1, 0]), contexts) == pytest.approx(expected)


class Metrics:
    """What evaluate_sae should report, from all rows at once in float64."""

    def __init__(self, sae, contexts):
        lm, keep = tiny_lm.lm(), contexts != 0
        x = by_hand(lm, contexts)[0][keep]
        weights = {name: p.double().numpy() for name, p in sae.state_dict().items()}
        latents = np.maximum((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"], 0)
        x_hat = latents @ weights["W_dec"] + weights["b_dec"]
        self.tokens, self.l0 = len(x), (latents > 0).sum() / len(x)
        self.explained_variance = 1 - ((x - x_hat) ** 2).sum() / x.var(0).sum() / len(x)
        self.r2_uncentred, self.mse = 1 - ((x - x_hat) ** 2).sum() / (x**2).sum(), ((x - x_hat) ** 2).sum(1).mean()
        self.dead_fraction = np.mean([not column.any() for column in latents.T])

        def splice(rows):
            def edit(neurons):
                edited = neurons.copy()
                edited[keep] = rows
                return edited

            return losses_by_hand(lm, contexts, edit)[keep[:, :-1]].mean()

        self.ce_clean, self.ce_recon, self.ce_zero, self.ce_mean = (
            splice(x),
            splice(x_hat),
            splice(0 * x),
            splice(x.mean(0)),
        )


@pytest.fixture
def measured(tiny):  # noqa: F811
    sae = new_sae("relu", 24, 40, seed=3)
    with torch.no_grad():
        sae.b_enc.uniform_(-3, 0.2, generator=torch.Generator().manual_seed(0))
    lm, before = tiny_lm.lm(), weight_hash(tiny_lm.lm().model)
    metrics = evaluate_sae(sae, lm, tokens=1500)
    assert weight_hash(lm.model) == before
    stream = corpus.load_corpus("validation", lm.tokenizer)
    return metrics, Metrics(sae, corpus.contexts(stream, 16)[:100]), stream  # 1500 tokens are 100 contexts of 15


def test_evaluation_equals_the_metrics_of_all_rows_at_once(measured):
    metrics, expected, _ = measured
    for name, value in vars(expected).items():
        assert metrics[name] == pytest.approx(value, rel=1e-4), name
    assert 0 < metrics["dead_fraction"] < 1 and metrics["utilization"] == pytest.approx(1 - metrics["dead_fraction"])


def test_derived_metrics_follow_from_the_cross_entropies(measured):
    m, _, stream = measured
    assert m["ce_increase"] == pytest.approx(m["ce_recon"] - m["ce_clean"])
    assert m["ce_recovered_vs_zero"] == pytest.approx((m["ce_zero"] - m["ce_recon"]) / (m["ce_zero"] - m["ce_clean"]))
    assert m["ce_recovered_vs_mean"] == pytest.approx((m["ce_mean"] - m["ce_recon"]) / (m["ce_mean"] - m["ce_clean"]))
    assert m["ce_increase_share"] == pytest.approx(m["ce_increase"] / (m["ce_unigram"] - m["ce_clean"]))
    assert 0 < m["ce_unigram"] < math.log(300) and m["corpus"] == stream.manifest._asdict()


def test_the_unigram_baseline_counts_the_training_text_that_is_given(tiny):  # noqa: F811
    sae, lm = new_sae("relu", 24, 8), tiny_lm.lm()
    one_token = corpus.load_corpus("train", lm.tokenizer)
    one_token = one_token._replace(tokens=np.full(999_700, 5))  # every other of the 300 tokens: 1 in a million
    assert evaluate_sae(sae, lm, tokens=600, train=one_token)["ce_unigram"] == pytest.approx(math.log(1e6), rel=0.03)


def test_the_density_histogram_counts_every_living_latent_once(measured):
    metrics, histogram = measured[0], measured[0]["density_histogram"]
    assert sum(histogram["latents"]) == round(40 * metrics["utilization"])
    assert len(histogram["log10_edges"]) == len(histogram["latents"]) + 1 and histogram["log10_edges"][-1] == 0


def test_a_perfect_reconstruction_scores_one_and_costs_nothing(tiny):  # noqa: F811
    sae = new_sae("relu", 24, 24)  # neurons are non-negative: the identity is an SAE
    with torch.no_grad():
        sae.W_dec.copy_(torch.eye(24))
        sae.W_enc.copy_(torch.eye(24))
    metrics = evaluate_sae(sae, tiny_lm.lm(), tokens=600)
    assert (
        metrics["explained_variance"] == 1
        and metrics["ce_recon"] == metrics["ce_clean"]
        and metrics["ce_recovered_vs_zero"] == 1
    )


def test_an_sae_of_another_model_and_too_few_tokens_are_errors(tiny):  # noqa: F811
    with pytest.raises(ValueError, match="d_in=512 but layer 0 of tiny has d_mlp=24"):
        evaluate_sae(new_sae("relu", 512, 8), tiny_lm.lm())
    with pytest.raises(ValueError, match="tokens is 0"):
        evaluate_sae(new_sae("relu", 24, 8), tiny_lm.lm(), tokens=0)


def an_sae(arch="relu"):
    """An SAE whose latents fire on about half of the tiny model's tokens."""
    sae = new_sae(arch, 24, 40, seed=3, **({"k": 8} if arch == "topk" else {}))
    with torch.no_grad():
        sae.b_enc.uniform_(-1, 0.2, generator=torch.Generator().manual_seed(0))
    return sae


def values_of(sae, tokens):
    """Latents (batch, n_ctx, d_sae) of the tiny model's tokens."""
    return sae.encode(mlp_post(tiny_lm.lm(), tokens).flatten(0, 1)).detach().unflatten(0, tokens.shape)


@pytest.mark.parametrize("arch", ["relu", "topk"])
def test_a_clamp_adds_the_difference_along_the_decoder_row_and_keeps_the_error(arch):
    sae, rng = an_sae(arch), np.random.default_rng(0)
    x = torch.from_numpy(rng.exponential(size=(9, 24)).astype(np.float32))
    latents = sae.encode(x).detach()
    latent = int(latents.sum(0).argmax())
    changed = latents.clone()
    changed[:, latent] = 1.5
    error = x - sae.decode(latents)
    torch.testing.assert_close(intervene.clamp(sae, latent, 1.5)(x), (sae.decode(changed) + error).detach())
    assert not torch.allclose(intervene.clamp(sae, latent, 1.5)(x), x, atol=0.1)


@pytest.mark.parametrize("arch", ["relu", "topk"])
def test_steering_to_its_own_value_leaves_the_logits(arch):
    sae, tokens = an_sae(arch), as_tensor(tiny_lm.contexts(6))
    latent = int(values_of(sae, tokens).sum((0, 1)).argmax())
    own = intervene.clamp(sae, latent, lambda z: z)
    steered = intervene.spliced(logits, tiny_lm.lm(), tokens, 0, own)
    assert (steered - logits(tiny_lm.lm(), tokens)).abs().max() <= 1e-4


def test_ablating_a_latent_that_does_not_fire_changes_nothing_exactly():
    sae, tokens = an_sae("topk"), as_tensor(tiny_lm.contexts(6))
    with torch.no_grad():
        sae.b_enc[7] = -1e3
    changed = intervene.spliced(logits, tiny_lm.lm(), tokens, 0, intervene.ablate(sae, 7))
    assert torch.equal(changed, logits(tiny_lm.lm(), tokens))
    assert (intervene.loss_change(tiny_lm.lm(), tokens, 0, intervene.ablate(sae, 7)) == 0).all()


def test_the_change_of_loss_is_that_of_the_forward_pass_written_out():
    sae, tokens, latent = an_sae(), tiny_lm.contexts(5), 0
    latent = int(values_of(sae, as_tensor(tokens)).sum((0, 1)).argmax())
    counts, direction = tokens != 0, sae.W_dec[latent].detach().double().numpy()
    values = values_of(sae, as_tensor(tokens))[..., latent].numpy() * counts
    edit = lambda neurons: neurons - values[..., None] * direction  # noqa: E731
    expected = (losses_by_hand(tiny_lm.lm(), tokens, edit) - losses_by_hand(tiny_lm.lm(), tokens)) * counts[:, :-1]
    change = intervene.loss_change(tiny_lm.lm(), as_tensor(tokens), 0, intervene.ablate(sae, latent))
    np.testing.assert_allclose(change, expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected).max() > 0.01


def test_the_control_direction_makes_steps_of_the_same_length():
    sae, x = an_sae(), torch.rand(9, 24, generator=torch.Generator().manual_seed(1))
    other = torch.linspace(-1, 3, 24)
    steps = [intervene.clamp(sae, 4, 2.0, direction)(x) - x for direction in (None, other, 10 * other)]
    torch.testing.assert_close(steps[0].norm(dim=1), steps[1].norm(dim=1))
    torch.testing.assert_close(steps[1], steps[2])
    torch.testing.assert_close(steps[1] / steps[1].norm(dim=1, keepdim=True), (other / other.norm()).expand(9, 24))


def test_probabilities_are_those_of_the_last_token():
    tokens = as_tensor(tiny_lm.contexts(3))
    p = intervene.next_probabilities(tiny_lm.lm(), tokens)
    torch.testing.assert_close(p.log(), logits(tiny_lm.lm(), tokens)[:, -1].log_softmax(-1))
    pushed = intervene.next_probabilities(tiny_lm.lm(), tokens, 0, intervene.clamp(an_sae(), 1, 5.0))
    torch.testing.assert_close(pushed.sum(1), torch.ones(3))
    assert (pushed - p).abs().max() > 0.01


def test_generation_goes_on_token_by_token_past_the_context():
    tokens, lm = as_tensor(tiny_lm.contexts(2))[:, :10], tiny_lm.lm()
    written = intervene.generate(lm, tokens, 12)
    assert written.shape == (2, 22) and torch.equal(written[:, :10], tokens)
    for length in (10, 15):
        assert torch.equal(written[:, length], logits(lm, written[:, :length])[:, -1].argmax(-1))
    last = torch.cat([written[:, :1], written[:, 6:21]], 1)
    assert torch.equal(written[:, 21], logits(lm, last)[:, -1].argmax(-1))


def test_generation_draws_the_same_with_the_same_seed_and_follows_the_splice():
    tokens, lm = as_tensor(tiny_lm.contexts(2))[:, :4], tiny_lm.lm()
    draws = [intervene.generate(lm, tokens, 6, temperature=1.0, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    steered = intervene.generate(lm, tokens, 6, replacement=lambda x: x + 3)
    assert not torch.equal(steered, intervene.generate(lm, tokens, 6))


def test_a_latent_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="latent is 40; this SAE has latents 0 to 39"):
        intervene.clamp(an_sae(), 40, 1.0)


def test_one_ablation_per_token_in_one_pass_equals_each_ablation_alone():
    sae, contexts = an_sae("topk"), tiny_lm.contexts(4)
    latents, values, changes = intervene.ablate_one_each(sae, tiny_lm.lm(), contexts, np.ones(40))
    keep, tokens = contexts[:, :-1] != 0, as_tensor(contexts)
    assert latents.shape == values.shape == changes.shape == (keep.sum(),) and len(set(latents)) > 5
    for latent in sorted(set(latents))[:6]:
        alone = intervene.loss_change(tiny_lm.lm(), tokens, 0, intervene.ablate(sae, int(latent))).numpy()[keep]
        np.testing.assert_allclose(changes[latents == latent], alone[latents == latent], rtol=1e-3, atol=1e-4)
        expected = values_of(sae, tokens)[:, :-1, latent].numpy()[keep]
        np.testing.assert_allclose(values[latents == latent], expected[latents == latent])


def test_the_control_of_one_ablation_per_token_pushes_for_the_same_latents_by_the_same_lengths():
    sae, lm = an_sae("topk"), tiny_lm.lm()
    contexts = tiny_lm.contexts(4 + 2 * 2048 // lm.n_ctx)                   # three blocks, whose draws follow each other
    latents, values, changes = intervene.ablate_one_each(sae, lm, contexts, np.ones(40))
    same, lengths, control = intervene.ablate_one_each(sae, lm, contexts, np.ones(40), control=True)
    np.testing.assert_array_equal(same, latents)
    np.testing.assert_array_equal(lengths, values)
    assert np.abs(control - changes).max() > 0.01
