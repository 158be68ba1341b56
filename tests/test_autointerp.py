"""The question that a language model is asked, and the tiny one's answer to it, offline."""

import json

import numpy as np
import pytest
import torch

from saekit import autointerp
from saekit.interpret import Example
from saekit.transformer import load_lm
from tests import tiny_lm

EXAMPLES = [Example(["x", " =", " lambda", " y"], np.array([0.0, 0.05, 2.0, 0.0]), 2, "a.py"),
            Example(["\n", "def", " f"], np.array([0.0, 1.0, 0.0]), 1, "b.py")]


def test_marks_carry_the_activation_in_tenths_of_the_peak():
    assert autointerp.marked(EXAMPLES[0], peak=2.0) == "x« =» (1)« lambda» (10) y"
    assert autointerp.marked(EXAMPLES[1], peak=2.0) == "\n«def» (5) f"


def test_the_prompt_holds_every_excerpt_on_a_line_of_its_own_between_task_and_question():
    lines = autointerp.prompt(EXAMPLES, 2.0).splitlines()
    assert lines[0] == autointerp.TASK and lines[-1] == autointerp.QUESTION.splitlines()[-1]
    assert [line for line in lines if line.startswith("Excerpt")] == [
        "Excerpt 1: 'x« =» (1)« lambda» (10) y'", r"Excerpt 2: '\n«def» (5) f'"]


def test_the_explanation_is_the_first_line_that_says_something():
    write = lambda prompt, n_tokens: f"\n  names after def{n_tokens} \nand more" if "lambda" in prompt else ""  # noqa: E731
    assert autointerp.explain_in_words(write, EXAMPLES, 2.0, n_tokens=7) == "names after def7"
    assert autointerp.explain_in_words(write, EXAMPLES[1:], 2.0) == ""


def test_any_local_model_writes_its_likeliest_tokens_whatever_the_prompts_length():
    lm = tiny_lm.lm()
    write = autointerp.load_writer(str(tiny_lm.folder() / "data" / "tiny"))
    written = write("alpha = beta(1)", 3)
    ids = lm.tokenizer.encode("alpha = beta(1)", add_special_tokens=False).ids[-(tiny_lm.N_CTX - 3):]
    for _ in range(3):
        ids.append(int(lm.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    assert written == lm.tokenizer.decode(ids[-3:])
    assert isinstance(autointerp.explain_in_words(write, EXAMPLES, 2.0, n_tokens=4), str)


def test_a_model_trained_on_conversations_gets_the_prompt_as_the_users_message(tmp_path):
    from transformers import PreTrainedTokenizerFast

    path = tiny_lm.make_model(tmp_path / "chat")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json"))
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<answer>"
    tokenizer.save_pretrained(path)
    loaded = autointerp._tokenizer(str(path))
    assert loaded.decode(autointerp._encode(loaded, "count")[0]) == "<user>count<answer>"
    assert isinstance(autointerp.load_writer(str(path))("count", 2), str)


def test_a_model_with_several_ends_writes_all_the_same(tmp_path):
    path = tiny_lm.make_model(tmp_path / "ends")
    config = json.loads((path / "config.json").read_text("utf-8")) | {"bos_token_id": None, "eos_token_id": [0, 2, 3]}
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    assert isinstance(autointerp.load_writer(str(path))("count", 2), str)
    assert load_lm(str(path)).boundary == 0


def test_what_is_no_model_is_told(tmp_path):
    with pytest.raises(ValueError, match="unknown model"):
        autointerp.load_writer(str(tmp_path / "nothing"))
    tiny_lm.make_model(tmp_path / "cut")
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match="could not be loaded as a text model"):
        autointerp.load_writer(str(tmp_path / "cut"))
