"""Harvest against the forward pass written out; the stream with rows that carry their own names."""

import numpy as np
import pytest
import torch

from saekit import activations
from saekit.activations import ActivationStream, harvest
from saekit.transformer import weight_hash
from tests import tiny_lm
from tests.test_transformer import by_hand


def test_harvest_gives_the_neurons_of_every_token_but_the_boundary_in_reading_order():
    contexts = tiny_lm.contexts(7)
    before = weight_hash(tiny_lm.lm().model)
    expected = by_hand(tiny_lm.lm(), contexts)[0][contexts != 0]
    np.testing.assert_allclose(harvest(tiny_lm.lm(), contexts, tokens_at_once=50), expected, rtol=1e-4, atol=1e-5)
    assert len(expected) < 7 * 15 and weight_hash(tiny_lm.lm().model) == before
    assert harvest(tiny_lm.lm(), contexts[:0]).shape == (0, 24)


N, T = 23, 8


def named_contexts():
    """Contexts whose tokens are all different, so that a token names its row; boundary tokens here and there."""
    tokens = np.arange(1, N * T + 1).reshape(N, T)
    tokens[:, 0] = 0
    tokens[::4, 5] = 0
    return tokens


@pytest.fixture
def harvests(monkeypatch):
    """Harvest replaced by the tokens themselves as rows of one column; the list of how many contexts each call took."""
    calls = []

    def tokens_as_rows(_lm, contexts, _layer=0):
        calls.append(len(contexts))
        return torch.from_numpy(contexts[contexts != 0].astype(np.float32))[:, None]

    monkeypatch.setattr(activations, "harvest", tokens_as_rows)
    return calls


def stream(batch=10, seed=0, chunk=4 * T):
    return ActivationStream(tiny_lm.lm(), named_contexts(), batch=batch, seed=seed, chunk=chunk)


ROWS = set(named_contexts()[named_contexts() != 0].tolist())


def epoch(s, batches):
    return [int(row) for _ in range(batches) for row in next(s)[:, 0]]


@pytest.mark.parametrize("batch", [1, 7, 10, 60, len(ROWS)])
def test_an_epoch_holds_every_row_once_but_a_rest_smaller_than_a_batch(harvests, batch):
    s = stream(batch)
    for number in range(3):
        rows = epoch(s, len(ROWS) // batch)
        assert (
            len(set(rows)) == len(rows) == len(ROWS) // batch * batch
            and set(rows) <= ROWS
            and s.state()["epoch"] == number
        )


def test_every_batch_has_its_size_and_no_boundary_token(harvests):
    s = stream()
    assert all(len(x) == 10 and (x != 0).all() for x, _ in zip(s, range(60)))


def test_each_chunk_is_harvested_once_an_epoch(harvests):
    s = stream(batch=3)
    epoch(s, len(ROWS) // 3)
    assert harvests == [4, 4, 4, 4, 4, 3]


def test_epochs_and_seeds_have_orders_of_their_own_and_the_same_seed_the_same(harvests):
    s = stream(batch=len(ROWS))
    first, second = epoch(s, 1), epoch(s, 1)
    assert first != second and set(first) == set(second)
    assert epoch(stream(batch=len(ROWS)), 1) == first != epoch(stream(batch=len(ROWS), seed=1), 1)


def test_the_first_chunk_is_a_sample_of_the_whole_corpus(harvests):
    rows = np.array(epoch(stream(batch=24), 1)) // T  # index of the context a row comes from
    assert rows.min() < N / 3 and rows.max() > 2 * N / 3 and len(set(rows)) >= 4


def test_rows_of_one_context_do_not_stay_together(harvests):
    rows = np.array(epoch(stream(batch=20), 1)) // T
    assert (rows[1:] == rows[:-1]).mean() < 0.6  # 26 rows of 4 contexts at random: a quarter; in reading order: 0.85


@pytest.mark.parametrize("batch", [7, 10, 60])
def test_a_restored_stream_goes_on_exactly_from_anywhere(harvests, batch):
    s, seen, states = stream(batch, seed=5), [], []
    for _ in range(3 * len(ROWS) // batch + 2):
        states.append(s.state())
        seen.append(next(s).clone())
    for i, state in enumerate(states):
        again = stream(batch, seed=0)
        again.restore(state)
        assert again.state() == state
        assert all(torch.equal(next(again), x) for x in seen[i : i + 4])


def test_the_state_is_three_integers(harvests):
    s = stream()
    next(s)
    assert s.state() == {"seed": 0, "epoch": 0, "position": 10}


def test_bad_streams_are_refused_before_anything_is_harvested(harvests):
    with pytest.raises(ValueError, match="but a batch takes 156"):
        stream(batch=len(ROWS) + 1)
    with pytest.raises(ValueError, match="batch is 0"):
        stream(batch=0)
    with pytest.raises(ValueError, match="layers 0 to 0"):
        ActivationStream(tiny_lm.lm(), named_contexts(), layer=3, batch=4)
    assert harvests == []
