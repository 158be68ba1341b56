"""Wrong and right answers of lesson 8, test the features."""

from tests.wrong_answers import Wrong


def _of(first_line, body):
    return f"def {first_line}:\n" + "".join(f"    {line}\n" for line in body.split("; "))


def _change(body):
    return _of("change_latent(x, old, new, atom)", body)


def _loss(body, axis="1"):
    return _of("loss_change(clean, changed, targets)",
               "rows = np.arange(len(targets)); "
               f"loss = lambda z: np.log(np.exp(z - z.max()).sum(axis={axis})){'[targets]' if axis == '0' else ''} + z.max() - z[rows, targets]; {body}")


def _control(body):
    return _of("control_directions(atom, noise)", f"lengths = np.linalg.norm(noise, axis=1, keepdims=True); {body}")


def _cut(body, cuts="[values[0] - 1, *((values[1:] + values[:-1]) / 2)]", rank="2 * (says & truth).sum() / (says.sum() + truth.sum())"):
    return _of("best_cut(score, truth)", f"values = np.unique(score); cuts = {cuts}; ranks = []; "
               f"for cut in cuts:;     says = score > cut;     ranks.append({rank}); {body}")


def _different(body, gap="np.abs(x[has].mean(axis=0) - x[~has].mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)"):
    return _of("most_different(x, has, k)", f"gap = {gap}; {body}")


def _balanced(body):
    return _of("balanced_accuracy(answers, truth)", body)


def _kappa(body, expected="sum(np.mean(a == v) * np.mean(b == v) for v in np.union1d(a, b))"):
    return _of("cohen_kappa(a, b)", f"agreed = np.mean(a == b); chance = {expected}; {body}")


WRONG = {
    "change_latent": [
        Wrong("old minus new", _change("return x + (old - new)[:, None] * atom"), "Is it new − old or old − new"),
        Wrong("old value stays", _change("return x + (new + 0 * old)[:, None] * atom"), "Where does old come in"),
        Wrong("only the change", _change("return (new - old)[:, None] * atom"), "What must it be added to"),
        Wrong("only what it held", _change("return (old - new)[:, None] * atom"), "Is x left out"),
        Wrong("mean of the old values", _change("return x + (new - old.mean() + 0 * old)[:, None] * atom"), "its own old value"),
        Wrong("unit atom", _change("return x + (new - old)[:, None] * atom / np.linalg.norm(atom)"), "Whose business is the atom's length"),
        Wrong("projected away", _change("unit = atom / np.linalg.norm(atom); return x - (x @ unit)[:, None] * unit"), "a projection"),
        Wrong("always ablates", _change("return x - old[:, None] * atom"), "Is 0 fixed that should be new"),
    ],
    "loss_change": [
        Wrong("clean minus changed", _loss("return loss(clean) - loss(changed)"), "signs are turned round"),
        Wrong("loss with the change", _loss("return loss(changed)"), "And without"),
        Wrong("logits", _loss("return clean[rows, targets] - changed[rows, targets]"), "What does softmax divide by"),
        Wrong("probabilities", _loss("return np.exp(-loss(clean)) - np.exp(-loss(changed))"), "Of what is the loss the logarithm"),
        Wrong("bits", _loss("return (loss(changed) - loss(clean)) / np.log(2)"), "Which logarithm gives nats"),
        Wrong("a mean", _loss("return np.full(len(targets), (loss(changed) - loss(clean)).mean())"), "Did a mean slip in"),
        Wrong("token 0", _loss("first = 0 * targets; part = lambda z: np.log(np.exp(z).sum(axis=1)) - z[rows, first]; return part(changed) - part(clean)"), "you score token 0"),
        Wrong("overflow", _loss("part = lambda z: np.log(np.exp(z).sum(axis=1)) - z[rows, targets]; return part(changed) - part(clean)"), "Does exp overflow|NaN|finite"),
    ],
    "control_directions": [
        Wrong("not scaled", _control("return noise * 1.0"), "To which length should they be scaled"),
        Wrong("unit length", _control("return noise / lengths"), "Your rows have length 1|your rows have length 1"),
        Wrong("squared length", _control("return noise / lengths * (atom ** 2).sum()"), "Is a root missing"),
        Wrong("the atom", _control("return np.tile(atom, (len(noise), 1))"), "Whose direction should it keep"),
        Wrong("one length for all", _control("return noise / np.linalg.norm(noise) * np.linalg.norm(atom)"), "is it one length for all of them"),
        Wrong("lengths of the columns", _control("return noise / np.linalg.norm(noise, axis=0) * np.linalg.norm(atom)"), "Are lengths taken along the rows"),
        Wrong("sum of absolute entries", _control("return noise / lengths * np.abs(atom).sum()"), "How is the length of a vector made"),
    ],
    "best_cut": [
        Wrong("the score", _cut("return max(ranks)"), "the best F1 itself"),
        Wrong("at the value", _cut("return cuts[int(np.argmax(ranks))]", cuts="list(values)[::1]", rank="2 * ((score >= cut) & truth).sum() / ((score >= cut).sum() + truth.sum())"),
              "what is \\*above\\* the cut"),
        Wrong("half way between the means", _cut("return (score[truth].mean() + score[~truth].mean()) / 2.0"), "By what do you choose"),
        Wrong("by accuracy", _cut("return cuts[::-1][int(np.argmax(ranks[::-1]))]", rank="(says == truth).mean()"), "By accuracy, or by F1"),
        Wrong("by recall", _cut("return cuts[int(np.argmax(ranks))]", rank="(says & truth).sum() / truth.sum()"), "any cut from 4 to just below 7"),
        Wrong("positive cuts only", _cut("return cuts[int(np.argmax(ranks))]", cuts="list(np.linspace(0, max(score.max(), 1), 200))"), "Do you begin at 0"),
        Wrong("none below all", _cut("return cuts[int(np.argmax(ranks))]", cuts="[*((values[1:] + values[:-1]) / 2)]"), "Is there a cut below all scores"),
    ],
    "most_different": [
        Wrong("signed", _different("return np.argsort(-gap)[:k]", gap="(x[has].mean(axis=0) - x[~has].mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)"), "Does the sign count"),
        Wrong("not divided", _different("return np.argsort(-gap)[:k]", gap="np.abs(x[has].mean(axis=0) - x[~has].mean(axis=0))"), "By what must a difference of means be divided"),
        Wrong("least different", _different("return np.argsort(gap)[:k]"), "units that differ least"),
        Wrong("rising order", _different("return np.argsort(gap)[-k:]"), "Which way does np.argsort sort"),
        Wrong("the gaps", _different("return np.sort(gap)[::-1][:k]"), "Which function gives their places"),
        Wrong("three fixed", _different("return np.argsort(-gap)[:3]"), r"should have shape \(2,\)"),
        Wrong("largest on the concept", _different("return np.argsort(-x[has].mean(axis=0))[:k]"), "Largest compared with what"),
    ],
    "balanced_accuracy": [
        Wrong("plain accuracy", _balanced("return (answers == truth).mean()"), "plain accuracy"),
        Wrong("recall", _balanced("return answers[truth].mean()"), "And the untrue ones"),
        Wrong("the other share", _balanced("return (~answers[~truth]).mean()"), "And the true ones"),
        Wrong("yes among the untrue", _balanced("return (answers[truth].mean() + answers[~truth].mean()) / 2"), "you count those answered"),
        Wrong("precision", _balanced("return truth[answers].mean()"), "that is precision"),
        Wrong("shares of the answers", _balanced("return (truth[answers].mean() + (~truth[~answers]).mean()) / 2"), "you take shares of the"),
        Wrong("sum", _balanced("return answers[truth].mean() + (~answers[~truth]).mean()"), "Is a mean missing"),
        Wrong("product", _balanced("return answers[truth].mean() * (~answers[~truth]).mean()"), "the product of the two shares"),
    ],
    "cohen_kappa": [
        Wrong("agreement", _kappa("return float(agreed)"), "that is the agreement itself"),
        Wrong("not divided", _kappa("return agreed - chance"), "so that perfect agreement is 1"),
        Wrong("divided by the agreement", _kappa("return (agreed - chance) / agreed"), "you divide by the agreement"),
        Wrong("pooled", _kappa("return (agreed - chance) / (1 - chance)", expected="sum(np.mean(np.r_[a, b] == v) ** 2 for v in np.union1d(a, b))"), "you pool the two raters"),
        Wrong("expected", _kappa("return chance"), "that is the expected agreement"),
        Wrong("sign", _kappa("return (chance - agreed) / (1 - chance)"), "the sign is turned round"),
        Wrong("even chance", _kappa("return (agreed - chance) / (1 - chance)", expected="1 / len(np.union1d(a, b))"), "chance as the same for all answers"),
        Wrong("answers 0 and 1 only", _kappa("return (agreed - chance) / (1 - chance)", expected="sum(np.mean(a == v) * np.mean(b == v) for v in (0, 1))"), "Are all answers in your sum"),
        Wrong("counts from 0", _kappa("return (agreed - chance) / (1 - chance)", expected="sum(np.mean(a == v) * np.mean(b == v) for v in range(len(set(a.tolist()) | set(b.tolist()))))"),
              "Do you count from 0"),
    ],
}

RIGHT = {
    "change_latent": [_change("return x + (new - old)[:, None] * atom"), _change("return x + np.outer(new - old, atom)")],
    "loss_change": [
        _of("loss_change(clean, changed, targets)", "def loss(z):;     z = z - z.max(axis=1, keepdims=True);     return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), targets]; "
            "return loss(changed) - loss(clean)"),
        _of("loss_change(clean, changed, targets)", "from scipy.special import log_softmax; picked = targets[:, None]; "
            "return (np.take_along_axis(log_softmax(clean, 1), picked, 1) - np.take_along_axis(log_softmax(changed, 1), picked, 1))[:, 0]"),
    ],
    "control_directions": [_control("return noise / lengths * np.linalg.norm(atom)"),
                           _of("control_directions(atom, noise)", "return np.array([row * (atom @ atom / (row @ row)) ** 0.5 for row in noise])")],
    "best_cut": [_cut("return cuts[int(np.argmax(ranks))]"),
                 _of("best_cut(score, truth)", "best = (-1, 0); for cut in [score.min() - 1, *score]:;     says = score > cut;     "
                     "f1 = 2 * (says & truth).sum() / (says.sum() + truth.sum());     best = max(best, (f1, cut)); return float(best[1])")],
    "most_different": [_different("return np.argsort(-gap)[:k]"),
                       _of("most_different(x, has, k)", "z = (x - x.mean(0)) / (x.std(0) + 1e-12); return np.abs(z[has].mean(0) - z[~has].mean(0)).argsort()[::-1][:k]")],
    "balanced_accuracy": [_balanced("return (answers[truth].mean() + (~answers[~truth]).mean()) / 2"),
                          _balanced("found = (answers & truth).sum() / truth.sum(); left = (~answers & ~truth).sum() / (~truth).sum(); return 0.5 * (found + left)")],
    "cohen_kappa": [_kappa("return (agreed - chance) / (1 - chance)"),
                    _of("cohen_kappa(a, b)", "from sklearn.metrics import confusion_matrix; t = confusion_matrix(a, b) / len(a); e = t.sum(0) @ t.sum(1); return float((np.trace(t) - e) / (1 - e))")],
}
