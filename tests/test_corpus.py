"""Text to tokens: what is held out stays held out, what is damaged is rebuilt."""

import numpy as np
import pytest

from saekit import corpus
from saekit.corpus import Document
from tests import tiny_lm
from tests.tiny_lm import source, write_sources

HELD_OUT = "stdlib/argparse.py"  # on the validation side, see the first test


def test_the_split_is_fixed_by_name_and_validation_is_standard_library_only():
    names = (
        "abc",
        "argparse",
        "ast",
        "asyncio/base_events",
        "bisect",
        "calendar",
        "codecs",
        "csv",
        "datetime",
        "email/header",
    )
    # sha256(name)[:4] mod 100 < 25, computed with sha256sum and written down here
    assert [name for name in names if corpus.is_validation(f"stdlib/{name}.py")] == [
        "argparse",
        "ast",
        "csv",
        "email/header",
    ]
    assert not any(corpus.is_validation(f"numpy/{i}.py") for i in range(500))
    assert 0.22 < np.mean([corpus.is_validation(f"stdlib/{i}.py") for i in range(4000)]) < 0.28


def windows(text):
    """All runs of ten non-blank lines of a text, as strings: the plain oracle for copied text."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return {"\n".join(lines[i : i + 10]) for i in range(len(lines) - 9)}


def shared(documents):
    """Names of training files that hold ten consecutive lines of a validation file, or are equal to one."""
    held_out = {window for _, text in documents["validation"] for window in windows(text)}
    whole = {"\n".join(text.split()) for _, text in documents["validation"]}
    return [name for name, text in documents["train"] if windows(text) & held_out or "\n".join(text.split()) in whole]


def names(documents, split):
    return {name for name, _ in documents[split]}


def test_a_training_file_with_ten_lines_of_a_held_out_file_is_dropped_and_nine_are_allowed(tmp_path):
    held_out = source(1).splitlines()
    ten, nine = (
        "\n".join(source(seed).splitlines()[:20] + held_out[5 : 5 + n] + source(seed + 1).splitlines())
        for seed, n in ((10, 10), (20, 9))
    )
    documents = corpus.read_documents(
        write_sources(tmp_path, {HELD_OUT: source(1), "numpy/ten.py": ten, "numpy/nine.py": nine})
    )
    assert names(documents, "validation") == {HELD_OUT} and names(documents, "train") == {"numpy/nine.py"}
    assert shared(documents) == []


def test_short_equal_files_and_files_of_blank_lines_do_not_reach_both_sides(tmp_path):
    documents = corpus.read_documents(
        write_sources(
            tmp_path,
            {
                HELD_OUT: "import os\n\nx = 1\n",
                "numpy/same.py": "import os\nx = 1",
                "numpy/blank.py": "\n \n",
                "numpy/other.py": "y = 2\n",
            },
        )
    )
    assert names(documents, "train") == {"numpy/other.py"} and shared(documents) == []


def test_near_duplicates_are_dropped_within_a_split(tmp_path):
    lines = source(3, 60).splitlines()
    near = "\n".join(lines[:55] + source(4, 5).splitlines())
    documents = corpus.read_documents(
        write_sources(tmp_path, {"numpy/a.py": "\n".join(lines), "torch/b.py": near, "torch/c.py": source(5)})
    )
    assert len(documents["train"]) == 2 and "torch/c.py" in names(documents, "train")


@pytest.mark.slow
def test_on_this_machine_no_validation_file_shares_content_with_a_training_file():
    documents = corpus.read_documents(list(corpus.source_files()))
    assert shared(documents) == []
    assert len(documents["validation"]) > 50 and len(documents["train"]) > 1000


def test_a_package_is_capped_and_unreadable_files_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "PACKAGE_CAP", 3000)
    sources = {f"numpy/{i}.py": source(i, 30) for i in range(9)}
    candidates = write_sources(tmp_path, {**sources, "torch/bad.py": b"\xff\xfe x = 1"}) + [
        ("torch/gone.py", tmp_path / "gone.py")
    ]
    documents = corpus.read_documents(candidates)["train"]
    assert 0 < sum(len(text.encode()) for _, text in documents) <= 3000
    assert not any(name.startswith("torch") for name, _ in documents)


def test_source_files_leave_out_tests_and_dangling_links(tmp_path, monkeypatch):
    write_sources(tmp_path, {"a.py": "x = 1", "test/b.py": "x = 1", "sub/c.py": "x = 1", "d.txt": "x"})
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    monkeypatch.setattr(corpus.sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(corpus, "PACKAGES", ())
    assert [name for name, _ in corpus.source_files()] == ["stdlib/a.py", "stdlib/sub/c.py"]


def test_tokens_decode_to_the_text_whatever_it_holds():
    text = (
        "def f(x):\n\treturn '日本' + \"\\x00\"  # <|file|>\n\n\n    y = 12345 if x!=None else[]\r\n"
        + "é\u0301 \u200b\ufeff\x00 end  "
    )
    ids = corpus.encode([Document("a", text)], tiny_lm.tokenizer())[0]
    assert tiny_lm.tokenizer().decode(ids[1:].tolist()) == text


def test_the_boundary_token_stands_where_it_was_inserted_and_nowhere_else():
    texts = ["x = '<|file|>'\n", "<|file|><|file|>", "y = 2\n"]
    tokens, starts = corpus.encode([Document(str(i), text) for i, text in enumerate(texts)], tiny_lm.tokenizer())
    assert np.flatnonzero(tokens == 0).tolist() == starts.tolist() and len(starts) == 3 and starts[0] == 0


def test_contexts_are_cut_exactly():
    # two documents, 1 2 3 and 4 5 6 7; the packed stream is 0 1 2 3 0 4 5 6 7; contexts of 4 hold 3 tokens each
    stream = corpus.TokenStream(np.uint16([0, 1, 2, 3, 0, 4, 5, 6, 7]), np.array([0, 4]), [], None)
    assert corpus.contexts(stream, 4).tolist() == [[0, 1, 2, 3], [0, 0, 4, 5]]
    assert corpus.contexts(stream, 9, boundary=9).tolist() == [[9, 1, 2, 3, 0, 4, 5, 6, 7]]


@pytest.mark.parametrize("n_ctx", [1, 10])
def test_contexts_that_cannot_be_cut_are_an_error(n_ctx):
    stream = corpus.TokenStream(np.uint16([0, 1, 2, 3, 0, 4, 5, 6, 7]), np.array([0, 4]), [], None)
    with pytest.raises(ValueError, match="n_ctx"):
        corpus.contexts(stream, n_ctx)


def equal(a, b):
    return np.array_equal(a.tokens, b.tokens) and np.array_equal(a.starts, b.starts) and a[2:] == b[2:]


def load(cache, split="train"):
    return corpus.load_corpus(split, tiny_lm.tokenizer(), candidates=tiny_lm.candidates(), cache=cache)


def test_the_stream_packs_every_document_behind_a_boundary_token(tmp_path):
    stream, documents = load(tmp_path), corpus.read_documents(tiny_lm.candidates())["train"]
    pieces = np.split(stream.tokens, stream.starts[1:])
    assert [tiny_lm.tokenizer().decode(piece[1:].tolist()) for piece in pieces] == [text for _, text in documents]
    assert stream.names == [name for name, _ in documents] and not any(map(corpus.is_validation, stream.names))
    assert stream.manifest[:3] == ("train", len(documents), sum(len(text.encode()) for _, text in documents))


def test_a_second_load_reads_the_cache_and_no_source(tmp_path, monkeypatch):
    first = load(tmp_path)
    monkeypatch.setattr(corpus, "read_documents", None)
    assert equal(load(tmp_path), first) and load(tmp_path, "validation").manifest.split == "validation"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-100],
        lambda data: b"",
        lambda data: data[:-9] + b"\xaa" + data[-8:],
        lambda data: data.replace(b"stdlib/module_1.py", b"stdlib/module_l.py", 1),
    ],
)
def test_a_damaged_cache_is_rebuilt(tmp_path, damage):
    first = load(tmp_path)
    path = next(tmp_path.glob("train-*"))
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole and equal(load(tmp_path), first) and path.read_bytes() == whole


def test_a_flipped_bit_anywhere_in_the_cached_arrays_is_noticed(tmp_path):
    first = load(tmp_path)
    path = next(tmp_path.glob("train-*"))
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    for position in np.linspace(header, len(whole) - 1, 6).astype(int):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert equal(load(tmp_path), first)


def test_another_tokenizer_or_a_changed_file_does_not_meet_the_old_cache(tmp_path):
    candidates = write_sources(
        tmp_path / "text", {f"numpy/{i}.py": source(i) for i in range(3)} | {HELD_OUT: source(9)}
    )
    load_these = lambda tokenizer: corpus.load_corpus("train", tokenizer, candidates=candidates, cache=tmp_path)  # noqa: E731
    before = load_these(tiny_lm.tokenizer())
    candidates[0][1].write_text(source(77, 50))
    assert load_these(tiny_lm.tokenizer()).manifest.sha != before.manifest.sha
    other = corpus.train_tokenizer([Document("a", source(5))], 280)
    assert len(load_these(other).tokens) > len(before.tokens)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / "file").write_text("")
    assert equal(load(tmp_path / "file" / "cache"), load(tmp_path))


def test_an_empty_corpus_and_an_unknown_split_are_errors(tmp_path):
    with pytest.raises(ValueError, match="corpus is empty"):
        corpus.load_corpus("train", tiny_lm.tokenizer(), candidates=[], cache=tmp_path)
    with pytest.raises(ValueError, match="'train' or 'validation'"):
        load(tmp_path, "test")


def test_the_manifest_changes_with_a_name_or_a_byte():
    documents = [Document("a.py", "é"), Document("b.py", "yz")]
    base = corpus.manifest(documents, "train")
    assert base[:3] == ("train", 2, 4)  # two bytes of é, two of yz
    for changed in (
        [Document("a.py", "é"), Document("c.py", "yz")],
        [Document("a.py", "é"), Document("b.py", "yZ")],
        [Document("a.py", "éy"), Document("b.py", "z")],
        documents[::-1],
    ):
        assert corpus.manifest(changed, "train").sha != base.sha


def test_a_folder_of_ones_own_text_is_split_by_the_names_of_its_files_wherever_it_lies(tmp_path):
    texts = {f"part_{i}.txt": source(i) for i in range(12)} | {"deep/er.md": source(20), "picture.png": b"\x89PNG"}
    splits = []
    for place in ("here", "there"):
        write_sources(tmp_path / place, texts)
        candidates = corpus.folder_files(tmp_path / place)
        assert len(candidates) == 13 and ("folder/deep/er.md", tmp_path / place / "deep" / "er.md") in candidates
        splits.append({s: corpus.load_corpus(s, tiny_lm.tokenizer(), candidates=candidates, cache=tmp_path / "cache").names
                       for s in ("train", "validation")})
    assert splits[0] == splits[1] and splits[0]["train"] and splits[0]["validation"]


def test_a_folder_that_cannot_be_split_is_named(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        corpus.folder_files(tmp_path / "nowhere")
    write_sources(tmp_path, {"book.txt": source(0)})
    with pytest.raises(ValueError, match="holds 1 .* chapters"):
        corpus.folder_files(tmp_path)
