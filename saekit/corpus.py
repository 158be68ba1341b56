"""Text that is already on this machine: Python source files -> documents -> tokens -> contexts.

A *document* is one source file of the standard library or of a pinned package. Documents come in a fixed order;
near-duplicates are dropped; the split is by a hash of `package/relative/path`, so a file is on the same side on every
machine, and validation is standard library only. *Tokens* are a byte-level BPE's, a boundary token before every
document. A *context* is the boundary token followed by n_ctx - 1 consecutive tokens of the packed stream. The manifest
(files, bytes, hash) goes with every number we print.
"""

import hashlib
import importlib.util
import json
import os
import sysconfig
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from saekit import files
from saekit.progress import bar

BOUNDARY = "<|file|>"
PACKAGES = ("numpy", "scipy", "sklearn", "matplotlib", "torch", "transformers", "sympy", "networkx", "fontTools",
            "pygments", "IPython", "huggingface_hub", "PIL", "mpmath", "tornado", "jupyter_server", "nbconvert",
            "jinja2", "joblib", "traitlets")
LEFT_OUT = {"test", "tests", "testing", "site-packages", "dist-packages", "__pycache__", "idlelib", "lib2to3",
            "tkinter", "turtledemo", "ensurepip", "distutils", "encodings", "pydoc_data"}
PACKAGE_CAP = 12_000_000     # bytes; no package may be more than a fraction of the whole
FILE_CAP = 300_000           # bytes; larger files are generated tables
VALIDATION_PERCENT = 25      # of the standard library's files, or of a folder's
HELD_OUT_FROM = ("stdlib/", "folder/")    # beginnings of the names of which some are validation
TEXT_ENDINGS = (".py", ".txt", ".md")     # of the files that `folder_files` finds
WINDOW = 10                  # consecutive non-blank lines; equal windows mean copied text

# One word, number of up to three digits, run of punctuation, or line break with the indentation that follows it.
PRE_TOKEN = r"\n[ \t]*|[ _]?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|[^\S\n]+(?=\S)|\s+"


class Document(NamedTuple):
    name: str    # package/relative/path.py, the same on every machine
    text: str


class Manifest(NamedTuple):
    split: str
    files: int
    bytes: int
    sha: str     # first 16 hex digits of the SHA-256 over names and contents


class TokenStream(NamedTuple):
    """Packed tokens of one split: tokens (n_tokens,) uint16, starts (n_documents,) of the boundary tokens, names."""

    tokens: np.ndarray
    starts: np.ndarray
    names: list
    manifest: Manifest


def is_validation(name):
    """True if the file belongs to the validation side: a stable hash of its name, in the standard library or in the
    folder of `folder_files` only."""
    bucket = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % 100
    return name.startswith(HELD_OUT_FROM) and bucket < VALIDATION_PERCENT


def source_files():
    """Yield (name, path) of every candidate file: the standard library first, then the packages, in order of name."""
    roots = [("stdlib", Path(sysconfig.get_path("stdlib")))]
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            roots.append((package, Path(next(iter(spec.submodule_search_locations)))))
    for package, root in roots:
        for folder, subfolders, found in os.walk(root):
            subfolders[:] = sorted(set(subfolders) - LEFT_OUT)
            for file in sorted(found):
                path = Path(folder, file)
                if file.endswith(".py") and path.is_file() and path.stat().st_size <= FILE_CAP:  # links may dangle
                    yield f"{package}/{path.relative_to(root).as_posix()}", path


def folder_files(folder):
    """[(name, path)] of the .py, .txt and .md files under a folder, for `load_corpus(…, candidates=…)`.

    The split is by file, so a book belongs into one file per chapter; 12 MB at most are used. ValueError if there is no
    such folder, or if all its files would lie on one side.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"{folder} is no folder; expected one with {', '.join(TEXT_ENDINGS)} files")
    found = [(f"folder/{path.relative_to(root).as_posix()}", path) for path in sorted(root.rglob("*"))
             if path.suffix in TEXT_ENDINGS and path.is_file()]
    if len({is_validation(name) for name, _ in found}) < 2:
        raise ValueError(f"{folder} holds {len(found)} {', '.join(TEXT_ENDINGS)} files, all on one side of the split; "
                         "cut the text into more files, such as chapters")
    return found


def line_windows(text, width=WINDOW):
    """Hashes of every run of `width` consecutive non-blank stripped lines (of all of them for a shorter text)."""
    lines = [zlib.crc32(line.encode()) for line in map(str.strip, text.split("\n")) if line]
    return {hash(tuple(lines[i:i + width])) for i in range(max(1, len(lines) - width + 1))} if lines else set()


def read_documents(candidates):
    """Documents of both splits with copies removed, as {"validation": [...], "train": [...]}.

    candidates: (name, path) pairs. A training file that shares any window of 10 lines with a validation file is
    dropped, as is any file half of whose windows stand in files kept before it, and whatever exceeds a package's 12 MB.
    Unreadable files are skipped.
    """
    documents = {"validation": [], "train": []}
    held_out, seen, used = set(), set(), {}
    candidates = sorted(candidates, key=lambda item: (not is_validation(item[0]), _order(item[0])))
    for name, path in bar(candidates, desc="reading source files", unit="file", leave=False):
        try:
            text = path.read_bytes().decode("utf-8").replace("\r\n", "\n")
        except (UnicodeDecodeError, OSError):
            continue
        windows, package = line_windows(text), name.split("/")[0]
        split = "validation" if is_validation(name) else "train"
        copied = len(windows & seen) > len(windows) / 2 or (split == "train" and not windows.isdisjoint(held_out))
        size = len(text.encode())
        if not windows or copied or used.get(package, 0) + size > PACKAGE_CAP:
            continue
        used[package] = used.get(package, 0) + size
        seen |= windows
        held_out |= windows if split == "validation" else set()
        documents[split].append(Document(name, text))
    return documents


def _order(name):
    """An order that mixes packages and folders, the same everywhere; caps then keep a fair sample of a package."""
    return hashlib.sha256(b"order" + name.encode()).digest()


def manifest(documents, split):
    """Count and hash of one split's documents."""
    digest = hashlib.sha256()
    for name, text in documents:
        digest.update(name.encode() + b"\0" + text.encode() + b"\0")
    return Manifest(split, len(documents), sum(len(text.encode()) for _, text in documents), digest.hexdigest()[:16])


def train_tokenizer(documents, d_vocab=4096):
    """Byte-level BPE with d_vocab tokens (boundary token 0) trained on `documents`, a `tokenizers.Tokenizer`."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRE_TOKEN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=d_vocab, special_tokens=[BOUNDARY], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator((text for _, text in documents), trainer)
    return tokenizer


def encode(documents, tokenizer, boundary=0, desc="tokenising"):
    """Packed tokens of `documents`: (tokens uint16 or uint32, starts int64); id `boundary` precedes each document.

    The boundary token is only ever inserted here: the same characters inside a file are ordinary text. ValueError if
    there is no document.
    """
    tokenizer.encode_special_tokens = True
    dtype = np.uint16 if tokenizer.get_vocab_size() <= 2**16 else np.uint32
    boundary = np.array([boundary], dtype=dtype)
    pieces, starts, position = [], [], 0
    with bar(total=len(documents), desc=desc, unit="file", leave=False) as progress:
        for first in range(0, len(documents), 128):
            batch = documents[first:first + 128]
            for encoding in tokenizer.encode_batch_fast([text for _, text in batch], add_special_tokens=False):
                starts.append(position)
                pieces += [boundary, np.array(encoding.ids, dtype=dtype)]
                position += 1 + len(pieces[-1])
            progress.update(len(batch))
    if not pieces:
        raise ValueError("the corpus is empty: no Python source file was found or none could be read "
                         "(is the standard library zipped?)")
    return np.concatenate(pieces), np.array(starts, dtype=np.int64)


def load_corpus(split, tokenizer, boundary=0, candidates=None, cache=None):
    """TokenStream of split "train" or "validation" for `tokenizer`, from the cache if it is there and undamaged.

    boundary: id of the token put before every document. candidates: (name, path) pairs instead of this machine's source
    files. cache: folder, default `cache_folder()`. Raises ValueError for an unknown split or an empty corpus.
    """
    if split not in ("train", "validation"):
        raise ValueError(f"split is {split!r}; expected 'train' or 'validation'")
    candidates = list(source_files() if candidates is None else candidates)
    cache = Path(cache) if cache is not None else cache_folder()
    stats = [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in candidates]
    recipe = [PRE_TOKEN, PACKAGE_CAP, FILE_CAP, VALIDATION_PERCENT, WINDOW, tokenizer.to_str(), boundary, stats]
    key = hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]
    stream = _read_cache(cache / f"{split}-{key}.safetensors")
    if stream is not None:
        return stream
    streams = {}
    for part, documents in read_documents(candidates).items():
        tokens, starts = encode(documents, tokenizer, boundary, desc=f"tokenising {part}")
        streams[part] = TokenStream(tokens, starts, [name for name, _ in documents], manifest(documents, part))
        _write_cache(cache / f"{part}-{key}.safetensors", streams[part])
    return streams[split]


def _write_cache(path, stream):
    sha = _sha(stream.tokens, stream.starts, stream.names)
    record = {"names": stream.names, "manifest": stream.manifest, "sha": sha}
    try:
        files.save_arrays(path, {"tokens": stream.tokens, "starts": stream.starts}, record)
    except OSError:
        pass  # a read-only or full home folder costs time on the next start, nothing else


def _read_cache(path):
    """The cached stream, or None if it is absent or does not match its own hash."""
    try:
        arrays, record = files.load_arrays(path)
        if record["sha"] == _sha(arrays["tokens"], arrays["starts"], record["names"]):
            return TokenStream(arrays["tokens"], arrays["starts"], record["names"], Manifest(*record["manifest"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # absent or damaged: the caller tokenises again
    return None


def _sha(tokens, starts, names):
    return hashlib.sha256(tokens.tobytes() + starts.tobytes() + json.dumps(names).encode()).hexdigest()


def contexts(stream, n_ctx, boundary=0):
    """Cut the packed stream into contexts (n, n_ctx): the boundary token, then n_ctx - 1 consecutive tokens; a short
    rest is dropped. ValueError if n_ctx < 2 or the tokens fill no context."""
    if n_ctx < 2:
        raise ValueError(f"n_ctx is {n_ctx}; a context holds the boundary token and at least one more, so n_ctx >= 2")
    body = stream.tokens[1:]  # the first document's boundary token is the first context's own
    n = len(body) // (n_ctx - 1)
    if n == 0:
        raise ValueError(f"the corpus has {len(body)} tokens, fewer than one context of n_ctx={n_ctx}")
    cut = np.full((n, n_ctx), boundary, dtype=stream.tokens.dtype)
    cut[:, 1:] = body[:n * (n_ctx - 1)].reshape(n, n_ctx - 1)
    return cut


def cache_folder():
    """Folder for tokenised text: SAEKIT_CACHE if set, else the platform's user cache folder."""
    import platformdirs

    return Path(os.environ.get("SAEKIT_CACHE") or platformdirs.user_cache_path("saekit"))
