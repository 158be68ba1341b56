"""Wrong and right answers of lesson 7, read the features."""

from tests.wrong_answers import Wrong


def _of(first_line, body):
    return f"def {first_line}:\n" + "".join(f"    {line}\n" for line in body.split("; "))


def _kinds(body):
    return _of("density_kinds(counts, n_tokens, low)", f"density = counts / n_tokens; {body}")


def _interval(body):
    return _of("interval_of(activations)", f"share = activations / activations.max(); {body}")


def _lens(body):
    return _of("logit_lens(direction, W_down, gamma, sigma, W_U)", body)


def _nearest(body):
    return _of("nearest_neuron(W)", body)


def _pearson(body):
    return _of("pearson(a, b)", f"ca, cb = a - a.mean(axis=0), b - b.mean(axis=0); la, lb = np.linalg.norm(ca, axis=0), np.linalg.norm(cb, axis=0); "
               f"la, lb = np.where(la > 0, la, 1), np.where(lb > 0, lb, 1); r = (ca / la).T @ (cb / lb); {body}")


def _means(body):
    return _of("token_means(tokens, activations, d_vocab)", "counts = np.bincount(tokens, minlength=d_vocab); sums = np.bincount(tokens, weights=activations, minlength=d_vocab); "
               f"means = sums / np.maximum(counts, 1); {body}")


def _formula(body):
    return _of("formula_correlation(n, s, n_rows, mean, sd)", f"share = n / n_rows; above = s / n_rows - share * mean; inner = share * (1 - share); safe = np.where(inner > 0, inner, 1); {body}")


WRONG = {
    "density_kinds": [
        Wrong("the dead are ultra-low", _kinds("return np.where(density < low, 1, 2)"), "What sets the dead apart"),
        Wrong("counts compared with low", _kinds("return np.where(counts == 0, 0, np.where(counts < low, 1, 2))"), "Is it compared with counts"),
        Wrong("numbered from the other end", _kinds("return np.where(counts == 0, 2, np.where(density < low, 1, 0))"), "given from the other end"),
        Wrong("the two exchanged", _kinds("return np.where(counts == 0, 0, np.where(density < low, 2, 1))"), "the wrong way round"),
        Wrong("dead or not", _kinds("return (counts > 0).astype(int)"), "Where does low come in"),
        Wrong("at most low", _kinds("return np.where(counts == 0, 0, np.where(density <= low, 1, 2))"), "Which of < and <= is meant"),
        Wrong("a fixed bound", _kinds("return np.where(counts == 0, 0, np.where(density < 1e-3, 1, 2))"), "Is low fixed in your answer"),
        Wrong("how many of each", _kinds("return np.bincount(np.where(counts == 0, 0, np.where(density < low, 1, 2)), minlength=3)"), r"should have shape \(6,\)"),
    ],
    "interval_of": [
        Wrong("counted from the bottom", _interval("return np.ceil(10 * share).astype(int)"), "From which end are intervals counted"),
        Wrong("from zero", _interval("return (10 - np.ceil(10 * share)).astype(int)"), "Is one missing"),
        Wrong("from the smallest", _interval("share = (activations - activations.min()) / np.ptp(activations); return np.clip(11 - np.ceil(10 * share), 1, 10).astype(int)"), "Where does the range begin"),
        Wrong("equal counts", _interval("rank = np.argsort(np.argsort(-activations)); return rank * 10 // len(rank) + 1"), "of the list, or of the range"),
        Wrong("not divided by the largest", _interval("return np.clip(11 - np.ceil(10 * activations), 1, 10).astype(int)"), "What are they a share of"),
        Wrong("rounded down", _interval("return (10 - np.floor(10 * share)).astype(int)"), "On which side of an edge"),
        Wrong("rounded down, the top mended", _interval("return np.clip(10 - np.floor(10 * share), 1, 10).astype(int)"), "rounded up or down"),
        Wrong("rounded to the nearest", _interval("return np.clip(11 - np.round(10 * share), 1, 10).astype(int)"), r"Is the tenth rounded up\?"),
        Wrong("not whole numbers", _interval("return 11 - np.ceil(10 * share)"), "its dtype is float64"),
    ],
    "logit_lens": [
        Wrong("not centred", _lens("return direction @ W_down * gamma / sigma @ W_U"), "What does softmax not feel"),
        Wrong("no gamma", _lens("out = direction @ W_down / sigma @ W_U; return out - out.mean()"), "Where does the norm's weight go"),
        Wrong("no scale", _lens("out = direction @ W_down * gamma @ W_U; return out - out.mean()"), "What does a norm divide by"),
        Wrong("multiplied by the scale", _lens("out = direction @ W_down * gamma * sigma @ W_U; return out - out.mean()"), "Does a norm multiply or divide"),
        Wrong("standardised", _lens("out = direction @ W_down * gamma / sigma @ W_U; return (out - out.mean()) / out.std()"), "what would be lost with their size"),
        Wrong("probabilities", _lens("out = direction @ W_down * gamma / sigma @ W_U; p = np.exp(out - out.max()); return p / p.sum()"), "these are probabilities"),
        Wrong("mean of what is written", _lens("w = direction @ W_down; out = (w - w.mean()) * gamma / sigma @ W_U; return out - out.mean()"), "The norm's mean is frozen"),
        Wrong("unit direction", _lens("out = direction / np.linalg.norm(direction) @ W_down * gamma / sigma @ W_U; return out - out.mean()"), "whose length counts"),
    ],
    "nearest_neuron": [
        Wrong("absolute entries", _nearest("return np.abs(W).max(axis=1) / np.linalg.norm(W, axis=1)"), "Do signs count"),
        Wrong("not divided", _nearest("return W.max(axis=1)"), "What is a cosine divided by"),
        Wrong("share of L1", _nearest("return W.max(axis=1) / np.abs(W).sum(axis=1)"), "share of L1"),
        Wrong("squared length", _nearest("return W.max(axis=1) / (W ** 2).sum(axis=1)"), "Is a root missing"),
        Wrong("which neuron", _nearest("return W.argmax(axis=1)"), "How near are they"),
        Wrong("one length for all", _nearest("return W.max(axis=1) / np.linalg.norm(W)"), "Whose length belongs to a row"),
        Wrong("the columns", _nearest("return W.max(axis=0) / np.linalg.norm(W, axis=0)"), r"should have shape \(5,\)"),
    ],
    "pearson": [
        Wrong("cosine", _pearson("return (a / np.linalg.norm(a, axis=0)).T @ (b / np.linalg.norm(b, axis=0))"), "What is taken off first"),
        Wrong("covariance", _pearson("return ca.T @ cb / len(a)"), "these are covariances"),
        Wrong("sums of products", _pearson("return ca.T @ cb"), "What makes them correlations"),
        Wrong("absolute", _pearson("return np.abs(r)"), "Where did the sign go"),
        Wrong("squared", _pearson("return r ** 2"), "share explained"),
        Wrong("mean taken twice", _pearson("return r / len(a)"), "depends on the number of rows"),
        Wrong("constant columns", _pearson("return (ca / np.linalg.norm(ca, axis=0)).T @ (cb / np.linalg.norm(cb, axis=0))"), r"What is 0 / 0|NaN"),
        Wrong("n and n − 1", _pearson("return np.nan_to_num(ca.T @ cb / len(a) / np.outer(np.where(a.std(axis=0) > 0, a.std(axis=0, ddof=1), 1), b.std(axis=0, ddof=1)))"), "n stands in one place"),
        Wrong("transposed", _pearson("return r.T"), "Is something transposed"),
    ],
    "token_means": [
        Wrong("unseen tokens get 0", _means("return means"), "What is the best guess about it"),
        Wrong("sums", _means("return np.where(counts > 0, sums, activations.mean())"), "these are sums"),
        Wrong("divided by all rows", _means("return np.where(counts > 0, sums / len(tokens), activations.mean())"), "Which rows belong to a token"),
        Wrong("counts", _means("return counts"), "these are counts"),
        Wrong("the last one", _means("out = np.full(d_vocab, activations.mean()); out[tokens] = activations; return out"), "writes a repeated index once"),
        Wrong("largest", _means("return np.array([activations[tokens == i].max() if counts[i] else activations.mean() for i in range(d_vocab)])"), "Which summary of them is asked for"),
        Wrong("mean over tokens", _means("return np.where(counts > 0, means, means[counts > 0].mean())"), r"mean over \*tokens\*"),
        Wrong("as many as occur", _means("return means[np.unique(tokens)]"), r"should have shape \(8,\)"),
        Wrong("positive rows alone", _means("n = np.bincount(tokens, weights=activations > 0, minlength=d_vocab); s = np.bincount(tokens, weights=np.maximum(activations, 0), minlength=d_vocab); "
              "return np.where(counts > 0, s / np.maximum(n, 1), activations.mean())"), "Are some rows left out"),
    ],
    "formula_correlation": [
        Wrong("chance left in", _formula("return np.where(inner > 0, s / n_rows / (sd * np.sqrt(safe)), 0.0)"), "what would chance give"),
        Wrong("the formula's spread missing", _formula("return above / sd"), "A formula varies too"),
        Wrong("the activations' spread missing", _formula("return np.where(inner > 0, above / np.sqrt(safe), 0.0)"), "Whose spread is missing"),
        Wrong("a bracket missing", _formula("return above / sd * np.sqrt(inner)"), "you multiply by the formula's spread"),
        Wrong("variance for deviation", _formula("return np.where(inner > 0, above / (sd * safe), 0.0)"), "the formula's variance stands"),
        Wrong("one factor of two", _formula("return np.where(inner > 0, above / (sd * np.sqrt(np.maximum(share, 1e-12))), 0.0)"), "has two factors"),
        Wrong("sums for means", _formula("return np.where(inner > 0, (s - n * mean) / (sd * np.sqrt(safe)), 0.0)"), "Are sums turned into means"),
        Wrong("difference of means", _formula("return (s / np.maximum(n, 1) - mean) / sd"), "What is a covariance"),
        Wrong("absolute", _formula("return np.abs(np.where(inner > 0, above / (sd * np.sqrt(safe)), 0.0))"), "Where did the sign go"),
        Wrong("divided by zero", _formula("return above / (sd * np.sqrt(inner))"), r"What is 0 / 0|NaN"),
    ],
}

RIGHT = {
    "density_kinds": [_kinds("return (counts > 0).astype(int) + (density >= low)"), _kinds("return np.select([counts == 0, density < low], [0, 1], 2)")],
    "interval_of": [_interval("return (11 - np.ceil(10 * share)).astype(int)"), _interval("edges = np.arange(9, 0, -1) / 10; return 1 + (share[:, None] <= edges).sum(axis=1)")],
    "logit_lens": [_lens("out = direction @ W_down * gamma / sigma @ W_U; return out - out.mean()"),
                   _lens("U = W_U - W_U.mean(axis=1, keepdims=True); return (direction @ W_down * (gamma / sigma)) @ U")],
    "nearest_neuron": [_nearest("return W.max(axis=1) / np.linalg.norm(W, axis=1)"), _nearest("return np.sort(W / np.sqrt((W * W).sum(axis=1, keepdims=True)), axis=1)[:, -1]")],
    "pearson": [_pearson("return r"),
                _of("pearson(a, b)", "sa, sb = a.std(axis=0), b.std(axis=0); za, zb = (a - a.mean(axis=0)) / np.where(sa > 0, sa, 1), (b - b.mean(axis=0)) / np.where(sb > 0, sb, 1); return za.T @ zb / len(a)")],
    "token_means": [_means("return np.where(counts > 0, means, activations.mean())"),
                    _of("token_means(tokens, activations, d_vocab)", "out = np.full(d_vocab, activations.mean()); for token in np.unique(tokens):;     out[token] = activations[tokens == token].mean(); return out")],
    "formula_correlation": [_formula("return np.where(inner > 0, above / (sd * np.sqrt(safe)), 0.0)"),
                            _of("formula_correlation(n, s, n_rows, mean, sd)", "with np.errstate(divide='ignore', invalid='ignore'):;     r = (s - n * mean) / (sd * np.sqrt(n * (n_rows - n)) + 0.0); "
                                "return np.where((n > 0) & (n < n_rows), r, 0.0)")],
}
