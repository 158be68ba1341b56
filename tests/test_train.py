"""Training: resume to the bit after a kill anywhere, dead latents in tokens, resampling, what must not be lost."""

import json
import math
import multiprocessing
import os
import random
import signal
import time
from dataclasses import replace

import pytest
import torch

from saekit import activations, checkpoint, files, kernels, train
from saekit.sae import SAES, load_sae, new_sae
from saekit.train import Run, TrainConfig, learning_rate, next_batch, resample, train_sae, train_step

ARCHS = {"relu": {"l1_coeff": 0.05}, "topk": {"k": 3}, "batchtopk": {"k": 3}, "jumprelu": {"l0_coeff": 0.002},
         "matryoshka": {"k": 3}, "gated": {"l1_coeff": 0.02}, "relu-tied": {"l1_coeff": 0.05},
         "relu-weighted": {"l1_coeff": 0.05}, "relu-hoyer": {"hoyer_coeff": 0.01}, "relu-l0": {"l0_coeff": 0.001}}
CONFIG = TrainConfig(tokens=16 * 80, lr=5e-3, dead_after_tokens=100, resample_at=(0.3, 0.6), save_every=0)


class Batches:
    """Batches (16, 6) of mixtures of ten directions away from the origin; a position always has the same batch."""

    batch, layer = 16, 0

    def __init__(self, bad_at=None, pause=0.0):
        self.position, self.bad_at, self.pause = 0, bad_at, pause

    def __next__(self):
        generator = torch.Generator().manual_seed(self.position)
        codes = torch.rand(16, 10, generator=generator) * (torch.rand(16, 10, generator=generator) < 0.2)
        x = 3 * codes @ torch.randn(10, 6, generator=torch.Generator().manual_seed(99)) + 2
        if self.position == self.bad_at:
            x[3, 2] = float("nan")
        self.position += 1
        time.sleep(self.pause)
        return x

    def state(self):
        return {"position": self.position}

    def restore(self, state):
        self.position = state["position"]


def sae(arch="topk", d_sae=20):
    return new_sae(arch, 6, d_sae, **ARCHS[arch])


def weights(sae):
    return torch.cat([parameter.detach().flatten() for parameter in sae.parameters()])


def run_of(arch="topk", config=CONFIG, d_sae=20):
    """A Run after its start, ready for steps."""
    run = Run(sae(arch, d_sae), Batches(), config)
    run.start()
    return run


# ---- resume ----

KILLED = replace(CONFIG, save_every=0.02)


def train_in_child(arch, out, resume):
    """What a killed process runs: slow enough that a kill can come anywhere."""
    torch.set_num_threads(1)
    kernels.bf16_pays = lambda: False    # its trial may turn out otherwise in each process, and with it the last bits
    train_sae(sae(arch), Batches(pause=0.01), KILLED, out, {"note": 1}, resume)


@pytest.mark.parametrize("arch", [pytest.param("relu", marks=pytest.mark.slow), "topk"])
def test_killed_at_random_points_and_resumed_gives_the_same_bits(arch, tmp_path, monkeypatch):
    monkeypatch.setattr(kernels, "bf16_pays", lambda: False)
    whole, log = sae(arch), None
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        log = train_sae(whole, Batches(), KILLED)
    finally:
        torch.set_num_threads(threads)
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["saekit.train"])
    out, rng, kills = tmp_path / "run", random.Random(os.getpid()), 0
    while not (out / "log.json").is_file():
        child = context.Process(target=train_in_child, args=(arch, out, (out / "run.json").is_file()))
        child.start()
        steps, deadline = steps_done(out), time.monotonic() + 100
        while child.is_alive() and steps_done(out) == steps and time.monotonic() < deadline:
            time.sleep(0.005)
        child.join(rng.uniform(0, 0.1) if kills < 3 else None)
        if child.is_alive():
            child.kill()
            kills += 1
        child.join()
        assert child.exitcode in (0, -signal.SIGKILL)
    assert kills >= 1 and files.read_json(out / "log.json") == log
    assert torch.equal(weights(load_sae(out)), weights(whole))


def steps_done(out):
    """Step of the checkpoint in folder `out`, -1 if there is none; a checkpoint is whole at any moment."""
    path = out / "checkpoint.safetensors"
    return files.load_arrays(path)[1]["step"] if path.is_file() else -1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_inside_a_step_lets_the_step_end_and_saves_it(number, tmp_path, monkeypatch, capsys):
    whole, cut = sae(), sae()
    train_sae(whole, Batches(), CONFIG)
    interrupted_at(37, number, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train_sae(cut, Batches(), replace(CONFIG, save_every=1e9), tmp_path)
    assert steps_done(tmp_path) == 38 and "add --resume" in capsys.readouterr().out
    monkeypatch.undo()
    files.write_json(
        tmp_path / "run.json",
        {**files.read_json(tmp_path / "run.json"), "config": json.loads(json.dumps(vars(CONFIG)))},
    )
    again = sae()
    train_sae(again, Batches(), CONFIG, tmp_path, resume=True)
    assert torch.equal(weights(again), weights(whole))


@pytest.mark.parametrize("arch", sorted(ARCHS))
def test_a_run_stopped_and_resumed_ends_with_the_same_bits_buffers_included(arch, tmp_path, monkeypatch):
    config = replace(CONFIG, tokens=16 * 40, save_every=1e9)
    whole, again = sae(arch), sae(arch)
    log = train_sae(whole, Batches(), config)
    interrupted_at(21, signal.SIGINT, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train_sae(sae(arch), Batches(), config, tmp_path)
    monkeypatch.undo()
    assert train_sae(again, Batches(), config, tmp_path, resume=True) == log
    for name, array in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], array), name


def test_a_checkpoint_keeps_how_many_batches_were_left_out_which_are_no_steps_of_adam(tmp_path):
    run, path = run_of(), tmp_path / "checkpoint.safetensors"
    train_step(run, next(run.stream))
    run.step, run.left_out = 5, run.left_out + 2
    checkpoint.save(run, tmp_path)
    arrays, record = files.load_arrays(path)
    files.save_arrays(tmp_path / "older.safetensors", arrays, {key: record[key] for key in record if key != "left_out"})
    for file, left_out in ((path, 2), (tmp_path / "older.safetensors", 0)):
        again = run_of()
        checkpoint.load(again, file)
        assert again.left_out == left_out
        assert {float(state["step"]) for state in again.optimizer.state.values()} == {5 - left_out}


def test_a_new_run_does_not_go_on_from_a_checkpoint_that_lies_in_its_folder(tmp_path):
    train_sae(sae("topk"), Batches(), CONFIG, tmp_path / "old")
    train_sae(sae("topk"), Batches(), CONFIG, tmp_path / "alone")
    (tmp_path / "new").mkdir()
    (tmp_path / "old" / "checkpoint.safetensors").rename(tmp_path / "new" / "checkpoint.safetensors")
    train_sae(sae("topk"), Batches(), CONFIG, tmp_path / "new")
    assert torch.equal(weights(load_sae(tmp_path / "new")), weights(load_sae(tmp_path / "alone")))
    assert (tmp_path / "new" / "run.json").is_file()


def test_a_foreign_checkpoint_is_an_error_that_names_it(tmp_path):
    files.save_arrays(tmp_path / "other.safetensors", {"weights": torch.ones(3).numpy()}, {"epoch": 1})
    with pytest.raises(ValueError, match="other.safetensors is no checkpoint of this run"):
        checkpoint.load(run_of(), tmp_path / "other.safetensors")


def interrupted_at(step, number, monkeypatch, times=1):
    """Send this process a signal in the middle of that step."""
    plain = train.kernels.loss

    def loss(sae, x, *args):
        calls.append(len(x))
        for _ in range(times if len(calls) == step + 1 else 0):
            os.kill(os.getpid(), number)
        return plain(sae, x, *args)

    calls = []
    monkeypatch.setattr(train.kernels, "loss", loss)


def test_a_second_signal_stops_inside_the_step_and_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    interrupted_at(20, signal.SIGINT, monkeypatch, times=2)
    with pytest.raises(KeyboardInterrupt):
        train_sae(sae(), Batches(), CONFIG, tmp_path)
    assert steps_done(tmp_path) == 20


def test_handlers_of_signals_are_put_back(tmp_path):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train_sae(sae(), Batches(), CONFIG)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_the_sae_beside_a_checkpoint_reads_raw_activations(tmp_path, monkeypatch):
    interrupted_at(70, signal.SIGINT, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        train_sae(sae(), Batches(), CONFIG, tmp_path)
    x = next(Batches())
    assert (load_sae(tmp_path)(x) - x).square().sum() < 0.7 * (x - x.mean(0)).square().sum()


# ---- what must not be lost ----


def test_nan_activations_name_layer_and_batch_and_keep_the_run_so_far(tmp_path):
    with pytest.raises(
        ValueError, match=r"activations of layer 0 hold NaN or infinity in the batch that ends at position 51"
    ):
        train_sae(sae(), Batches(bad_at=50), CONFIG, tmp_path)
    assert steps_done(tmp_path) == 50
    whole, again = sae(), sae()
    train_sae(whole, Batches(), CONFIG)
    train_sae(again, Batches(), CONFIG, tmp_path, resume=True)  # the model was mended: nothing is lost or skipped
    assert torch.equal(weights(again), weights(whole))


def test_nan_in_the_first_batches_leaves_no_trace(tmp_path):
    with pytest.raises(ValueError, match="position 3"):
        train_sae(sae(), Batches(bad_at=2), CONFIG, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_batch_leaves_the_stream_before_it():
    stream = Batches(bad_at=0)
    with pytest.raises(ValueError, match="position 1"):
        next_batch(stream)
    assert stream.state() == {"position": 0}


def test_a_diverged_loss_is_an_error_and_never_saved(tmp_path):
    with pytest.raises(ValueError, match="lr=1e\\+30 too high"):
        train_sae(sae("relu"), Batches(), TrainConfig(tokens=16 * 50, lr=1e30, save_every=0), tmp_path)
    assert torch.isfinite(weights(load_sae(tmp_path))).all()


@pytest.mark.parametrize("width", [1, 5])
def test_rows_of_another_width_are_an_error_that_names_both(width):
    stream = activations.ArrayStream(torch.randn(200, width), 16)
    with pytest.raises(ValueError, match=f"rows have {width} entries but this SAE reads d_in=6"):
        train_sae(sae(), stream, CONFIG)


@pytest.mark.parametrize("value", [1.0, 0.1])      # the mean of many 0.1 is not exactly 0.1
def test_constant_activations_are_an_error(value):
    stream = Batches()
    stream.__class__ = type("Constant", (Batches,), {"__next__": lambda self: torch.full((16, 6), value)})
    with pytest.raises(ValueError, match="all activations are equal"):
        train_sae(sae(), stream, CONFIG)


def test_a_folder_with_another_run_is_left_alone(tmp_path):
    train_sae(sae(), Batches(), CONFIG, tmp_path, {"model": "a"})
    content = (tmp_path / "sae.safetensors").read_bytes()
    for resume, metadata, message in (
        (False, {"model": "a"}, "already holds a run"),
        (True, {"model": "b"}, "other settings"),
    ):
        with pytest.raises(ValueError, match=message):
            train_sae(sae(), Batches(), CONFIG, tmp_path, metadata, resume)
    with pytest.raises(ValueError, match="other settings"):
        train_sae(sae(), Batches(), replace(CONFIG, tokens=99), tmp_path, {"model": "a"}, resume=True)
    with pytest.raises(ValueError, match="no run to resume"):
        train_sae(sae(), Batches(), CONFIG, tmp_path / "new", resume=True)
    assert (tmp_path / "sae.safetensors").read_bytes() == content


def test_resuming_a_run_that_reached_its_end_changes_nothing(tmp_path):
    first, again = sae(), sae()
    log = train_sae(first, Batches(), CONFIG, tmp_path)
    assert train_sae(again, Batches(), CONFIG, tmp_path, resume=True) == log
    assert torch.equal(weights(again), weights(first)) and torch.equal(weights(load_sae(tmp_path)), weights(first))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"tokens": 0}, "tokens is 0"),
        ({"lr": 0}, "lr is 0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"decay": "step"}, "'linear' or 'cosine'"),
        ({"decay_from": 1.5}, "decay_from is 1.5"),
        ({"decay_from": -0.1}, "decay_from is -0.1"),
        ({"dead_after_tokens": 0}, "dead_after_tokens is 0"),
        ({"clip": -1}, "clip is -1"),
        ({"warmup": 1.5}, "warmup 1.5"),
        ({"save_every": float("nan")}, "save_every nan"),
        ({"resample_at": (0.2, 1.0)}, "resample_at is .0.2, 1.0."),
        ({"encoder_eps": 0}, "encoder_eps is 0"),
        ({"bias_rate": 1.5}, "bias_rate 1.5"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**settings)


# ---- the loop ----


@pytest.mark.parametrize("arch", ["relu", "topk", "jumprelu", "gated"])
def test_the_loss_falls_and_the_result_reads_raw_activations(arch):
    result = sae(arch)
    log = train_sae(result, Batches(), TrainConfig(tokens=16 * 600, lr=5e-3))
    assert log[-1]["loss"] < 0.5 * log[0]["loss"] and log[-1]["tokens"] == 16 * 600
    x = torch.cat([next(Batches()) for _ in range(1)])
    assert (result(x) - x).square().sum() < 0.5 * (x - x.mean(0)).square().sum()


def test_training_is_the_same_twice():
    results = [sae(), sae()]
    logs = [train_sae(result, Batches(), CONFIG) for result in results]
    assert logs[0] == logs[1] and torch.equal(*map(weights, results))


def test_inputs_are_centred_and_scaled_to_unit_mean_square():
    run = run_of()
    x = torch.cat([next(run.stream) for _ in range(train.PREVIEW_BATCHES)])
    u = (x - run.mean) / run.scale
    torch.testing.assert_close(u.mean(0), torch.zeros(6), atol=1e-6, rtol=0)
    assert u.square().sum(1).mean().item() == pytest.approx(1, rel=1e-5)


def test_the_start_takes_no_batch_from_the_stream():
    assert run_of().stream.state() == {"position": 0}


@pytest.mark.parametrize("arch", [arch for arch in ARCHS if SAES[arch].unit_norm])
def test_decoder_rows_stay_unit_and_their_gradient_orthogonal(arch, monkeypatch):
    run, inner = run_of(arch), []
    clip = torch.nn.utils.clip_grad_norm_

    def look(parameters, *args):
        inner.append((run.sae.W_dec.grad * run.sae.W_dec).sum(1).abs().max().item())
        return clip(parameters, *args)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", look)
    for _ in range(5):
        train_step(run, next(run.stream))
        run.step += 1
        torch.testing.assert_close(run.sae.W_dec.norm(dim=1), torch.ones(20))
    assert max(inner) < 1e-6 and run.sae.W_dec.grad.abs().max() > 0


def test_dead_latents_are_counted_in_tokens():
    run = run_of(config=TrainConfig(tokens=16 * 50, dead_after_tokens=48))
    with torch.no_grad():
        run.sae.b_enc[7] = -1e6  # never fires
    dead_after = []
    for _ in range(4):
        train_step(run, next(run.stream))
        dead_after.append(bool(run.dead[7]))
    assert run.n_tokens_since_fired[7] == 64 and dead_after == [False, False, True, True]  # 16, 32, 48, 64 tokens
    assert (run.n_tokens_since_fired == 0).any()


def test_the_end_of_the_log_tells_how_many_latents_were_silent_for_how_long(monkeypatch):
    monkeypatch.setattr(train, "WINDOWS", (16, 48, 96, 112))
    plain, fired = train.train_step, []
    monkeypatch.setattr(train, "train_step", lambda *args: fired.append((losses := plain(*args)).fired > 0) or losses)
    log = train_sae(sae(d_sae=60), Batches(), replace(CONFIG, tokens=96, resample_at=()))
    silent = {str(16 * n): int((~torch.stack(fired[-n:])).all(0).sum()) for n in (1, 3, 6)}
    assert log[-1]["silent"] == silent and silent["16"] > silent["96"] and "112" not in silent


def with_dead(n_dead, arch="relu"):
    """A run 30 steps old whose last n_dead latents have been silent too long."""
    run = run_of(arch)
    for _ in range(30):
        train_step(run, next(run.stream))
        run.step += 1
    run.n_tokens_since_fired[:] = 0
    run.n_tokens_since_fired[-n_dead:] = 1000
    return run


def test_resampling_plants_inputs_at_a_fifth_of_the_living_norm():
    run = with_dead(6)
    before = {name: p.detach().clone() for name, p in run.sae.named_parameters()}
    inputs = (train.preview(run.stream, train.RESAMPLE_BATCHES) - run.mean) / run.scale - run.sae.b_dec
    alive_norm = run.sae.W_enc[:, :-6].norm(dim=0).mean()
    resample(run)
    cosines = torch.nn.functional.normalize(inputs) @ run.sae.W_dec[-6:].t()
    torch.testing.assert_close(cosines.max(0).values, torch.ones(6))
    torch.testing.assert_close(run.sae.W_dec[-6:].norm(dim=1), torch.ones(6))
    torch.testing.assert_close(run.sae.W_enc[:, -6:], 0.2 * alive_norm * run.sae.W_dec[-6:].t())
    assert not run.sae.b_enc[-6:].any() and not run.dead.any() and run.last_resample == 30
    assert torch.equal(run.sae.W_dec[:-6], before["W_dec"][:-6]) and torch.equal(
        run.sae.W_enc[:, :-6], before["W_enc"][:, :-6]
    )


def test_resampling_clears_the_moments_of_dead_latents_only():
    run = with_dead(6)
    state = run.optimizer.state
    living = state[run.sae.W_dec]["exp_avg"][:-6].clone()
    resample(run)
    for moment in ("exp_avg", "exp_avg_sq"):
        assert not state[run.sae.W_dec][moment][-6:].any() and not state[run.sae.W_enc][moment][:, -6:].any()
        assert not state[run.sae.b_enc][moment][-6:].any() and state[run.sae.b_dec][moment].any()
    assert torch.equal(state[run.sae.W_dec]["exp_avg"][:-6], living) and living.any()


def test_resampling_draws_inputs_with_probability_proportional_to_squared_loss(monkeypatch):
    class TwoPoints(Batches):
        def __next__(self):  # relative to the mean, half the rows lie at 1 and half at 2 along two axes
            self.position += 1
            return torch.eye(6)[[0, 1] * 8] * torch.tensor([[1.0], [2.0]] * 8)

    monkeypatch.setattr(train, "RESAMPLE_BATCHES", 2000)
    run = Run(new_sae("relu", 6, 1001), TwoPoints(), CONFIG)
    with torch.no_grad():
        run.sae.b_enc.fill_(-1e6)  # nothing fires: x_hat = b_dec = 0, losses 1 and 4, squared 1 and 16
    run.n_tokens_since_fired[:1000] = 1000
    resample(run)
    share = (run.sae.W_dec[:1000, 1] > 0.99).float().mean().item()
    assert share == pytest.approx(16 / 17, abs=4 * math.sqrt(16) / 17 / math.sqrt(1000))


def test_resampling_takes_no_batch_from_training_and_without_dead_latents_does_nothing():
    run = with_dead(6)
    before = run.stream.state()
    resample(run)
    assert run.stream.state() == before
    planted = weights(run.sae)
    run.step += 1
    resample(run)
    assert torch.equal(weights(run.sae), planted) and run.last_resample == 30


def test_resampling_revives_when_every_latent_is_dead():
    run = with_dead(20)
    resample(run)
    torch.testing.assert_close(run.sae.W_enc.norm(dim=0), torch.full((20,), 0.2))


def test_the_learning_rate_rises_stays_falls_and_rises_again_after_resampling():
    config = TrainConfig(lr=1.0, warmup=0.1, decay_from=0.5)
    rate = [learning_rate(step, 100, config) for step in range(100)]
    assert (
        rate[0] == pytest.approx(0.1)
        and rate[9] == 1
        and rate[50] == pytest.approx(1)
        and rate[75] == pytest.approx(0.5)
    )
    assert rate[99] == pytest.approx(0.02)
    assert (
        rate[:10] == sorted(rate[:10])
        and rate[10:50] == pytest.approx([1] * 40)
        and rate[50:] == sorted(rate[50:], reverse=True)
    )
    assert learning_rate(30, 100, config, since_resample=0) == pytest.approx(0.1)
    assert learning_rate(75, 100, config, since_resample=4) == pytest.approx(0.25)  # half risen, half fallen
    cosine = TrainConfig(lr=1.0, warmup=0.1, decay_from=0.5, decay="cosine")
    assert learning_rate(75, 100, cosine) == pytest.approx(0.5) and learning_rate(60, 100, cosine) > learning_rate(
        60, 100, config
    )


@pytest.mark.parametrize("bias_rate", [0, 0.25, 1])
def test_adams_first_step_moves_weights_by_the_rate_and_the_encoders_bias_by_its_share(bias_rate):
    run = run_of("relu", replace(CONFIG, lr=1e-3, warmup=0, bias_rate=bias_rate))
    before = {name: parameter.detach().clone() for name, parameter in run.sae.named_parameters()}
    train.train_step(run, next(run.stream))
    moved = {name: (parameter - before[name]).abs().max().item() for name, parameter in run.sae.named_parameters()}
    assert moved["W_enc"] == pytest.approx(1e-3, rel=0.01) and moved["b_dec"] == pytest.approx(1e-3, rel=0.01)
    assert moved["b_enc"] == pytest.approx(bias_rate * 1e-3, rel=0.01)


def test_a_large_eps_makes_the_encoders_steps_proportional_to_the_gradient_and_no_others():
    run = run_of("relu", replace(CONFIG, lr=100.0, warmup=0, encoder_eps=1e4, clip=1e9))
    before = {name: parameter.detach().clone() for name, parameter in run.sae.named_parameters()}
    train.train_step(run, next(run.stream))
    for name in ("W_enc", "b_enc"):
        moved, grad = before[name] - getattr(run.sae, name), getattr(run.sae, name).grad
        torch.testing.assert_close(moved, grad / 100, rtol=1e-3, atol=1e-6)
    assert (before["b_dec"] - run.sae.b_dec).abs().min() > 50


def test_the_penalty_warms_up_twice_as_long_as_the_learning_rate(monkeypatch):
    warmths, plain = [], train.kernels.loss
    monkeypatch.setattr(
        train.kernels, "loss", lambda s, x, dead, warmth, room: warmths.append(warmth) or plain(s, x, dead, warmth)
    )
    train_sae(sae("relu"), Batches(), TrainConfig(tokens=16 * 50, warmup=0.1))
    assert warmths[:3] == pytest.approx([0.1, 0.2, 0.3]) and warmths[9:] == [1.0] * 41


def test_an_array_stream_shows_every_row_once_per_epoch_in_a_new_order():
    stream = activations.ArrayStream(torch.arange(12.0)[:, None], batch=4, seed=3)
    first, second = (torch.cat([next(stream) for _ in range(3)]).flatten() for _ in range(2))
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(12))
    assert first.tolist() != second.tolist()


def test_an_array_stream_goes_on_where_its_state_was_taken():
    stream = activations.ArrayStream(torch.rand(10, 2), batch=4)
    for _ in range(3):
        next(stream)
    state, expected = stream.state(), [next(stream) for _ in range(4)]
    stream.restore(state)
    assert all(torch.equal(a, next(stream)) for a in expected)


@pytest.mark.parametrize("x, batch", [(torch.rand(3, 2), 4), (torch.rand(3), 2), (torch.rand(3, 2), 0)])
def test_an_array_stream_needs_rows_for_one_batch(x, batch):
    with pytest.raises(ValueError, match=f"batch is {batch}"):
        activations.ArrayStream(x, batch)


def test_planting_points_dead_latents_at_the_given_rows_and_leaves_the_living_alone():
    run = run_of("relu")
    dead = torch.zeros(20, dtype=torch.bool)
    dead[[3, 7]] = True
    run.n_tokens_since_fired[dead] = 10**6
    rows, living = torch.eye(6)[[1, 4]], run.sae.W_dec[~dead].clone()
    train.plant(run, rows)
    assert torch.equal(run.sae.W_dec[dead], rows) and torch.equal(run.sae.W_dec[~dead], living)
    fifth = 0.2 * run.sae.W_enc[:, ~dead].norm(dim=0).mean()
    torch.testing.assert_close(run.sae.W_enc[:, dead], fifth * rows.t())
    assert not run.sae.b_enc[dead].any() and not run.dead.any()
