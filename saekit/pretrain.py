"""Train the small language models that ship in data/ (`saekit train-lm`).

One or more transformer blocks of the size used in Towards Monosemanticity (Bricken et al. 2023): d_model 128, MLP 512.
    loss = mean over predictions of -log softmax(h W_U)[next token], in nats per token
The last product and its softmax are 3/4 of the work, so both passes run together over blocks of rows that stay in the
cache. Stopping and resuming gives the same weights to the bit (same machine, same threads): the order of contexts is a
function of (seed, epoch), and a checkpoint holds weights, both moments of Adam and the step.
"""

import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from saekit import corpus, files, ngram, progress, transformer
from saekit.interrupt import between_steps
from saekit.threads import one_thread_each, replicate

ROWS = 256  # rows of logits in flight: 256 x 4096 floats are 4 MB, about one core's cache
SAVE_EVERY = 120  # seconds between checkpoints


@dataclass(frozen=True)
class PretrainConfig:
    tokens: int = 25_000_000    # seen in training, counted with repetition
    n_layers: int = 1
    n_ctx: int = 256
    batch: int = 16             # contexts per step
    lr: float = 6e-3            # peak of AdamW, after 2 % of the steps; linear to 0 at the end
    mlp_lr: float = 1e-3        # peak of AdamW on the MLP: Muon there leaves 2 of 5 neurons active at every token
    muon_lr: float = 0.02       # peak of Muon, on the matrices of attention; the same schedule
    weight_decay: float = 0.1   # on embedding and unembedding only: at Muon's rate it shrinks attention to nothing
    dtype: str = "float32"      # of the products; "bfloat16" is 2-3 times faster where the processor has it
    seed: int = 0

    def __post_init__(self):
        for name in ("tokens", "n_layers", "n_ctx", "batch", "lr", "mlp_lr", "muon_lr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a positive number")
        if self.dtype not in ("float32", "bfloat16"):
            raise ValueError(f"dtype is {self.dtype!r}; expected 'float32' or 'bfloat16'")

    @property
    def steps(self):
        return max(1, self.tokens // (self.batch * self.n_ctx))


class LinearCrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of h @ W.T against targets, in nats: h (n, d_model), W (d_vocab, d_model), targets (n,);
    products in dtype.

    The gradient of the logits, (softmax - onehot) / n, is used while it is still in the cache and never stored.
    """

    @staticmethod
    def forward(ctx, h, W, targets, dtype):
        n, total = len(h), h.new_zeros(())
        dh, dW, h, W = torch.empty_like(h), torch.zeros_like(W), h.to(dtype), W.to(dtype)
        for first in range(0, n, ROWS):
            rows, target = h[first:first + ROWS], targets[first:first + ROWS, None]
            scores = (rows @ W.t()).float()
            peak, at_target = scores.amax(1, keepdim=True), scores.gather(1, target)
            norm = scores.sub_(peak).exp_().sum(1, keepdim=True)
            total += (norm.log() + peak - at_target).sum()
            scores.div_(norm * n).scatter_add_(1, target, torch.full_like(at_target, -1 / n))
            scores = scores.to(dtype)
            dh[first:first + ROWS] = scores @ W
            dW += scores.t() @ rows
        ctx.save_for_backward(dh, dW)
        return total / n

    @staticmethod
    def backward(ctx, grad):
        dh, dW = ctx.saved_tensors
        return dh * grad, dW * grad, None, None


def new_model(config, d_vocab):
    """An untrained GPT-2 with a ReLU MLP of 512 and untied unembedding, seeded by config.seed."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(config.seed)
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=d_vocab, n_positions=config.n_ctx, n_embd=128, n_layer=config.n_layers, n_head=4, n_inner=512,
        activation_function="relu", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        tie_word_embeddings=False, bos_token_id=0, eos_token_id=0))


def train_lm(out, config, resume=False, stream=None, tokenizer=None):
    """Train a language model into folder `out` and return its card (a dict, also written as card.json).

    stream, tokenizer: other text than this machine's (tests). Ctrl-C saves a checkpoint first; resume=True goes on from
    it. Raises ValueError if `out` holds another run.
    """
    out = Path(out)
    step, log = _check_folder(out, config, resume), []
    if tokenizer is None:
        tokenizer = _own_tokenizer(out)
    stream = corpus.load_corpus("train", tokenizer) if stream is None else stream
    contexts = corpus.contexts(stream, config.n_ctx)
    model = new_model(config, tokenizer.get_vocab_size())
    optimizers = new_optimizers(model, config)
    if step:
        log = _load_checkpoint(out, model, optimizers)
    files.write_json(out / "run.json", asdict(config))
    _train(model, optimizers, contexts, config, step, log, out)
    return _finish(out, model, tokenizer, config, stream.manifest, log)


def _train(model, optimizers, contexts, config, step, log, out):
    """The loop: one context order per epoch, warm-up and linear decay, checkpoints meanwhile."""
    saved, order, epoch = time.monotonic(), None, None
    replicas = replicate(model, min(torch.get_num_threads(), config.batch))
    bar = progress.bar(total=config.tokens, initial=step * config.batch * config.n_ctx, unit="tok", desc="train-lm")
    with bar, between_steps() as interrupted, one_thread_each(len(replicas)) as pool:
        while step < config.steps:
            rows = np.arange(step * config.batch, (step + 1) * config.batch)
            if epoch != rows[0] // len(contexts):
                epoch = rows[0] // len(contexts)
                order = np.random.default_rng([config.seed, epoch]).permutation(len(contexts))
            tokens = torch.from_numpy(contexts[order[rows % len(contexts)]].astype(np.int64))
            rate, dtype = schedule(step, config.steps), getattr(torch, config.dtype)
            loss = train_step(replicas, optimizers, tokens, rate, dtype, pool.map)
            step += 1
            bar.update(tokens.numel())
            if step % 50 == 0:
                log.append({"step": step, "loss": round(float(loss), 5)})
                bar.set_postfix(nats=f"{loss:.3f}")
            if interrupted() or step == config.steps or time.monotonic() - saved > SAVE_EVERY:
                _save_checkpoint(out, model, optimizers, step, log)
                saved = time.monotonic()
            if interrupted():
                print(f"checkpoint saved in {out}; add --resume to go on")
                raise KeyboardInterrupt


def schedule(step, steps):
    """Fraction of the peak learning rate: a linear rise over 2 % of the steps, then linear to 0."""
    warmup = max(1, steps // 50)
    return min((step + 1) / warmup, (steps - step) / (steps - warmup + 1))


def new_optimizers(model, config):
    """[Muon on the matrices of attention (Jordan 2024), AdamW on all others, norms and biases]; groups keep their peak
    rate."""
    matrices = [(name, p) for name, p in model.named_parameters() if p.ndim == 2]
    tables = [p for name, p in matrices if ".h." not in name]
    attention = [p for name, p in matrices if ".attn." in name]
    mlp = [p for name, p in matrices if ".mlp." in name]
    rest = [p for p in model.parameters() if p.ndim != 2]
    adamw = torch.optim.AdamW([
        {"params": tables, "lr": config.lr, "weight_decay": config.weight_decay},
        {"params": mlp, "lr": config.mlp_lr, "weight_decay": 0.0},
        {"params": rest, "lr": config.lr, "weight_decay": 0.0}], betas=(0.9, 0.99), fused=True)
    optimizers = [torch.optim.Muon(attention, lr=config.muon_lr, weight_decay=0.0), adamw]
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group["peak_lr"] = group["lr"]
    return optimizers


def train_step(replicas, optimizers, tokens, rate=1.0, dtype=torch.float32, map=map):
    """One step on tokens (batch, n_ctx) at `rate` times the peak learning rates, products in dtype; returns the loss in
    nats per token. Each replica takes its part of the batch: two threads with a product each do more than two at one."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["peak_lr"]
    model = replicas[0]
    parts = tokens.tensor_split(len(replicas))
    loss = sum(map(partial(_backward, of=len(tokens), dtype=dtype), replicas, parts))
    for parameter, *others in zip(*(replica.parameters() for replica in replicas)):
        for other in others:
            parameter.grad += other.grad
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if not torch.isfinite(loss + norm):
        raise ValueError(f"the loss is {loss:.3g} and its gradient's norm {norm:.3g}; the last checkpoint is kept. "
                         "Is lr too high?")
    for optimizer in optimizers:
        optimizer.step()
    return loss


def _backward(replica, tokens, of, dtype):
    """Leave in the replica's grads those of its part of the mean loss over `of` contexts; returns that part."""
    replica.zero_grad()
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        h = replica.transformer(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
    loss = LinearCrossEntropy.apply(h.flatten(0, 1).float(), replica.lm_head.weight, tokens[:, 1:].flatten(), dtype)
    loss = loss * (len(tokens) / of)
    loss.backward()
    return loss.detach()


def evaluate(lm, stream, max_contexts=None):
    """(cross-entropy in nats per token, predictions) on a stream, over predictions made from tokens of files."""
    contexts = corpus.contexts(stream, lm.n_ctx, lm.boundary)[:max_contexts]
    total, count, batch = 0.0, 0, max(1, 2048 // lm.n_ctx)
    for first in range(0, len(contexts), batch):
        loss, counts = transformer.next_token_loss(lm, torch.from_numpy(contexts[first:first + batch].astype(np.int64)))
        total, count = total + float(loss[counts].double().sum()), count + int(counts.sum())
    return total / count, count


def bits_per_byte(nats_per_token, stream):
    """Cross-entropy in bits per byte of text: nats/ln 2 times the stream's tokens per byte."""
    return nats_per_token / math.log(2) * (len(stream.tokens) - len(stream.starts)) / stream.manifest.bytes


def _own_tokenizer(out):
    """The tokenizer in folder `out`, trained on this machine's training files if there is none yet."""
    from tokenizers import Tokenizer

    path = out / "tokenizer.json"
    if not path.is_file():
        documents = corpus.read_documents(list(corpus.source_files()))
        files.write_atomic(path, corpus.train_tokenizer(documents["train"]).to_str(pretty=True).encode())
    return Tokenizer.from_file(str(path))


def _check_folder(out, config, resume):
    """The step to start from: 0 for a new folder, else the checkpoint's. ValueError if `out` holds another run."""
    files.check_run_folder(out, resume)
    if resume and files.read_json(out / "run.json") != asdict(config):
        raise ValueError(f"{out} holds a run with other settings (see {out / 'run.json'}); "
                         "use the same ones or another --out")
    if not (out / "checkpoint.safetensors").is_file():
        return 0
    return files.load_arrays(out / "checkpoint.safetensors")[1]["step"]


def _save_checkpoint(out, model, optimizers, step, log):
    arrays = {}
    for name, parameter in model.named_parameters():
        arrays[name] = parameter.detach().numpy()
        for key, moment in _state(optimizers, parameter).items():
            arrays[f"{name}/{key}"] = moment.numpy()
    files.save_arrays(out / "checkpoint.safetensors", arrays, {"step": step, "log": log})


def _load_checkpoint(out, model, optimizers):
    """Put weights and moments back; returns the log so far."""
    arrays, metadata = files.load_arrays(out / "checkpoint.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(arrays[name]))
            for key in [key for key in arrays if key.startswith(f"{name}/")]:
                moment = torch.from_numpy(arrays[key].copy())
                moment = moment.squeeze() if key.endswith("/step") else moment
                _state(optimizers, parameter)[key.rpartition("/")[2]] = moment
    return metadata["log"]


def _state(optimizers, parameter):
    """The moments that belong to a parameter, by name, in whichever optimizer holds it."""
    return next(optimizer.state[parameter] for optimizer in optimizers for group in optimizer.param_groups
                if any(p is parameter for p in group["params"]))


def _finish(out, model, tokenizer, config, train_manifest, log):
    """Write the model as an ordinary transformers checkpoint in float16 and its card, measured on the saved file."""
    with transformer.quiet():
        model.half().save_pretrained(out)
    files.write_atomic(out / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
    lm = transformer.load_lm(str(out))
    stream = corpus.load_corpus("validation", tokenizer)
    ce, predictions = evaluate(lm, stream)
    baselines = ngram.table(corpus.load_corpus("train", tokenizer), stream, config.n_ctx, lm.d_vocab)
    card = {
        "command": f"saekit train-lm --out {out.as_posix()} --tokens {config.tokens} --layers {config.n_layers} "
                   f"--n-ctx {config.n_ctx} --batch {config.batch} --lr {config.lr} --dtype {config.dtype} "
                   f"--seed {config.seed}",
        "config": asdict(config), "tokens_seen": config.steps * config.batch * config.n_ctx,
        "train": train_manifest._asdict(), "validation": stream.manifest._asdict(), "predictions": predictions,
        "ce_nats_per_token": {"transformer": ce, **baselines},
        "bits_per_byte": {name: bits_per_byte(nats, stream) for name, nats in {"transformer": ce, **baselines}.items()},
        "weight_hash": transformer.weight_hash(lm.model), "log": log,
    }
    files.write_json(out / "card.json", card)
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    return card
