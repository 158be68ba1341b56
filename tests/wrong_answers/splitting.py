"""Wrong and right answers of lesson 9, splitting and universality."""

from tests.wrong_answers import Wrong


def _of(first_line, body):
    return f"def {first_line}:\n" + "".join(f"    {line}\n" for line in body.split("; "))


def _together(body):
    return _of("together(both, n_small, n_large)", body)


def _parents(body):
    return _of("parents_of(cosine, together, least_cosine, least_together)",
               f"nearest, child = cosine.argmax(axis=0), np.arange(cosine.shape[1]); near, share = cosine[nearest, child], together[nearest, child]; {body}")


def _absorbed(body):
    return _of("absorbed(latents, W_dec, own, direction, size)",
               f"silent, there = latents[:, own] == 0, size > 0; parts = latents * (W_dec @ direction); written = parts.sum(axis=1); {body}")


def _matryoshka(body, x_hat="latents[:, :m] @ W_dec[:m] + b_dec", error="((x - x_hat) ** 2).sum(axis=1).mean()"):
    return _of("matryoshka_loss(x, latents, W_dec, b_dec, prefixes)",
               f"errors = []; for m in prefixes:;     x_hat = {x_hat};     errors.append({error}); {body}")


def _mutual(body):
    return _of("mutual_pairs(similarity)", f"best, back = similarity.argmax(axis=1), similarity.argmax(axis=0); {body}")


def _correlations(body, covariance="products / n - np.outer(a_sum / n, b_sum / n)", variances="a_square / n - (a_sum / n) ** 2, b_square / n - (b_sum / n) ** 2"):
    return _of("correlations(products, a_sum, a_square, b_sum, b_square, n)",
               f"covariance = {covariance}; va, vb = {variances}; spread = np.sqrt(np.maximum(np.outer(va, vb), 0)); safe = np.where(spread > 1e-9, spread, 1); {body}")


def _effect(body):
    return _of("effect(values, where)", f"m, n, count = values[where].mean(), where.any(axis=1).sum(), where.sum(); sums = ((values - m) * where).sum(axis=1); total = (sums ** 2).sum(); {body}")


WRONG = {
    "together": [
        Wrong("given the parent", _together("return both / n_small[:, None]"), "P\\(child fires"),
        Wrong("over the union", _together("return both / np.maximum(n_small[:, None] + n_large - both, 1)"), "the overlap over the union"),
        Wrong("one number for all", _together("return both / n_large.sum()"), "by the same number"),
        Wrong("cosine of firings", _together("return both / np.sqrt(np.outer(n_small, np.maximum(n_large, 1)))"), "a cosine of firings"),
        Wrong("columns that add up to 1", _together("return both / np.maximum(both.sum(axis=0), 1)"), "your columns add up to 1"),
        Wrong("0 / 0", _together("return both / n_large"), "Is something divided by zero"),
        Wrong("transposed", _together("return (both / np.maximum(n_large, 1)).T"), "Is something transposed"),
    ],
    "parents_of": [
        Wrong("no bounds", _parents("return nearest"), "Where do the bounds come in"),
        Wrong("the second steps in", _parents("allowed = np.where((cosine >= least_cosine) & (together >= least_together), cosine, -1); return np.where(allowed.max(axis=0) >= 0, allowed.argmax(axis=0), -1)"),
              "May the second nearest step in"),
        Wrong("chosen by together", _parents("most = together.argmax(axis=0); return np.where((together[most, child] >= least_together) & (cosine[most, child] >= least_cosine), most, -1)"),
              "that fires with it most"),
        Wrong("cosine alone", _parents("return np.where(near >= least_cosine, nearest, -1)"), "Where does together come in"),
        Wrong("together alone", _parents("return np.where(share >= least_together, nearest, -1)"), "Where does least_cosine come in"),
        Wrong("together of another parent", _parents("return np.where((near >= least_cosine) & (together.max(axis=0) >= least_together), nearest, -1)"), "On which pair are both tested"),
        Wrong("strictly above", _parents("return np.where((near > least_cosine) & (share > least_together), nearest, -1)"), "is that > or"),
        Wrong("0 for none", _parents("return np.where((near >= least_cosine) & (share >= least_together), nearest, 0)"), "which is the first parent"),
        Wrong("the cosine itself", _parents("return np.where((near >= least_cosine) & (share >= least_together), near, -1)"), "parents are positions"),
        Wrong("bounds fixed", _parents("return np.where((near >= 0.4) & (share >= 0.5), nearest, -1)"), "Are your bounds fixed"),
    ],
    "absorbed": [
        Wrong("silent is enough", _absorbed("return silent & there"), "is simply missed"),
        Wrong("feature not asked for", _absorbed("return silent & (written >= size / 2)"), "does not have the feature at all"),
        Wrong("own latent may fire", _absorbed("return there & (written >= size / 2)"), "Can it be absorbed then"),
        Wrong("own part taken off, not tested", _absorbed("return there & (written - parts[:, own] >= size / 2)"), "if weakly"),
        Wrong("latents added up", _absorbed("return silent & there & (latents.sum(axis=1) >= size / 2)"), "whatever they write"),
        Wrong("half of one", _absorbed("return silent & there & (written >= 0.5)"), "Half of what"),
        Wrong("a trace", _absorbed("return silent & there & (written > 0)"), "a trace of the feature"),
        Wrong("one writer", _absorbed("return silent & there & (parts.max(axis=1) >= size / 2)"), "or at all together"),
        Wrong("sign lost", _absorbed("return silent & there & (np.abs(parts).sum(axis=1) >= size / 2)"), "Does its sign count"),
        Wrong("length of all", _absorbed("return silent & there & (np.linalg.norm(latents @ W_dec, axis=1) >= size / 2)"), "the length of all that is written"),
    ],
    "matryoshka_loss": [
        Wrong("all latents only", _matryoshka("return errors[-1]"), "that is the ordinary loss"),
        Wrong("sum over prefixes", _matryoshka("return sum(errors)"), "that is the sum over the prefixes"),
        Wrong("mean over dimensions", _matryoshka("return np.mean(errors)", error="((x - x_hat) ** 2).mean()"), "average over the dimensions too"),
        Wrong("sum over samples", _matryoshka("return np.mean(errors)", error="((x - x_hat) ** 2).sum()"), "add up over the samples"),
        Wrong("no b_dec", _matryoshka("return np.mean(errors)", x_hat="latents[:, :m] @ W_dec[:m]"), "b_dec is left out"),
        Wrong("b_dec taken off", _matryoshka("return np.mean(errors)", x_hat="latents[:, :m] @ W_dec[:m] - b_dec"), "with the other sign"),
        Wrong("last latents", _matryoshka("return np.mean(errors)", x_hat="latents[:, -m:] @ W_dec[-m:] + b_dec"), "the last m latents"),
        Wrong("groups side by side", _of("matryoshka_loss(x, latents, W_dec, b_dec, prefixes)", "starts = [0, *prefixes[:-1]]; "
              "return np.mean([((x - latents[:, s:m] @ W_dec[s:m] - b_dec) ** 2).sum(axis=1).mean() for s, m in zip(starts, prefixes)])"), "only the latents that were added"),
        Wrong("best doll", _matryoshka("return min(errors)"), "the best doll alone"),
        Wrong("one short", _matryoshka("return np.mean(errors)", x_hat="latents[:, :m - 1] @ W_dec[:m - 1] + b_dec"), "lacks its last latent"),
    ],
    "mutual_pairs": [
        Wrong("every row's best", _mutual("return np.stack([np.arange(len(best)), best], axis=1)"), "a pair for every row"),
        Wrong("every column's best", _mutual("return np.stack([back, np.arange(len(back))], axis=1)"), "a pair for every column"),
        Wrong("on its side", _mutual("i = np.flatnonzero(back[best] == np.arange(len(best))); return np.stack([i, best[i]])"), "lying on its side"),
        Wrong("no partner", _mutual("return np.flatnonzero(back[best] == np.arange(len(best)))"), "Where is the partner"),
        Wrong("in the order of columns", _mutual("j = np.flatnonzero(best[back] == np.arange(len(back))); return np.stack([back[j], j], axis=1)"), "i should rise"),
        Wrong("column first", _mutual("i = np.flatnonzero(back[best] == np.arange(len(best))); return np.stack([best[i], i], axis=1)"), "your pairs are"),
        Wrong("partner's partner", _mutual("i = np.flatnonzero(back[best] == np.arange(len(best))); return np.stack([i, back[best[i]]], axis=1)"), "Which argmax goes along"),
        Wrong("bound at 0", _mutual("i = np.flatnonzero((back[best] == np.arange(len(best))) & (similarity.max(axis=1) > 0)); return np.stack([i, best[i]], axis=1)"), "should have shape \\(3, 2\\), but it has shape \\(0, 2\\)"),
    ],
    "correlations": [
        Wrong("covariance", _correlations("return covariance"), "these are covariances"),
        Wrong("cosine", _correlations("return products / np.sqrt(np.outer(a_square, b_square))"), "that is the cosine"),
        Wrong("no root", _correlations("return covariance / safe ** 2"), "Is a root missing"),
        Wrong("means left in above", _correlations("return covariance / safe", covariance="products / n"), "product of the means is not taken off"),
        Wrong("means left in below", _correlations("return covariance / safe", variances="a_square / n, b_square / n"), "not variances"),
        Wrong("n forgotten", _correlations("return covariance * n / safe"), "grows with the number of tokens"),
        Wrong("a slope", _correlations("return covariance / np.sqrt(va)[:, None]"), "That is a slope"),
        Wrong("sign lost", _correlations("return np.abs(covariance / safe)"), "all correlations are positive"),
        Wrong("0 / 0", _correlations("return covariance / spread"), "Is something divided by zero"),
    ],
    "effect": [
        Wrong("tokens as units", _effect("return np.array([m, values[where].std(ddof=1) / np.sqrt(count)])"), "five independent draws"),
        Wrong("tokens as units, over n", _effect("return np.array([m, values[where].std() / np.sqrt(count)])"), "divides the variance by n"),
        Wrong("all tokens", _effect("return np.array([values.mean(), np.sqrt(n / (n - 1) * total) / count])"), "your mean is over all tokens"),
        Wrong("mean of means", _effect("means = np.array([row[on].mean() for row, on in zip(values, where) if on.any()]); return np.array([means.mean(), means.std(ddof=1) / np.sqrt(n)])"), "Is your mean one of means"),
        Wrong("error of the mean of means", _effect("means = np.array([row[on].mean() for row, on in zip(values, where) if on.any()]); return np.array([m, means.std(ddof=1) / np.sqrt(n)])"), "Which mean did you report"),
        Wrong("every context counted", _effect("n = len(values); return np.array([m, np.sqrt(n / (n - 1) * total) / count])"), "one context has no marked token"),
        Wrong("n of tokens", _effect("return np.array([m, np.sqrt(count / (count - 1) * total) / count])"), "your n is the number of tokens"),
        Wrong("no n / (n - 1)", _effect("return np.array([m, np.sqrt(total) / count])"), "is missing. With few contexts"),
        Wrong("no root", _effect("return np.array([m, n / (n - 1) * total / count ** 2])"), "in squared units"),
        Wrong("error of the sum", _effect("return np.array([m, np.sqrt(n / (n - 1) * total)])"), "the error of their sum"),
        Wrong("divided by contexts", _effect("return np.array([m, np.sqrt(n / (n - 1) * total) / n])"), "you divide by the number of contexts"),
        Wrong("squared first", _effect("return np.array([m, np.sqrt(n / (n - 1) * ((values[where] - m) ** 2).sum()) / count])"), "you square every token"),
        Wrong("sizes added up", _effect("return np.array([m, np.sqrt(n / (n - 1) * (np.abs((values - m) * where).sum(axis=1) ** 2).sum()) / count])"), "you add up sizes"),
        Wrong("changed places", _effect("return np.array([np.sqrt(n / (n - 1) * total) / count, m])"), "the mean comes second"),
    ],
}

RIGHT = {
    "together": [_together("return both / np.maximum(n_large, 1)"),
                 _together("out = np.zeros(both.shape); on = n_large > 0; out[:, on] = both[:, on] / n_large[on]; return out")],
    "parents_of": [_parents("return np.where((near >= least_cosine) & (share >= least_together), nearest, -1)"),
                   _of("parents_of(cosine, together, least_cosine, least_together)", "out = []; for j in range(cosine.shape[1]):;     i = int(np.argmax(cosine[:, j])); "
                       "    out.append(i if cosine[i, j] >= least_cosine and together[i, j] >= least_together else -1); return np.array(out)")],
    "absorbed": [_absorbed("return silent & there & (written >= size / 2)"),
                 _absorbed("others = np.delete(latents, own, axis=1) @ np.delete(W_dec, own, axis=0); return ~(latents[:, own] > 0) & (size > 0) & (others @ direction >= 0.5 * size)")],
    "matryoshka_loss": [_matryoshka("return np.mean(errors)"),
                        _of("matryoshka_loss(x, latents, W_dec, b_dec, prefixes)", "sums = np.cumsum(latents[:, :, None] * W_dec, axis=1); "
                            "return float(((x[:, None] - b_dec - sums[:, np.asarray(prefixes) - 1]) ** 2).sum(axis=2).mean())")],
    "mutual_pairs": [_mutual("i = np.flatnonzero(back[best] == np.arange(len(best))); return np.stack([i, best[i]], axis=1)"),
                     _of("mutual_pairs(similarity)", "top = (similarity == similarity.max(axis=1, keepdims=True)) & (similarity == similarity.max(axis=0)); return np.argwhere(top)")],
    "correlations": [_correlations("return np.where(spread > 1e-9, covariance / safe, 0)"),
                     _of("correlations(products, a_sum, a_square, b_sum, b_square, n)", "top = n * products - np.outer(a_sum, b_sum); "
                         "bottom = np.sqrt(np.maximum(np.outer(n * a_square - a_sum ** 2, n * b_square - b_sum ** 2), 0)); "
                         "return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 1e-7)")],
    "effect": [_effect("return np.array([m, np.sqrt(n / (n - 1) * total) / count])"),
               _of("effect(values, where)", "values, where = values[where.any(axis=1)], where[where.any(axis=1)]; n, mean = len(values), (values * where).sum() / where.sum(); "
                   "sums = np.array([(row[on] - mean).sum() for row, on in zip(values, where)]); return np.array([mean, sums.std(ddof=1) * np.sqrt(n) / where.sum()])")],
}
