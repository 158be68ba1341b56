"""Train an SAE: one visible loop.

    zero_grad -> loss -> backward -> project -> clip -> step -> renormalise -> observe -> count dead latents -> log
Inputs are centred and scaled, u = (x - mean) / scale with E||u||^2 = 1, while we train; every saved SAE reads raw x
again (`fold`). Dead latents, counted in tokens, return by resampling (Bricken et al. 2023) or AuxK (Gao et al. 2024).
Where several processes train together (`parallel`), each steps on its rows of the batch and all take the same step.
"""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from saekit import checkpoint, files, kernels, parallel, processes, progress, sparse
from saekit.interrupt import between_steps
from saekit.sae import geometric_median, save_sae, unit_rows

SAVE_EVERY = 60           # seconds between checkpoints
PREVIEW_BATCHES = 8       # drawn before training for the mean, the scale and the geometric median
LOG_EVERY = 25            # steps between looks at a run: its losses, its dead latents, on a GPU whether it is finite
WINDOWS = (250_000, 1_000_000, 10_000_000)    # tokens: how many latents fired in none of the last so many
RESAMPLE_BATCHES = 8      # on which resampling measures the loss of inputs


@dataclass(frozen=True)
class TrainConfig:
    tokens: int = 10_000_000           # activations trained on
    lr: float = 8e-4                   # Adam's peak
    warmup: float = 0.05               # fraction of the steps with rising learning rate (l1_coeff: twice as long)
    decay: str = "linear"              # shape of the fall to 0: "linear" or "cosine"
    decay_from: float = 0.8            # fraction of the steps after which it falls
    clip: float = 1.0                  # largest norm of the gradient
    encoder_eps: float = 1e-8          # what Adam adds to the root of W_enc's and b_enc's mean squared gradients
    bias_rate: float = 1.0             # learning rate of b_enc as a share of lr
    dead_after_tokens: int = 250_000   # a latent that fired in none of that many tokens is dead
    resample_at: tuple = ()            # fractions of the steps at which dead latents are resampled
    save_every: float = SAVE_EVERY     # seconds between checkpoints

    def __post_init__(self):
        """ValueError unless decay is known, fractions and bias_rate lie in [0, 1] (resample_at below 1), save_every is
        0 or more, all else above 0, lr and encoder_eps finite."""
        if not (self.tokens >= 1 and 0 < self.lr < math.inf):
            raise ValueError(f"tokens is {self.tokens} and lr is {self.lr}; both must be positive and finite")
        if not 0 <= self.decay_from <= 1:
            raise ValueError(f"decay_from is {self.decay_from}; it is a fraction of the steps, so from 0 to 1")
        if self.dead_after_tokens < 1:
            raise ValueError(f"dead_after_tokens is {self.dead_after_tokens}; it must be positive")
        if not (self.clip > 0 and 0 <= self.warmup <= 1 and self.save_every >= 0):
            raise ValueError(f"clip is {self.clip}, warmup {self.warmup} and save_every {self.save_every}; expected a "
                             "norm above 0, a fraction of the steps and seconds from 0 up")
        if not (0 < self.encoder_eps < math.inf and 0 <= self.bias_rate <= 1):
            raise ValueError(f"encoder_eps is {self.encoder_eps} and bias_rate {self.bias_rate}; expected a small "
                             "number above 0, such as 1e-8, and a share of lr, from 0 to 1")
        if not all(0 <= at < 1 for at in self.resample_at):
            raise ValueError(f"resample_at is {self.resample_at}; expected fractions of the steps, from 0 to below 1")
        if self.decay not in ("linear", "cosine"):
            raise ValueError(f"decay is {self.decay!r}; expected 'linear' or 'cosine'")


def learning_rate(step, steps, config, since_resample=None):
    """Rises over the warm-up (again after each resampling), stays, then falls to 0; step counts from 0."""
    warmup = max(1, round(config.warmup * steps))
    rise = min(1.0, (step + 1) / warmup, 1.0 if since_resample is None else (since_resample + 1) / warmup)
    left = min(1.0, (steps - step) / (steps - math.floor(config.decay_from * steps) + 1e-9))
    return config.lr * rise * (left if config.decay == "linear" else math.sin(left * math.pi / 2) ** 2)


def project_decoder_gradient(sae):
    """Take out of each decoder row's gradient its part along the row, which under unit norm fights the constraint."""
    for W, grad in zip(sae.W_dec.detach().split(2048), sae.W_dec.grad.split(2048)):  # parts stay in the cache
        grad.addcmul_(W, (grad * W).sum(1, keepdim=True), value=-1)


def renormalise_decoder(sae):
    """Put every decoder row back on the unit sphere."""
    with torch.no_grad():
        sae.W_dec.div_(sae.W_dec.norm(dim=1, keepdim=True).clamp_min(1e-12))


class Run:
    """All state of a training run, on the SAE's device: what a checkpoint holds, and `room`, which depends on how many
    processes there are: until the next look a resumed run waits for the GPU instead, and leaves no batch out."""

    def __init__(self, sae, stream, config):
        self.sae, self.stream, self.config = sae, stream, config
        self.steps = math.ceil(config.tokens / stream.batch)
        self.step, self.last_resample, self.log, self.seen = 0, None, [], stream.state()    # seen: after the last step
        self.n_tokens_since_fired = torch.zeros_like(sae.b_enc, dtype=torch.int64)
        self.dead_latents = self.n_tokens_since_fired[:0]       # for AuxK: their indices at the last look
        self.room = None                                        # for the fast step: places for entries, from that look
        self.left_out = torch.zeros_like(self.n_tokens_since_fired[0])    # batches that did not fit
        self.mean, self.scale = torch.zeros_like(sae.b_dec), 1.0
        own = {"W_enc": {"eps": config.encoder_eps}, "b_enc": {"eps": config.encoder_eps, "share": config.bias_rate}}
        groups = [{"params": [parameter], **own.get(name, {})} for name, parameter in sae.named_parameters()]
        self.optimizer = torch.optim.Adam(groups, fused=True)

    @property
    def dead(self):
        """(d_sae,) bool: no firing in the last dead_after_tokens tokens."""
        return self.n_tokens_since_fired >= self.config.dead_after_tokens

    def start(self):
        """Measure mean and scale on the first batches and put b_dec at the geometric median."""
        mean, self.scale, median = processes.by_first(measure, self.stream)
        if mean.shape != self.mean.shape:
            raise ValueError(f"the stream's rows have {len(mean)} entries but this SAE reads d_in={self.sae.d_in}; do "
                             "they come from another layer or model?")
        self.mean.copy_(mean)
        with torch.no_grad():
            self.sae.b_dec.copy_(median)


def measure(stream):
    """(mean, scale, geometric median of (x - mean) / scale) of the first batches, on the CPU. ValueError if all rows
    are equal."""
    x = preview(stream, PREVIEW_BATCHES)
    mean = x.mean(0)
    scale = float((x - mean).square().sum(1).mean().sqrt())
    if (x == x[0]).all():
        raise ValueError("all activations are equal, so there is nothing to learn; is the layer's output constant?")
    return mean.cpu(), scale, geometric_median((x[:8192] - mean) / scale).cpu()


def train_sae(sae, stream, config, out=None, metadata=None, resume=False):
    """Train `sae` on batches of `stream`, leave it reading raw activations, and return the log (a list of dicts).

    stream: an ActivationStream, or any iterator of (batch, d_in) with .batch, .state() and .restore(). out: a folder
    for checkpoints and the final sae.safetensors (none: nothing is written). resume=True goes on from the checkpoint in
    `out`. ValueError for NaN activations (names layer and batch; the last checkpoint stays), or if `out` holds another
    run.
    """
    run = Run(sae, stream, config)
    record = {**(metadata or {}), "batch": stream.batch, "arch": sae.arch, "d_sae": sae.d_sae, "settings": sae.settings,
              "config": asdict(config)}
    path = processes.by_first(checkpoint.find, out, record, resume)
    if path:
        checkpoint.load(run, path)
    else:
        run.start()
        if out and processes.rank() == 0:
            files.write_json(Path(out) / "run.json", record)
    _loop(run, out)
    run.log[-1]["silent"] = {str(window): int((run.n_tokens_since_fired >= window).sum())
                             for window in WINDOWS if window <= run.step * stream.batch}
    sae.fold(run.mean, run.scale)
    if out and processes.rank() == 0:
        save_sae(sae, Path(out) / "sae.safetensors", metadata={"run": record})
        files.write_json(Path(out) / "log.json", run.log)
    return run.log


def _loop(run, out):
    config, batch, saved = run.config, run.stream.batch, time.monotonic()
    bar = progress.bar(total=run.steps * batch, initial=run.step * batch, desc="train", unit="tok")
    with bar, between_steps() as interrupted, checkpoint.saved_if_alone(run, out):
        while run.step < run.steps:
            try:
                if run.step in [round(fraction * run.steps) for fraction in config.resample_at]:
                    resample(run)
                x = next_batch(run.stream)
            except ValueError:  # not finite: this step has not begun, so the state is that of a whole step
                checkpoint.save(run, out)
                raise
            losses = train_step(run, x)
            run.step, run.seen = run.step + 1, run.stream.state()
            bar.update(batch)
            if run.step % LOG_EVERY == 0 or run.step == run.steps:
                run.log.append(log_entry(run, losses))
                last = run.log[-1]
                bar.set_postfix(loss=f"{last['loss']:.4f}", l0=f"{last['l0']:.1f}", dead=last["dead"])
            stop = processes.any_of(interrupted())
            if stop or run.step == run.steps or time.monotonic() - saved > config.save_every:
                checkpoint.save(run, out)
                saved = time.monotonic()
            if stop:
                processes.wait_for_all()     # or the end of one would end the one that is saving
                if processes.rank() == 0:
                    print(f"checkpoint saved in {out}; add --resume to go on" if out
                          else "interrupted; nothing was saved")
                raise KeyboardInterrupt


def train_step(run, x):
    """One step of Adam on the batch x (batch, d_in) of raw activations, or this process's rows of it; returns the
    batch's Losses.

    On a GPU nothing here waits for a number, but for one step in LOG_EVERY. Where latents have a threshold, not a count
    per row, that step tells how many entries to expect; a batch with twice as many moves no weight and is counted.
    ValueError if the loss or its gradient is not finite (on a GPU only that step looks).
    """
    sae, config = run.sae, run.config
    u, look = (x - run.mean).div_(run.scale), run.step % LOG_EVERY == 0
    if look:
        run.dead_latents = run.dead.nonzero().squeeze(1)
    since = None if run.last_resample is None else run.step - run.last_resample
    rate = learning_rate(run.step, run.steps, config, since)
    for group in run.optimizer.param_groups:
        group["lr"] = group.get("share", 1.0) * rate     # 1: for an optimiser that the caller put in place of ours
    run.optimizer.zero_grad()
    warmth = min(1.0, (run.step + 1) / max(1, 2 * config.warmup * run.steps))
    room = run.room if sparse.on_gpu(x) and not look else None
    losses = kernels.loss(sae, u, run.dead_latents, warmth, room)
    if look:
        run.room = 2 * losses.entries
    share = len(x) / run.stream.batch       # of the batch; 1 in a single process
    (share * losses.total).backward()
    losses = parallel.sum_up(sae, losses, share)
    if sae.unit_norm:
        project_decoder_gradient(sae)
    norm = torch.nn.utils.clip_grad_norm_(sae.parameters(), config.clip)
    if (look or not sparse.on_gpu(x)) and not torch.isfinite(losses.total + norm):
        raise ValueError(f"the loss is {losses.total:.3g}, its gradient's norm {norm:.3g} at step {run.step + 1}; the "
                         f"last checkpoint is kept. Is lr={config.lr} too high?")
    left_out = (losses.missed > 0) + torch.zeros_like(run.left_out)
    run.optimizer.found_inf = left_out.float() if room is not None else None    # by this Adam leaves out a step
    run.left_out += left_out
    run.optimizer.step()
    if sae.unit_norm:
        renormalise_decoder(sae)
    sae.observe(losses)
    run.n_tokens_since_fired = torch.where(losses.fired > 0, 0, run.n_tokens_since_fired + run.stream.batch)
    return losses


def log_entry(run, losses):
    """What is logged of a step: losses per sample on scaled inputs, l0 as a count, dead latents as a count, batches
    left out so far."""
    return {"step": run.step, "tokens": run.step * run.stream.batch, "loss": losses.total.item(),
            "recon": losses.recon.item(), "sparsity": losses.sparsity.item(), "aux": losses.aux.item(),
            "l0": losses.fired.sum().item() / run.stream.batch, "dead": int(run.dead.sum()),
            "left_out": int(run.left_out)}


def next_batch(stream, whole=False):
    """This process's rows of the next batch, or the whole of it for this process alone; a batch with NaN or infinity is
    put back and a ValueError names layer and batch."""
    before = stream.state()
    x = parallel.next_rows(stream, whole)
    bad = not sparse.on_gpu(x) and not torch.isfinite(x.sum())      # on a GPU the loss tells, a few steps later
    if bad if whole else processes.any_of(bad):
        batch = ", ".join(f"{name} {value}" for name, value in stream.state().items())
        stream.restore(before)
        raise ValueError(f"activations of layer {getattr(stream, 'layer', '?')} hold NaN or infinity in the batch that "
                         f"ends at {batch}; the last checkpoint is kept. Is the language model damaged?")
    return x


def preview(stream, batches):
    """The next `batches` batches as one, left in the stream: training will see them too."""
    state = stream.state()
    try:
        return torch.cat([next_batch(stream, whole=True) for _ in range(batches)])
    finally:
        stream.restore(state)


def resample(run):
    """Revive dead latents after Bricken et al. 2023: `plant` centred inputs drawn with p proportional to loss^2."""
    n_dead = int(run.dead.sum())
    if n_dead > 0:
        plant(run, processes.by_first(draw, run, n_dead).to(run.mean.device))


@torch.no_grad()
def draw(run, n_dead):
    """(n_dead, d_in) unit rows, on the CPU: directions from b_dec to inputs drawn with p proportional to loss^2."""
    sae, u = run.sae, (preview(run.stream, RESAMPLE_BATCHES) - run.mean) / run.scale
    loss = torch.cat([(part - sae(part)).square().sum(1) for part in u.split(4096)])
    generator = torch.Generator().manual_seed(run.step)
    chosen = torch.multinomial(loss.cpu().double() ** 2, n_dead, replacement=n_dead > len(u), generator=generator)
    return unit_rows(u[chosen] - sae.b_dec).cpu()


@torch.no_grad()
def plant(run, directions):
    """Start the dead latents of a run afresh at the unit rows `directions` (n_dead, d_in).

    Decoder row = direction; encoder column = the same at 0.2 of the mean norm of living columns; biases = 0; Adam's
    moments there = 0. The learning rate warms up again (`learning_rate`).
    """
    dead, sae = run.dead, run.sae
    alive_norm = sae.W_enc[:, ~dead].norm(dim=0).mean() if len(directions) < sae.d_sae else 1.0
    planted = [(sae.W_dec, (dead,), directions), *((getattr(sae, name), (dead,), 0.0) for name in sae.biases)]
    if not sae.tied:
        planted.append((sae.W_enc, (slice(None), dead), 0.2 * alive_norm * directions.t()))
    for parameter, place, value in planted:
        parameter[place] = value
        if parameter in run.optimizer.state:
            for moment in ("exp_avg", "exp_avg_sq"):
                run.optimizer.state[parameter][moment][place] = 0.0
    run.n_tokens_since_fired[dead] = 0
    run.dead_latents = run.dead_latents[:0]
    run.last_resample = run.step
