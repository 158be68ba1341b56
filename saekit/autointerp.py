"""Ask a language model what a unit stands for: a prompt made of excerpts, and any text model of `transformers` to read
it.

In the prompt every token on which the unit fires is marked and carries its activation in tenths of the largest one:
    x = «lambda» (10) y : y
The top alone flatters, so excerpts of all intervals belong in it (`interpret.choose_examples`). What comes back is a
hypothesis; it is worth what a judge can do with it on other text (`saekit.scores`). After Bills et al. 2023.
"""

from pathlib import Path

import numpy as np

from saekit.transformer import model_source, quiet

TASK = ("A detector reads Python code token by token. In the excerpts below, every token on which it fires stands in "
        "«» and is followed by its strength from 1 to 10; most tokens do not set it off.")
QUESTION = "In one short sentence, what do the marked tokens have in common?\nThe detector fires on"


def marked(example, peak):
    """An `interpret.Example` as text: each token with a positive activation as «token» (n), n in tenths of peak, 1 to
    10."""
    strength = np.clip(np.ceil(10 * example.activations / peak), 0, 10).astype(int)
    return "".join(f"«{token}» ({n})" if n else token for token, n in zip(example.tokens, strength))


def prompt(examples, peak):
    """The question about one unit: TASK, its numbered excerpts, QUESTION. peak: the unit's largest activation."""
    excerpts = "\n".join(f"Excerpt {i}: {marked(one, peak)!r}" for i, one in enumerate(examples, 1))
    return f"{TASK}\n\n{excerpts}\n\n{QUESTION}"


def load_writer(source):
    """write(prompt, n_tokens) -> str: what a causal language model goes on with, always its likeliest token.

    source: a name in data/, a local folder (nothing is downloaded) or a hub id. A model with a chat template gets the
    prompt as the user's message; of a prompt longer than its context it sees the end. ValueError if there is no such
    model or it is damaged.
    """
    from transformers import AutoModelForCausalLM

    place = model_source(source)
    try:
        with quiet(bars=not Path(place).exists()):
            model = AutoModelForCausalLM.from_pretrained(place, use_safetensors=True).eval()
            tokenizer = _tokenizer(place)
    except Exception as error:  # transformers and tokenizers raise many kinds: all mean that this is no loadable model
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{source} could not be loaded as a text model ({reason})") from None
    n_ctx = getattr(model.config, "max_position_embeddings", None) or 1024
    end = model.config.eos_token_id  # chat models have several
    pad = end[0] if isinstance(end, list) else end or 0

    def write(prompt, n_tokens=40):
        ids = _encode(tokenizer, prompt)[:, -(n_ctx - n_tokens):]
        with quiet():
            out = model.generate(ids, attention_mask=ids.new_ones(ids.shape), max_new_tokens=n_tokens, do_sample=False,
                                 pad_token_id=pad)
        return tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True)

    return write


def explain_in_words(write, examples, peak, n_tokens=40):
    """The first line that a text model writes when asked what a unit stands for; write: such as `load_writer` returns."""
    return next((line.strip() for line in write(prompt(examples, peak), n_tokens).splitlines() if line.strip()), "")


def _tokenizer(place):
    """The checkpoint's own tokenizer; from tokenizer.json alone where nothing else is there."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    alone = Path(place, "tokenizer.json")
    if alone.is_file() and not Path(place, "tokenizer_config.json").is_file():
        return PreTrainedTokenizerFast(tokenizer_file=str(alone))
    return AutoTokenizer.from_pretrained(place)


def _encode(tokenizer, prompt):
    """Token ids (1, n); a user's message where the model was trained on conversations."""
    if tokenizer.chat_template:
        prompt = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True,
                                               tokenize=False)
        return tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    return tokenizer(prompt, return_tensors="pt").input_ids
