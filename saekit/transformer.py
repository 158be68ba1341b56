"""Language models: load any causal transformer, read its MLP neurons, replace them.

    mlp_post = act(W_in ln(x) + b_in)        (batch, n_ctx, d_mlp), the input of the MLP's down projection: "the tap"
`load_lm` accepts a bundled name ("python-1l"), a local folder or a hub id, and any of them followed by ":untrained" for
the same architecture before training. Nothing here ever trains a loaded model.
"""

import hashlib
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F

from saekit.files import data_folder, read_json

UNTRAINED = ":untrained"
DOWN_PROJECTIONS = ("mlp.c_proj", "mlp.dense_4h_to_h", "mlp.down_proj", "fc2", "feed_forward.w2", "mlp.fc2")


class LanguageModel(NamedTuple):
    """A frozen causal LM with its tokenizer (a `tokenizers.Tokenizer`) and the sizes that lessons speak of."""

    name: str
    model: torch.nn.Module
    tokenizer: object
    boundary: int        # id of the token that stands before every document
    n_ctx: int
    n_layers: int
    d_model: int
    d_mlp: int
    d_vocab: int


def bundled_models():
    """Names of the language models that ship in data/."""
    return sorted(path.parent.name for path in data_folder().glob("*/config.json"))


def load_lm(name, device="cpu"):
    """Load a frozen causal language model from safetensors: a name in data/, a folder, or a hub id.

    A name that ends in ":untrained" is a control: architecture and tokenizer of what stands before the colon, whose
    weights are not read but drawn from seed 0 by the architecture's own rule. ValueError if there is no such model, if
    it is damaged or incomplete, or if this machine lacks the device.
    """
    from transformers import AutoConfig

    gpus = torch.cuda.device_count() if device != "cpu" and torch.cuda.is_available() else 0
    here = ["cpu", *["cuda"] * (gpus > 0), *(f"cuda:{i}" for i in range(gpus))]
    if device not in here:
        raise ValueError(f"device is {device!r}; this machine has {', '.join(here)}")
    source = model_source(name.removesuffix(UNTRAINED))
    try:
        with quiet(bars=not Path(source).exists()):  # a download shows its bar
            config = AutoConfig.from_pretrained(source)
            model = _untrained(config) if name.endswith(UNTRAINED) else _trained(source)
        tokenizer, boundary = _tokenizer(source, config)
        sizes = _sizes(model, config)
    except Exception as error:  # transformers and tokenizers raise many kinds: all mean that this is no loadable model
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{name} could not be loaded as a causal language model ({reason}); "
                         f"bundled models are {', '.join(bundled_models()) or 'none'}") from None
    model.to(device).eval().requires_grad_(False)
    return LanguageModel(Path(name).name, model, tokenizer, boundary, *sizes)


def _trained(source):
    """The model with the weights that lie in `source`, in float32. ValueError if some are missing."""
    from transformers import AutoModelForCausalLM

    model, found = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, use_safetensors=True,
                                                        output_loading_info=True)
    if found["missing_keys"]:
        raise ValueError(f"its weights lack {', '.join(sorted(found['missing_keys'])[:3])}")
    return model


def _untrained(config):
    """The model of a configuration as it is before training with seed 0; the caller's random numbers stay theirs."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def model_source(name):
    """What transformers loads for `name`: a folder's path (a bundled model's where the name is one, without any /), or
    the name itself if it can only be a hub id. ValueError if it is neither."""
    folder = data_folder() / name
    path = folder if Path(name).name == str(name) and (folder / "config.json").is_file() else Path(name)
    if (path / "config.json").is_file():
        return str(path)
    if "/" in name and not path.exists() and not name.startswith((".", "/")):
        return name
    raise ValueError(f"unknown model {name!r}; bundled models are {', '.join(bundled_models()) or 'none'}, "
                     "or give a folder with a config.json or a hub id such as EleutherAI/pythia-70m; "
                     f"{UNTRAINED} may follow any of them")


@contextmanager
def quiet(bars=False):
    """Within this context transformers writes no warnings and, unless `bars`, draws no progress bars."""
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    levels, had_bars = (logging.get_verbosity(), hub.get_verbosity()), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    hub.set_verbosity_error()
    if not bars:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(levels[0])
        hub.set_verbosity(levels[1])
        if had_bars:
            logging.enable_progress_bar()


def load_tokenizer(source):
    """The `tokenizers.Tokenizer` of a bundled model, of a folder with tokenizer.json, or in such a file.

    A bundled model whose configuration has `tokenizer_from` shares the tokenizer of the bundled model named there.
    ValueError if there is none, or it cannot be read.
    """
    from tokenizers import Tokenizer

    bare = Path(source).name == str(source)
    folders = [data_folder() / source] * bare + [Path(source)]
    path = next((path for path in (*(folder / "tokenizer.json" for folder in folders), Path(source))
                 if path.is_file()), None)
    if path is None:
        configs = [read_json(folder / "config.json") for folder in folders if (folder / "config.json").is_file()]
        if configs and configs[0].get("tokenizer_from"):
            return load_tokenizer(configs[0]["tokenizer_from"])
        raise ValueError(f"no tokenizer at {source}; expected a folder with a tokenizer.json or a bundled model "
                         f"({', '.join(bundled_models()) or 'none'})")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the only kind that tokenizers raises
        raise ValueError(f"{path} is no tokenizer that can be read here ({error}); was it cut off?") from None


def _tokenizer(source, config):
    """(tokenizers.Tokenizer, boundary id) of a checkpoint; read directly where tokenizer.json is at hand, for speed."""
    if (Path(source) / "tokenizer.json").is_file() or getattr(config, "tokenizer_from", ""):
        tokenizer = load_tokenizer(source)
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(source).backend_tokenizer
    if tokenizer.get_vocab_size() > config.vocab_size:
        raise ValueError(f"its tokenizer has {tokenizer.get_vocab_size()} tokens, the model only {config.vocab_size}")
    tokenizer.no_truncation()  # some checkpoints ship a length limit that would cut documents off
    boundary = config.bos_token_id if config.bos_token_id is not None else config.eos_token_id
    return tokenizer, (boundary[0] if isinstance(boundary, list) else boundary) or 0


def _sizes(model, config):
    """(n_ctx, n_layers, d_model, d_mlp, d_vocab) under whatever names the configuration uses."""
    d_mlp = _weight_in_features(down_projection(model, 0))
    n_ctx = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 1024)
    return n_ctx, config.num_hidden_layers, config.hidden_size, d_mlp, config.vocab_size


def down_projection(model, layer):
    """The module whose input is mlp_post of block `layer`. ValueError if the model has no such block."""
    modules = [module for name, module in model.named_modules() if name.endswith(DOWN_PROJECTIONS)]
    if not modules:
        raise ValueError(f"{type(model).__name__} has no MLP down projection named {', '.join(DOWN_PROJECTIONS)}")
    if not 0 <= layer < len(modules):
        raise ValueError(f"layer is {layer}; this model has layers 0 to {len(modules) - 1}")
    return modules[layer]


def _weight_in_features(module):
    """Width of a projection's input: transformers' Conv1D stores (in, out), nn.Linear (out, in)."""
    return module.weight.shape[0] if type(module).__name__ == "Conv1D" else module.weight.shape[1]


class _Reached(Exception):
    """Raised at the tap so that nothing above it runs."""


def mlp_post(lm, tokens, layer=0):
    """MLP neurons after their nonlinearity, (batch, n_ctx) tokens -> (batch, n_ctx, d_mlp); runs nothing above them."""
    caught = []

    def catch(_module, inputs):
        caught.append(inputs[0])
        raise _Reached

    handle = down_projection(lm.model, layer).register_forward_pre_hook(catch)
    try:
        with torch.no_grad():
            lm.model.base_model(input_ids=tokens, use_cache=False)
    except _Reached:
        pass
    finally:
        handle.remove()
    return caught[0]


@contextmanager
def replace_mlp_post(lm, layer, edit):
    """Within this context the model computes with edit(mlp_post) in place of mlp_post at block `layer`."""
    module = down_projection(lm.model, layer)
    handle = module.register_forward_pre_hook(lambda _module, inputs: (edit(inputs[0]), *inputs[1:]))
    try:
        yield
    finally:
        handle.remove()


def logits(lm, tokens):
    """Next-token logits (batch, n_ctx, d_vocab) for tokens (batch, n_ctx)."""
    with torch.no_grad():
        return lm.model(input_ids=tokens, use_cache=False).logits


def next_token_loss(lm, tokens):
    """-log p of each next token in nats (batch, n_ctx - 1), and the mask of the predictions that count.

    A prediction counts if it is made from a token of a file and not from the boundary token.
    """
    scores = logits(lm, tokens)[:, :-1]
    loss = F.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(tokens.shape[0], -1)
    return loss, tokens[:, :-1] != lm.boundary


def weight_hash(model):
    """First 16 hex digits of the SHA-256 over all weights: proof that a model was not trained."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
