"""Train the small language models that ship in data/ (`saekit train-lm`).

One or more transformer blocks of the size used in Towards Monosemanticity (Bricken et al. 2023): d_model 128, MLP 512.
Stopping and resuming gives the same weights to the bit (same machine, same threads, same text): the order of contexts
is a function of (seed, epoch), and a checkpoint holds weights, the moments of both optimizers and the step.
"""

import hashlib
import math
import shlex
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from saekit import catalog, corpus, files, ngram, progress, transformer
from saekit.interrupt import between_steps
from saekit.pretrain_step import new_optimizers, one_thread_each, replicate, train_step

SAVE_EVERY = 120  # seconds between checkpoints
ARCHITECTURES = ("gpt2", "gpt-neox")


@dataclass(frozen=True)
class PretrainConfig:
    tokens: int = 25_000_000    # seen in training, counted with repetition
    arch: str = "gpt2"          # "gpt2": learned positions, ReLU; "gpt-neox": rotary positions, GELU
    n_layers: int = 1
    n_ctx: int = 256
    batch: int = 16             # contexts per step
    lr: float = 6e-3            # peak of AdamW, after 2 % of the steps; linear to 0 at the end
    mlp_lr: float = 1e-3        # peak of AdamW on the MLP: Muon there leaves 2 of 5 neurons active at every token
    muon_lr: float = 0.02       # peak of Muon, on the matrices of attention; the same schedule
    weight_decay: float = 0.1   # on embedding and unembedding only: at Muon's rate it shrinks attention to nothing
    dtype: str = "float32"      # of the products; "bfloat16" is 2-3 times faster on some processors, slower on others
    tokenizer_from: str = ""    # bundled model or folder whose tokenizer this one shares; "": train one on these files
    start_from: str = ""        # bundled model or folder whose weights training goes on from; "": random ones
    seed: int = 0

    def __post_init__(self):
        """ValueError unless counts and rates are positive and finite, and dtype and arch are known."""
        for name in ("tokens", "n_layers", "n_ctx", "batch", "lr", "mlp_lr", "muon_lr"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} is {getattr(self, name)}; expected a positive, finite number")
        for name, known in (("dtype", ("float32", "bfloat16")), ("arch", ARCHITECTURES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}; expected {' or '.join(map(repr, known))}")

    @property
    def steps(self):
        return max(1, self.tokens // (self.batch * self.n_ctx))


def new_model(config, d_vocab):
    """An untrained transformer with an MLP of 512 and untied unembedding, seeded by config.seed.

    "gpt-neox" keeps its residuals sequential: with parallel ones, as in Pythia, the MLP of a single block would read
    the embedding alone and no neuron could tell one place from another.
    """
    from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

    torch.manual_seed(config.seed)
    if config.arch == "gpt-neox":
        return GPTNeoXForCausalLM(GPTNeoXConfig(
            vocab_size=d_vocab, max_position_embeddings=config.n_ctx, hidden_size=128, intermediate_size=512,
            num_hidden_layers=config.n_layers, num_attention_heads=4, hidden_act="gelu", use_parallel_residual=False,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": 1.0},
            tie_word_embeddings=False, bos_token_id=0, eos_token_id=0))
    return GPT2LMHeadModel(GPT2Config(
        vocab_size=d_vocab, n_positions=config.n_ctx, n_embd=128, n_layer=config.n_layers, n_head=4, n_inner=512,
        activation_function="relu", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        tie_word_embeddings=False, bos_token_id=0, eos_token_id=0))


def train_lm(out, config, resume=False, stream=None, tokenizer=None):
    """Train a language model into folder `out` and return its card (a dict, also written as card.json).

    stream, tokenizer: other text than this machine's (tests). Ctrl-C saves a checkpoint first; resume=True goes on from
    it. Raises ValueError if `out` holds another run, or one that was begun on other text.
    """
    out = Path(out)
    files.check_run_folder(out, resume)
    _check_settings(out, config, resume)
    if tokenizer is None:
        tokenizer = _tokenizer(out, config.tokenizer_from or config.start_from)
    stream = corpus.load_corpus("train", tokenizer) if stream is None else stream
    text = {"corpus": stream.manifest._asdict(), "tokenizer": _sha(tokenizer)}
    _check_text(out, text, resume)
    contexts = corpus.contexts(stream, config.n_ctx)
    model = new_model(config, tokenizer.get_vocab_size())
    origin = _start_from(model, config.start_from)
    optimizers = new_optimizers(model, config)
    step, log = _load_checkpoint(out, model, optimizers) if resume else (0, [])
    files.write_json(out / "run.json", {**asdict(config), **text})
    _train(model, optimizers, contexts, config, step, log, out)
    return _finish(out, model, tokenizer, config, stream.manifest, log, origin)


def _start_from(model, source):
    """Give `model` the weights of the language model `source`; returns how that one was made, for the card.

    None where `source` is "". ValueError if it is another architecture or of another size.
    """
    if not source:
        return None
    start = transformer.load_lm(source)
    shapes, wanted = ({name: tuple(array.shape) for name, array in lm.state_dict().items()}
                      for lm in (start.model, model))
    if shapes != wanted:
        name = next(name for name in {**wanted, **shapes} if shapes.get(name) != wanted.get(name))
        raise ValueError(f"start_from is {source!r}, where {name} is {shapes.get(name)}; expected {wanted.get(name)}. "
                         "Was it made with another arch, number of layers or n_ctx?")
    model.load_state_dict(start.model.state_dict())
    card = files.read_json(Path(transformer.model_source(source)) / "card.json")
    return {"command": card["command"], "tokens_seen": card["tokens_seen"], "weight_hash": card["weight_hash"]}


def _train(model, optimizers, contexts, config, step, log, out):
    """The loop: one context order per epoch, warm-up and linear decay, checkpoints meanwhile."""
    saved, orders = time.monotonic(), lru_cache(2)(lambda epoch: context_order(len(contexts), config.seed, epoch))
    replicas = replicate(model, min(torch.get_num_threads(), config.batch))
    bar = progress.bar(total=config.tokens, initial=step * config.batch * config.n_ctx, unit="tok", desc="train-lm")
    with bar, between_steps() as interrupted, one_thread_each(replicas) as pool:
        while step < config.steps:
            places = range(step * config.batch, (step + 1) * config.batch)
            rows = [orders(place // len(contexts))[place % len(contexts)] for place in places]
            tokens = torch.from_numpy(contexts[rows].astype(np.int64))
            rate, dtype = schedule(step, config.steps), getattr(torch, config.dtype)
            loss = train_step(replicas, optimizers, tokens, rate, dtype, pool.map)
            step += 1
            bar.update(tokens.numel())
            if step % 50 == 0:
                log.append({"step": step, "loss": round(float(loss), 5)})
                bar.set_postfix(nats=f"{loss:.3f}")
            stop = interrupted()
            if stop or step == config.steps or time.monotonic() - saved > SAVE_EVERY:
                _save_checkpoint(out, model, optimizers, step, log)
                saved = time.monotonic()
            if stop:
                print(f"checkpoint saved in {out}; add --resume to go on")
                raise KeyboardInterrupt


def context_order(n, seed, epoch):
    """The order in which the n contexts are read in an epoch."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def schedule(step, steps):
    """Fraction of the peak learning rate: a linear rise over 2 % of the steps, then linear to 0."""
    warmup = max(1, steps // 50)
    return min((step + 1) / warmup, (steps - step) / (steps - warmup + 1))


def evaluate(lm, stream, max_contexts=None):
    """(cross-entropy in nats per token, predictions) on a stream, over predictions made from tokens of files."""
    contexts = corpus.contexts(stream, lm.n_ctx, lm.boundary)[:max_contexts]
    total, count, batch = 0.0, 0, max(1, 2048 // lm.n_ctx)
    for first in progress.bar(range(0, len(contexts), batch), desc="cross-entropy", unit="batch", leave=False):
        tokens = torch.from_numpy(contexts[first:first + batch].astype(np.int64)).to(lm.model.device)
        loss, counts = transformer.next_token_loss(lm, tokens)
        total, count = total + float(loss[counts].double().sum()), count + int(counts.sum())
    return total / count, count


def bits_per_byte(nats_per_token, stream):
    """Cross-entropy in bits per byte of text: nats/ln 2 times the stream's tokens per byte."""
    return nats_per_token / math.log(2) * (len(stream.tokens) - len(stream.starts)) / stream.manifest.bytes


def _tokenizer(out, source):
    """The tokenizer in folder `out`; if there is none yet, that of `source`, or one trained on this machine's files.

    ValueError if `out` holds another tokenizer than `source`, or if it lacks the token that opens every document.
    """
    path, shared = out / "tokenizer.json", transformer.load_tokenizer(source) if source else None
    if path.is_file():
        tokenizer = transformer.load_tokenizer(path)
        if shared is not None and _sha(shared) != _sha(tokenizer):
            raise ValueError(f"{path} is another tokenizer than that of {source}; delete it or use another --out")
    else:
        tokenizer = shared or corpus.train_tokenizer(corpus.read_documents(list(corpus.source_files()))["train"])
    if tokenizer.token_to_id(corpus.BOUNDARY) != 0:
        raise ValueError(f"{source or path} has {tokenizer.id_to_token(0)!r} as token 0, expected {corpus.BOUNDARY!r}, "
                         "which stands before every document; use the tokenizer of a model made by train-lm")
    files.write_atomic(path, tokenizer.to_str().encode())
    return tokenizer


def _sha(tokenizer):
    """First 16 hex digits of a tokenizer's SHA-256."""
    return hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:16]


def _header(out):
    """The run.json of the run in `out`."""
    header = files.read_json(out / "run.json")
    if not isinstance(header, dict):
        raise ValueError(f"{out / 'run.json'} does not describe a run; was it edited by hand?")
    return header


def _check_settings(out, config, resume):
    """ValueError naming the first setting in which the run to resume in `out` differs from this one."""
    here = asdict(config)
    there = _header(out) if resume else here
    for name in here:
        if there.get(name) != here[name]:
            raise ValueError(f"{out} holds a run with other settings ({name} is {there.get(name)!r} there, "
                             f"{here[name]!r} here); use the same ones or another --out")


def _check_text(out, text, resume):
    """ValueError if the run to resume in `out` was begun on other training files or with another tokenizer."""
    header = _header(out) if resume else text
    there = {name: header.get(name) for name in text}
    if there != text:
        raise ValueError(f"{out} was begun on other text ({_describe(there)}) than this machine has "
                         f"({_describe(text)}); resume it where it was begun, or start anew in another --out")


def _describe(text):
    corpus = text["corpus"] or {}
    return f"{corpus.get('files')} files, hash {corpus.get('sha')}, tokenizer {text['tokenizer']}"


def _save_checkpoint(out, model, optimizers, step, log):
    arrays = {}
    for name, parameter in model.named_parameters():
        arrays[name] = parameter.detach().numpy()
        for key, moment in _state(optimizers, parameter).items():
            arrays[f"{name}/{key}"] = moment.numpy()
    files.save_arrays(out / "checkpoint.safetensors", arrays, {"step": step, "log": log})


def _load_checkpoint(out, model, optimizers):
    """Put weights and moments back where there is a checkpoint; returns (step, log so far)."""
    if not (out / "checkpoint.safetensors").is_file():
        return 0, []
    arrays, metadata = files.load_arrays(out / "checkpoint.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(arrays[name]))
            for key in [key for key in arrays if key.startswith(f"{name}/")]:
                moment = torch.from_numpy(arrays[key].copy())
                moment = moment.squeeze() if key.endswith("/step") else moment
                _state(optimizers, parameter)[key.rpartition("/")[2]] = moment
    return metadata["step"], metadata["log"]


def _state(optimizers, parameter):
    """The moments that belong to a parameter, by name, in whichever optimizer holds it."""
    return next(optimizer.state[parameter] for optimizer in optimizers for group in optimizer.param_groups
                if any(p is parameter for p in group["params"]))


def command(out, config):
    """The command line that repeats this run."""
    options = {"out": out.as_posix(), "arch": config.arch, "tokenizer-from": config.tokenizer_from,
               "start-from": config.start_from,
               "tokens": config.tokens, "layers": config.n_layers, "n-ctx": config.n_ctx, "batch": config.batch,
               "lr": config.lr, "dtype": config.dtype, "seed": config.seed}
    given = [f"--{name} {shlex.quote(str(value))}" for name, value in options.items() if value != ""]
    return " ".join(["saekit train-lm", *given])


def _finish(out, model, tokenizer, config, train_manifest, log, origin):
    """Write the model as an ordinary transformers checkpoint in float16 and its card, measured on the saved file.

    A tokenizer shared with a bundled model is not kept a second time: the configuration names that model.
    """
    shared = config.tokenizer_from in transformer.bundled_models()
    if shared:
        model.config.tokenizer_from = config.tokenizer_from
    with transformer.quiet():
        model.half().save_pretrained(out)
    files.write_atomic(out / "tokenizer.json", tokenizer.to_str().encode())
    lm = transformer.load_lm(str(out.resolve()))  # a bare name would be a bundled model's
    stream = corpus.load_corpus("validation", tokenizer)
    ce, predictions = evaluate(lm, stream)
    baselines = ngram.table(corpus.load_corpus("train", tokenizer), stream, config.n_ctx, lm.d_vocab)
    ce_table = {"transformer": ce, **baselines}
    card = {
        "command": command(out, config),
        "config": asdict(config), **({"started_from": origin} if origin else {}),
        "tokens_seen": config.steps * config.batch * config.n_ctx + (origin["tokens_seen"] if origin else 0),
        "train": train_manifest._asdict(), "validation": stream.manifest._asdict(), "predictions": predictions,
        "ce_nats_per_token": ce_table,
        "bits_per_byte": {name: bits_per_byte(nats, stream) for name, nats in ce_table.items()},
        "tolerance": catalog.tolerance({"ce_nats_per_token": ce}),
        "weight_hash": transformer.weight_hash(lm.model), "log": log,
    }
    files.write_json(out / "card.json", card)
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    if shared:
        (out / "tokenizer.json").unlink()
    return card
