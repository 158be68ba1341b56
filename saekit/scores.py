"""Score an explanation of a unit by what a judge can do with it, and the four marks of a good latent.

    simulation  the judge predicts every token's activation; score: correlation (Bills et al. 2023)
    detection   the judge says which excerpts hold a token that activates the unit; score: balanced accuracy
    fuzzing     excerpts come with marked tokens; the judge says whether they are those that activate it; the same score
                (Paulo et al. 2024)
A judge is whoever answers: here a formula (`saekit.explain`), a table of tokens, or a language model. 0.5 is guessing.
"""

import numpy as np

MARKS = ("coherent", "causal", "sparse", "not split")


def balanced_accuracy(answers, truth):
    """Mean of the share of right answers among the true and among the untrue; NaN where one of them is missing."""
    answers, truth = np.asarray(answers, bool), np.asarray(truth, bool)
    if truth.all() or not truth.any():
        return float("nan")
    return float((answers[truth].mean() + (~answers[~truth]).mean()) / 2)


def detection_task(fires, width=16, n=40, seed=0):
    """(rows (m, width), truth (m,)): up to n excerpts in which the unit fires and equally many in which it does not,
    mixed.

    fires: (n_rows,) True or False. An excerpt is `width` consecutive rows.
    """
    windows = np.arange(len(fires) // width * width).reshape(-1, width)
    active = fires[windows].any(axis=1)
    rng = np.random.default_rng(seed)
    n = min(n, active.sum(), (~active).sum())
    chosen = np.concatenate([rng.permutation(np.flatnonzero(active == value))[:n] for value in (True, False)])
    chosen = rng.permutation(chosen)
    return windows[chosen], active[chosen]


def fuzzing_task(fires, width=16, n=40, seed=0):
    """(rows (m, width), marked (m, width), truth (m,)): up to 2 n excerpts in which the unit fires, one half with those
    tokens marked, the other with as many tokens marked on which it does not fire."""
    windows, rng = np.arange(len(fires) // width * width).reshape(-1, width), np.random.default_rng(seed)
    count = fires[windows].sum(axis=1)
    possible = rng.permutation(np.flatnonzero((count > 0) & (2 * count <= width)))[:2 * n]
    rows, truth = windows[possible], np.arange(len(possible)) % 2 == 0
    marked = fires[rows].copy()
    for i in np.flatnonzero(~truth):
        silent = np.flatnonzero(~marked[i])
        other = rng.choice(silent, marked[i].sum(), replace=False)
        marked[i] = np.isin(np.arange(width), other)
    return rows, marked, truth


def formula_detects(holds, rows):
    """A formula's answers to `detection_task`: does it hold anywhere in the excerpt? holds: (n_rows,) True or False."""
    return holds[rows].any(axis=1)


def formula_fuzzes(holds, rows, marked):
    """A formula's answers to `fuzzing_task`: does it hold on at least half of the marked tokens?"""
    return 2 * (holds[rows] & marked).sum(axis=1) >= marked.sum(axis=1)


def token_table(tokens, activations, train):
    """Simulation by the simplest judge: every token's mean activation on train rows, (n_rows,); unseen tokens get the
    mean.

    tokens: (n_rows,) ids; activations: (n_rows,); train: (n_rows,) True or False.
    """
    size, seen = int(tokens.max()) + 1, tokens[train]
    counts = np.bincount(seen, minlength=size)
    means = np.bincount(seen, activations[train], size) / np.maximum(counts, 1)
    return np.where(counts > 0, means, activations[train].mean())[tokens]


def correlation(a, b):
    """Pearson correlation of two columns, NaN where one does not vary."""
    return float(np.corrcoef(a, b)[0, 1]) if np.std(a) > 0 and np.std(b) > 0 else float("nan")


def largest_cosine(W, alive):
    """Largest cosine of every row of W (n, d) with another row that is alive (n,): (n,)."""
    W = W / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-12)
    best = np.full(len(W), -1.0)
    for first in range(0, len(W), 512):
        cosines = W[first:first + 512] @ W.T
        cosines[:, ~alive] = -1
        cosines[np.arange(len(cosines)), first + np.arange(len(cosines))] = -1
        best[first:first + 512] = cosines.max(axis=1)
    return best


def effect_per_latent(latents, changes, d_sae, least=10):
    """(mean, standard error, count) of the changes of loss of every latent, (d_sae,) each; NaN below `least` samples,
    of which the error would itself be too unsure (of two, chance alone passes two errors in one case of seven).

    latents, changes: (n,) as `intervene.ablate_one_each` returns them.
    """
    kept = latents >= 0
    latents, changes = latents[kept], changes[kept].astype(np.float64)
    count = np.bincount(latents, minlength=d_sae).astype(float)
    enough = np.where(count >= max(2, least), count, np.nan)
    mean = np.bincount(latents, changes, d_sae) / enough
    squares = np.bincount(latents, (changes - mean[latents]) ** 2, d_sae)
    return mean, np.sqrt(squares / (enough - 1) / enough), count


def four_marks(density, coherence, effect, error, cosine, *, least_coherence=0.3, most_density=0.01, most_cosine=0.7):
    """Which latents bear which of MARKS, (d_sae, 4) True or False, from what was measured of each, (d_sae,).

    coherent: held-out correlation of its explanation at least least_coherence; causal: ablating it raises the loss,
    by more than two standard errors; sparse: it fires, on less than most_density of the tokens; not split: no other
    latent's direction has a larger cosine with its own than most_cosine. What is NaN bears no mark.
    """
    return np.stack([coherence >= least_coherence, effect > 2 * error, (density > 0) & (density < most_density),
                     cosine <= most_cosine], axis=1)


def language_judge(lm, explanation, excerpts):
    """A local language model's answers to `detection_task`: is " yes" likelier than " no" after each question? (m,)
    bool.

    lm: any causal model from `transformer.load_lm`. excerpts: strings; the answers are worth what the model can read:
    measure it on excerpts whose truth is known first. Fuzzing: mark tokens in the excerpt as «so».
    """
    import torch

    words = (lm.tokenizer.encode(word, add_special_tokens=False).ids for word in (" yes", " no"))
    yes, no = next(pair for pair in zip(*words) if pair[0] != pair[1])  # some tokenizers begin both with a blank
    answers = []
    for excerpt in excerpts:
        question = f"A detector fires on: {explanation}\nText: {excerpt}\nDoes it fire in it (yes or no)? Answer:"
        ids = lm.tokenizer.encode(question, add_special_tokens=False).ids[-(lm.n_ctx - 1):]
        with torch.no_grad():
            scores = lm.model(input_ids=torch.tensor([[lm.boundary, *ids]]), use_cache=False).logits[0, -1]
        answers.append(bool(scores[yes] > scores[no]))
    return np.array(answers, dtype=bool)
