"""Splices against the forward pass written out, metrics against sums over all rows at once."""

import math

import numpy as np
import pytest
import torch

from saekit import corpus
from saekit.intervene import evaluate_sae, spliced_loss, unigram_cross_entropy
from saekit.sae import new_sae
from saekit.transformer import next_token_loss, weight_hash
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
