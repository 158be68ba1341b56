"""Wrong and right answers of lesson 5, inside a small transformer."""

from tests.wrong_answers import Wrong


def _dimensions(body):
    return "def dimensions_for(x, share):\n" + "".join(f"    {line}\n" for line in body.split("; "))


def _nearest(body):
    return ("def nearest_tokens(atom, embeddings, n):\n    cosines = embeddings @ atom / np.linalg.norm(embeddings, axis=1) / np.linalg.norm(atom)\n"
            + "".join(f"    {line}\n" for line in body.split("; ")))


def _recipe(body):
    return "def recipe(z, n):\n    which = np.argsort(-z)[:n]\n" + "".join(f"    {line}\n" for line in body.split("; "))


def _plane(body):
    return ("def line_and_plane(x, level):\n    means = np.array([x[level == one].mean(axis=0) for one in np.unique(level)])\n"
            + "".join(f"    {line}\n" for line in body.split("; ")))


def _mlp(norm="(hidden - mean) / np.sqrt(hidden.var(axis=1, keepdims=True) + inputs['eps'])", normed="normed * inputs['scale'] + inputs['shift']",
         out="np.maximum(normed @ inputs['W_in'] + inputs['b_in'], 0)", mean="hidden.mean(axis=1, keepdims=True)"):
    return (f"def mlp_post(inputs):\n    hidden = inputs['hidden']\n    mean = {mean}\n    normed = {norm}\n"
            f"    normed = {normed}\n    return {out}\n")


def _kurtosis(body):
    return "def kurtosis(x):\n    centred = x - x.mean(axis=0)\n" + "".join(f"    {line}\n" for line in body.split("; "))


def _f1(body):
    return ("def f1(fires, concept):\n    fires, concept = fires.astype(float), concept.astype(float)\n    both = fires.T @ concept\n"
            "    n_fires, n_concept = fires.sum(axis=0)[:, None], concept.sum(axis=0)\n"
            + "".join(f"    {line}\n" for line in body.split("; ")))


def _best(body):
    return ("def best_thresholds(activations, concept, candidates):\n    scores = np.array([f1(activations > row, concept) for row in candidates])\n"
            "    units = np.arange(activations.shape[1])[:, None]\n" + "".join(f"    {line}\n" for line in body.split("; ")))


SAFE_F1 = "return 2 * both / np.maximum(n_fires + n_concept, 1)"

WRONG = {
    "dimensions_for": [
        Wrong("not centred", _dimensions("squares = np.linalg.svd(x, compute_uv=False) ** 2; return int((squares.cumsum() / squares.sum() < share).sum()) + 1"),
              "Is the mean taken off"),
        Wrong("index instead of count", _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; "
              "return int((squares.cumsum() / squares.sum() < share).sum())"), "Which place has index 0"),
        Wrong("singular values not squared", _dimensions("values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False); "
              "return int((values.cumsum() / values.sum() < share).sum()) + 1"), "Is a singular value a variance"),
        Wrong("smallest first", _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[::-1] ** 2; "
              "return int((squares.cumsum() / squares.sum() < share).sum()) + 1"), "Do you begin with the smallest"),
        Wrong("variances of the columns", _dimensions("variances = np.sort(x.var(axis=0))[::-1]; return int((variances.cumsum() / variances.sum() < share).sum()) + 1"),
              "variances of the columns, or of the principal directions"),
        Wrong("centred along the row", _dimensions("squares = np.linalg.svd(x - x.mean(axis=1, keepdims=True), compute_uv=False) ** 2; "
              "return int((squares.cumsum() / squares.sum() < share).sum()) + 1"), "Is there one mean for each column"),
        Wrong("the share that is reached", _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; reached = squares.cumsum() / squares.sum(); "
              "return float(reached[reached >= share][0])"), "How many directions are they"),
        Wrong("rank", _dimensions("return int(np.linalg.matrix_rank(x - x.mean(axis=0)))"), "Where does share come in"),
        Wrong("a fraction of the dimensions", _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; "
              "return ((squares.cumsum() / squares.sum() < share).sum() + 1) / x.shape[1]"), "as a fraction"),
        Wrong("one too many", _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; "
              "return int((squares.cumsum() / squares.sum() < share).sum()) + 2"), "What does your search count"),
    ],
    "nearest_tokens": [
        Wrong("dot product", _nearest("return np.argsort(-(embeddings @ atom))[:n]"), "Is a dot product a cosine"),
        Wrong("nearest last", _nearest("return np.argsort(cosines)[-n:]"), "Which way does np.argsort sort"),
        Wrong("farthest", _nearest("return np.argsort(cosines)[:n]"), "From which end of the order"),
        Wrong("absolute cosine", _nearest("return np.argsort(-np.abs(cosines))[:n]"), "Is a sign lost"),
        Wrong("the cosines", _nearest("return np.sort(cosines)[::-1][:n]"), "Which function gives their places"),
        Wrong("all of them", _nearest("return np.argsort(-cosines)"), "Where does n come in"),
        Wrong("distance", _nearest("return np.argsort(np.linalg.norm(embeddings - atom, axis=1))[:n]"), "Does a direction have a length"),
        Wrong("lengths of the columns", _nearest("return np.argsort(-((embeddings / np.linalg.norm(embeddings, axis=0)) @ atom))[:n]"), "Along which axis do you take lengths"),
        Wrong("three fixed", _nearest("return np.argsort(-cosines)[:3]"), "a number fixed that should be n"),
    ],
    "recipe": [
        Wrong("shares of the named ones", _recipe("return which, z[which] / z[which].sum(), 0.0"), "Shares of which sum"),
        Wrong("coefficients", _recipe("return which, z[which], z.sum() - z[which].sum()"), "By what must they be divided"),
        Wrong("smallest first", "def recipe(z, n):\n    which = np.argsort(z)[:n]\n    return which, z[which] / z.sum(), 1 - z[which].sum() / z.sum()\n",
              "atoms 0 and 2 have the coefficient 0"),
        Wrong("rising order", _recipe("which = which[::-1]; return which, z[which] / z.sum(), 1 - z[which].sum() / z.sum()"), "What does your order follow"),
        Wrong("counts the others", _recipe("return which, z[which] / z.sum(), float((z > 0).sum() - n)"), "Is that how many others there are"),
        Wrong("squares", _recipe("return which, z[which] ** 2 / (z ** 2).sum(), 1 - (z[which] ** 2).sum() / (z ** 2).sum()"), "or of 25"),
        Wrong("length of z", _recipe("return which, z[which] / np.linalg.norm(z), 1 - z[which].sum() / np.linalg.norm(z)"), "you divide by the length of z"),
        Wrong("mean instead of sum", _recipe("return which, z[which] / len(z), 1 - z[which].sum() / len(z)"), "number of atoms in the dictionary"),
        Wrong("what is named", _recipe("return which, z[which] / z.sum(), z[which].sum() / z.sum()"), "what the two named atoms hold"),
        Wrong("mean of the others", _recipe("rest = np.delete(z, which); return which, z[which] / z.sum(), rest[rest > 0].mean() / z.sum()"), "share of one of the others"),
    ],
    "line_and_plane": [
        Wrong("principal directions of the samples", _plane("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; shares = squares / squares.sum(); "
              "return shares[0], shares[0] + shares[1]"), "that of the samples or of the means"),
        Wrong("not centred", _plane("squares = np.linalg.svd(means, compute_uv=False) ** 2; shares = squares / squares.sum(); return shares[0], shares[0] + shares[1]"),
              "From which point is the spread"),
        Wrong("centred on the mean of the samples", _plane("squares = np.linalg.svd(means - x.mean(axis=0), compute_uv=False) ** 2; shares = squares / squares.sum(); "
              "return shares[0], shares[0] + shares[1]"), "Does each level count once"),
        Wrong("second direction alone", _plane("squares = np.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2; shares = squares / squares.sum(); "
              "return shares[0], shares[1]"), "what the second direction adds by itself"),
        Wrong("singular values not squared", _plane("values = np.linalg.svd(means - means.mean(axis=0), compute_uv=False); shares = values / values.sum(); "
              "return shares[0], shares[0] + shares[1]"), "Which power of a singular value"),
        Wrong("exchanged", _plane("squares = np.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2; shares = squares / squares.sum(); "
              "return shares[0] + shares[1], shares[0]"), "Which one comes first"),
        Wrong("shares of the plane", _plane("squares = np.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2; "
              "return squares[0] / squares[:2].sum(), 1.0"), "the means spread in three directions"),
    ],
    "mlp_post": [
        Wrong("no ReLU", _mlp(out="normed @ inputs['W_in'] + inputs['b_in']"), "before or after the ReLU"),
        Wrong("normalised over the tokens", _mlp(norm="(hidden - hidden.mean(axis=0)) / np.sqrt(hidden.var(axis=0) + inputs['eps'])"), "or over the entries of one token"),
        Wrong("mean stays", _mlp(mean="0", norm="hidden / np.sqrt((hidden ** 2).mean(axis=1, keepdims=True) + inputs['eps'])"), "own mean taken off"),
        Wrong("not divided", _mlp(norm="hidden - mean"), "own standard deviation"),
        Wrong("b_in forgotten", _mlp(out="np.maximum(normed @ inputs['W_in'], 0)"), "Where does b_in come in"),
        Wrong("scale forgotten", _mlp(normed="normed + inputs['shift']"), "Where does scale come in"),
        Wrong("shift forgotten", _mlp(normed="normed * inputs['scale']"), "Where does shift come in"),
        Wrong("n - 1", _mlp(norm="(hidden - mean) / np.sqrt(hidden.var(axis=1, keepdims=True, ddof=1) + inputs['eps'])"), "divides by 4 entries"),
        Wrong("eps outside", _mlp(norm="(hidden - mean) / (hidden.std(axis=1, keepdims=True) + inputs['eps'])"), "under the root, or outside"),
        Wrong("eps forgotten", _mlp(norm="(hidden - mean) / hidden.std(axis=1, keepdims=True)"), "Is eps left out"),
        Wrong("shift before scale", _mlp(normed="(normed + inputs['shift']) * inputs['scale']"), "The shift is scaled too|the shift is scaled too"),
        Wrong("bias after the ReLU", _mlp(out="np.maximum(np.maximum(normed @ inputs['W_in'], 0) + inputs['b_in'], 0)"), "b_in is added after the ReLU"),
        Wrong("GELU", _mlp(out="0.5 * (normed @ inputs['W_in'] + inputs['b_in']) * (1 + np.tanh(0.79788456 * ((normed @ inputs['W_in'] + inputs['b_in'])"
                               " + 0.044715 * (normed @ inputs['W_in'] + inputs['b_in']) ** 3)))"), "as after a GELU"),
        Wrong("weights turned", _mlp(out="np.maximum(normed @ inputs['W_in'].T + inputs['b_in'], 0)"), "Which shapes stand"),
    ],
    "kurtosis": [
        Wrong("excess", _kurtosis("return (centred ** 4).mean(axis=0) / (centred ** 2).mean(axis=0) ** 2 - 3"), "Is 3 taken off"),
        Wrong("variance not squared", _kurtosis("return (centred ** 4).mean(axis=0) / x.var(axis=0)"), "By which power of the variance"),
        Wrong("not centred", _kurtosis("return (x ** 4).mean(axis=0) / (x ** 2).mean(axis=0) ** 2"), "from where"),
        Wrong("skewness", _kurtosis("return (centred ** 3).mean(axis=0) / x.std(axis=0) ** 3"), "the third or the fourth"),
        Wrong("over the columns", "def kurtosis(x):\n    centred = x - x.mean(axis=1, keepdims=True)\n"
              "    return (centred ** 4).mean(axis=1) / (centred ** 2).mean(axis=1) ** 2\n", r"should have shape \(4,\), but it has shape \(20,\)"),
        Wrong("n - 1", _kurtosis("return (centred ** 4).mean(axis=0) / x.var(axis=0, ddof=1) ** 2"), "divide by n, or by n − 1"),
        Wrong("one number", _kurtosis("return (centred ** 4).mean() / (centred ** 2).mean() ** 2"), "not a float64|should be an array of shape|has shape \\(\\)"),
        Wrong("root", _kurtosis("return np.sqrt((centred ** 4).mean(axis=0)) / x.var(axis=0)"), "gave the root of what it should"),
    ],
    "f1": [
        Wrong("precision", _f1("return both / np.maximum(n_fires, 1)"), "that is precision"),
        Wrong("recall", _f1("return both / np.maximum(n_concept, 1)"), "that is recall"),
        Wrong("ordinary mean", _f1("return (both / np.maximum(n_fires, 1) + both / np.maximum(n_concept, 1)) / 2"), "ordinary mean"),
        Wrong("factor 2 forgotten", _f1("return both / np.maximum(n_fires + n_concept, 1)"), "Is a factor missing"),
        Wrong("overlap over union", _f1("return both / np.maximum(n_fires + n_concept - both, 1)"), "overlap over the union"),
        Wrong("accuracy", _f1("return (both + (1 - fires).T @ (1 - concept)) / len(fires)"), "that is accuracy"),
        Wrong("zero over zero", _f1("with np.errstate(all='ignore'):;     return 2 * both / (n_fires + n_concept)"), "NaN, though every input was finite"),
        Wrong("product of True and False", "def f1(fires, concept):\n    both = fires.T @ concept\n    return both\n", "your answer holds True and False"),
        Wrong("truth as counts", "def f1(fires, concept):\n    both = (fires.T @ concept).astype(float)\n"
              "    return 2 * both / np.maximum(fires.sum(axis=0)[:, None] + concept.sum(axis=0), 1)\n", "all firings that are right count as one"),
        Wrong("turned", _f1("return (2 * both / np.maximum(n_fires + n_concept, 1)).T"), "Is something transposed"),
        Wrong("geometric mean", _f1("return both / np.sqrt(np.maximum(n_fires * n_concept, 1))"), "geometric mean"),
    ],
    "best_thresholds": [
        Wrong("places", _best("return scores.argmax(axis=0).astype(float)"), "these are the places of the best candidates"),
        Wrong("scores", _best("return scores.max(axis=0)"), "best F1 scores themselves"),
        Wrong("worst", _best("return candidates[scores.argmin(axis=0), units]"), "candidates with the lowest F1"),
        Wrong("one for all concepts", _best("best = scores.mean(axis=2).argmax(axis=0); return np.repeat(candidates[best, units[:, 0]][:, None], concept.shape[1], axis=1)"),
              "both concepts have the same thresholds"),
        Wrong("first unit's candidates", _best("return candidates[scores.argmax(axis=0), 0]"), "Does each unit have its own column"),
        Wrong("at the threshold", "def best_thresholds(activations, concept, candidates):\n    scores = np.array([f1(activations >= row, concept) for row in candidates])\n"
              "    units = np.arange(activations.shape[1])[:, None]\n    return candidates[scores.argmax(axis=0), units]\n", "Do you fire at the threshold itself"),
        Wrong("concepts exchanged", _best("return candidates[scores.argmax(axis=0)[:, ::-1], units]"), "each other's thresholds"),
        Wrong("by recall", "def best_thresholds(activations, concept, candidates):\n"
              "    scores = np.array([(activations > row).astype(float).T @ concept for row in candidates])\n"
              "    return candidates[scores.argmax(axis=0), np.arange(activations.shape[1])[:, None]]\n", "By what do you choose"),
        Wrong("last of equals", _best("best = len(scores) - 1 - scores[::-1].argmax(axis=0); return candidates[best, units]"), "Which of equals"),
        Wrong("turned", _best("return candidates[scores.argmax(axis=0), units].T"), "Is something transposed"),
    ],
}

RIGHT = {
    "dimensions_for": [
        _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; return int((squares.cumsum() / squares.sum() < share).sum()) + 1"),
        _dimensions("values = np.linalg.eigvalsh(np.cov(x.T))[::-1]; held = 0; for count, value in enumerate(values, 1):;     held += value;     "
                    "if held >= share * values.sum():;         return count"),
        _dimensions("squares = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2; return np.searchsorted(np.cumsum(squares) / sum(squares), share) + 1"),
    ],
    "nearest_tokens": [
        _nearest("return np.argsort(-cosines)[:n]"),
        "def nearest_tokens(atom, embeddings, n):\n    rows = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)\n    return (rows @ atom).argsort()[::-1][:n]\n",
    ],
    "recipe": [
        _recipe("return which, z[which] / z.sum(), 1 - z[which].sum() / z.sum()"),
        "def recipe(z, n):\n    shares = z / sum(z)\n    order = np.argsort(shares)[::-1]\n    return order[:n], shares[order[:n]], shares[order[n:]].sum()\n",
    ],
    "line_and_plane": [
        _plane("squares = np.linalg.svd(means - means.mean(axis=0), compute_uv=False) ** 2; return squares[0] / squares.sum(), squares[:2].sum() / squares.sum()"),
        "def line_and_plane(x, level):\n    means = np.stack([x[level == one].mean(0) for one in sorted(set(level.tolist()))])\n"
        "    values = np.linalg.eigvalsh(np.cov(means.T))[::-1]\n    shares = values.cumsum() / values.sum()\n    return float(shares[0]), float(shares[1])\n",
    ],
    "mlp_post": [
        _mlp(),
        "def mlp_post(inputs):\n    out = []\n    for token in inputs['hidden']:\n        token = (token - token.mean()) / (token.var() + inputs['eps']) ** 0.5\n"
        "        out.append(np.maximum((inputs['scale'] * token + inputs['shift']) @ inputs['W_in'] + inputs['b_in'], 0))\n    return np.array(out)\n",
        _mlp(out="(normed @ inputs['W_in'] + inputs['b_in']).clip(0)"),
    ],
    "kurtosis": [
        _kurtosis("return (centred ** 4).mean(axis=0) / x.var(axis=0) ** 2"),
        "def kurtosis(x):\n    standard = (x - x.mean(0)) / x.std(0)\n    return (standard ** 4).mean(0)\n",
    ],
    "f1": [
        _f1(SAFE_F1),
        "def f1(fires, concept):\n    out = np.zeros((fires.shape[1], concept.shape[1]))\n    for unit in range(fires.shape[1]):\n        for column in range(concept.shape[1]):\n"
        "            found = (fires[:, unit] & concept[:, column]).sum()\n            if found:\n                precision, recall = found / fires[:, unit].sum(), found / concept[:, column].sum()\n"
        "                out[unit, column] = 2 * precision * recall / (precision + recall)\n    return out\n",
        "def f1(fires, concept):\n    both = fires.astype(int).T @ concept.astype(int)\n    total = fires.sum(axis=0)[:, None] + concept.sum(axis=0)[None, :]\n"
        "    return np.where(total > 0, 2 * both / np.where(total > 0, total, 1), 0.0)\n",
    ],
    "best_thresholds": [
        _best("return candidates[scores.argmax(axis=0), units]"),
        "def best_thresholds(activations, concept, candidates):\n    best = np.full((activations.shape[1], concept.shape[1]), -1.0)\n    chosen = np.zeros_like(best)\n"
        "    for row in candidates:\n        scores = f1(activations > row, concept)\n        better = scores > best\n        best[better] = scores[better]\n"
        "        chosen[better] = np.broadcast_to(row[:, None], best.shape)[better]\n    return chosen\n",
    ],
}
