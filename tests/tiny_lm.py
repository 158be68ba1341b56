"""A language model of 16 dimensions, a tokenizer of 300 tokens and three dozen Python files, made in a second."""

import atexit
import random
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from saekit import corpus

N_CTX, D_MODEL, D_MLP, D_VOCAB = 16, 16, 24, 300
WORDS = "alpha beta gamma delta index value total width first last node edge key item path line token count".split()


def source(seed, lines=40):
    """Python text of `lines` lines, different for every seed."""
    rng = random.Random(seed)
    word = lambda: rng.choice(WORDS)  # noqa: E731
    forms = (
        lambda: f"{word()}_{rng.randrange(999)} = {word()}({rng.randrange(99)})",
        lambda: f"def {word()}_{word()}({word()}, {word()}):",
        lambda: f"    return {word()} + {word()}[{rng.randrange(9)}]",
        lambda: f"    # {word()} of the {word()}",
        lambda: f"from {word()} import {word()}",
        lambda: f"if {word()} > {rng.randrange(99)}: {word()}.{word()}()",
    )
    return "\n".join(rng.choice(forms)() for _ in range(lines)) + "\n"


def write_sources(folder, sources):
    """(name, path) candidates of the texts {name: text}, written under `folder`."""
    candidates = []
    for name, text in sources.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        candidates.append((name, path))
    return candidates


@cache
def folder():
    """A folder with text/ and data/tiny/, made once per test process."""
    path = Path(tempfile.mkdtemp(prefix="saekit-tiny-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    write_sources(path / "text", {f"{'stdlib' if i % 3 else 'numpy'}/module_{i}.py": source(i) for i in range(36)})
    make_model(path / "data" / "tiny")
    return path


def candidates():
    """(name, path) of the three dozen files."""
    text = folder() / "text"
    return [(path.relative_to(text).as_posix(), path) for path in sorted(text.rglob("*.py"))]


@cache
def tokenizer():
    """Byte-level BPE of 300 tokens."""
    return corpus.train_tokenizer([corpus.Document(str(i), source(1000 + i)) for i in range(4)], D_VOCAB)


def new_model(n_layers=1, seed=0):
    """An untrained GPT-2 with ReLU and weights large enough to matter."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=D_VOCAB,
            n_positions=N_CTX,
            n_embd=D_MODEL,
            n_layer=n_layers,
            n_head=2,
            n_inner=D_MLP,
            activation_function="relu",
            tie_word_embeddings=False,
            bos_token_id=0,
            eos_token_id=0,
            initializer_range=0.3,
        )
    )


def make_model(path, n_layers=1, seed=0):
    """Write such a model, its biases and norms away from 0 and 1, and its tokenizer."""
    import torch

    from saekit.transformer import quiet

    model = new_model(n_layers, seed)
    with torch.no_grad(), quiet():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn(parameter.shape))
        model.save_pretrained(path)
    Path(path, "tokenizer.json").write_text(tokenizer().to_str())
    return path


@cache
def lm(n_layers=1):
    """The tiny language model, loaded."""
    from saekit.transformer import load_lm

    return load_lm(
        str(folder() / "data" / "tiny" if n_layers == 1 else make_model(folder() / f"data/tiny-{n_layers}l", n_layers))
    )


def contexts(n=12, seed=0):
    """(n, N_CTX) token ids with a boundary token first and a few inside."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(1, D_VOCAB, (n, N_CTX)).astype(np.uint16)
    tokens[rng.random(tokens.shape) < 0.05] = 0
    tokens[:, 0] = 0
    return tokens


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """The tiny model as the only bundled one, the tiny files as the only text, an empty cache; returns tmp_path."""
    monkeypatch.setenv("SAEKIT_DATA", str(folder() / "data"))
    monkeypatch.setenv("SAEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(corpus, "source_files", candidates)
    return tmp_path
