"""Wrong and right answers of lesson 4, from PCA to the SAE."""

from tests.wrong_answers import Wrong


def angle(body):
    return f"def largest_angle(A, B):\n{body}"


def encoder(body):
    return f"def one_step_encoder(D, lam):\n    L = np.linalg.norm(D, 2) ** 2\n    return {body}\n"


def layers(first, later, count="n_layers - 1"):
    return ("def unrolled_ista(x, D, lam, n_layers):\n    W, b = one_step_encoder(D, lam)\n    S = np.eye(len(D)) - D @ W\n"
            f"    z = {first}\n    for _ in range({count}):\n        z = {later}\n    return z\n")


def gap(body):
    return f"def amortisation_gap(x, D, z, z_exact, lam):\n{body}"


def objectives(each, end):
    return gap(f"    def cost(code):\n        return {each}\n    return {end}\n")


def refits(body):
    return f"def refit(target, latents, W_dec):\n{body}"


def odds(body):
    return f"def planting_odds(x, x_hat):\n{body}"


def plant(body):
    return f"def plant_worst(x, x_hat, noise):\n{body}"


BASES = "    Q_A, Q_B = np.linalg.qr(A.T)[0], np.linalg.qr(B.T)[0]\n    cosines = np.clip(np.linalg.svd(Q_A.T @ Q_B)[1], -1, 1)\n"
FIRST, LATER = "np.maximum(x @ W + b, 0)", "np.maximum(x @ W + z @ S + b, 0)"
COST = "0.5 * ((x - code @ D) ** 2).sum(axis=1) + lam * code.sum(axis=1)"
LOOP = ("    z = np.zeros(latents.shape)\n    for i, row in enumerate(latents):\n        on = np.flatnonzero(row)\n        if len(on):\n"
        "            z[i, on] = np.linalg.lstsq(W_dec[on].T, target[i])[0]\n    return z\n")
WORST = "    resid = x - x_hat\n    worst = resid[np.argmax((resid ** 2).sum(axis=1))]\n"
UNIT = "    return rows / np.linalg.norm(rows, axis=1, keepdims=True)\n"

WRONG = {
    "largest_angle": [
        Wrong("the smallest angle", angle(BASES + "    return np.arccos(cosines.max())\n"), "Does the largest cosine belong to the largest angle"),
        Wrong("a cosine", angle(BASES + "    return cosines.min()\n"), "Is a step missing at the end"),
        Wrong("degrees", angle(BASES + "    return np.rad2deg(np.arccos(cosines.min()))\n"), "In which unit"),
        Wrong("mean angle", angle(BASES + "    return np.arccos(cosines).mean()\n"), "Which one is asked for"),
        Wrong("spans of the columns", angle("    Q_A, Q_B = np.linalg.qr(A)[0], np.linalg.qr(B)[0]\n"
              "    return np.arccos(np.clip(np.linalg.svd(Q_A.T @ Q_B)[1].min(), -1, 1))\n"), "are these the spaces of the rows"),
        Wrong("rows only made unit", angle("    A, B = (M / np.linalg.norm(M, axis=1, keepdims=True) for M in (A, B))\n"
              "    return np.arccos(np.clip(np.linalg.svd(A @ B.T)[1].min(), -1, 1))\n"), "made orthonormal before they are compared"),
        Wrong("nothing normalised", angle("    return np.arccos(np.clip(np.linalg.svd(A @ B.T)[1].min(), -1, 1))\n"), "depend on how long the rows are"),
        Wrong("all angles", angle(BASES + "    return np.arccos(cosines)\n"), "should be one number"),
    ],
    "one_step_encoder": [
        Wrong("bias not divided", encoder("D.T / L, np.full(len(D), -lam)"), "by how much does the soft threshold shrink after it"),
        Wrong("bias above zero", encoder("D.T / L, np.full(len(D), lam / L)"), "What does shrinking do to a pre-activation"),
        Wrong("singular value not squared", "def one_step_encoder(D, lam):\n    L = np.linalg.norm(D, 2)\n    return D.T / L, np.full(len(D), -lam / L)\n",
              "which power is missing"),
        Wrong("no step length", encoder("D.T, np.full(len(D), -lam / L)"), "By what is the gradient divided"),
        Wrong("Frobenius norm", "def one_step_encoder(D, lam):\n    L = np.linalg.norm(D) ** 2\n    return D.T / L, np.full(len(D), -lam / L)\n",
              "Which norm of a matrix"),
        Wrong("multiplied by L", encoder("D.T * L, np.full(len(D), -lam / L)"), "multiplied where it should be divided"),
        Wrong("not turned", encoder("D / L, np.full(len(D), -lam / L)"), "W_enc should have shape"),
        Wrong("one bias for all", encoder("D.T / L, -lam / L"), "b_enc should have shape"),
        Wrong("each atom by its own length", encoder("D.T / (D ** 2).sum(axis=1), np.full(len(D), -lam / L)"), "Is L one number for all atoms"),
        Wrong("the encoder alone", encoder("D.T / L"), "should be 2 things"),
    ],
    "unrolled_ista": [
        Wrong("no ReLU", layers("x @ W + b", "x @ W + z @ S + b"), "What comes after the bias"),
        Wrong("one layer too many", layers(FIRST, LATER, "n_layers"), "Does the first layer count"),
        Wrong("no bias", layers("np.maximum(x @ W, 0)", "np.maximum(x @ W + z @ S, 0)"), "Where is the bias"),
        Wrong("bias in the first layer only", layers(FIRST, "np.maximum(x @ W + z @ S, 0)"), "Does every layer have the bias"),
        Wrong("x forgotten after the first layer", layers(FIRST, "np.maximum(z @ S + b, 0)"), "no longer sees x"),
        Wrong("explained part added", layers(FIRST, "np.maximum(x @ W + z @ (2 * np.eye(len(D)) - S) + b, 0)"), "What is taken off x"),
        Wrong("codes the residual alone", layers(FIRST, "np.maximum((x - z @ D) @ W + b, 0)"), "To what is the step added"),
        Wrong("always the first layer", layers(FIRST, FIRST), "What does the second one see"),
        Wrong("two steps only", layers(FIRST, LATER, "min(n_layers - 1, 1)"), "Is the number of layers n_layers"),
        Wrong("shrunk by lam", layers("np.maximum(x @ W - lam, 0)", "np.maximum(x @ W + z @ S - lam, 0)"), "Which exercise has the bias"),
        Wrong("signed codes", layers("np.sign(x @ W) * np.maximum(abs(x @ W) + b, 0)", LATER), "codes of either sign"),
    ],
    "amortisation_gap": [
        Wrong("no half", objectives("((x - code @ D) ** 2).sum(axis=1) + lam * code.sum(axis=1)", "(cost(z) - cost(z_exact)).mean()"), "Which factor stands before"),
        Wrong("turned round", objectives(COST, "(cost(z_exact) - cost(z)).mean()"), "Which objective is taken off which"),
        Wrong("sum over the samples", objectives(COST, "(cost(z) - cost(z_exact)).sum()"), "Is it averaged over the samples"),
        Wrong("no price", objectives("0.5 * ((x - code @ D) ** 2).sum(axis=1)", "(cost(z) - cost(z_exact)).mean()"), "Is the price of the codes part"),
        Wrong("price alone", objectives("lam * code.sum(axis=1)", "(cost(z) - cost(z_exact)).mean()"), "Where does the error come in"),
        Wrong("the objective of the guess", objectives(COST, "cost(z).mean()"), "Which two codes do you compare"),
        Wrong("one number per sample", objectives(COST, "cost(z) - cost(z_exact)"), "should be one number"),
        Wrong("error not squared", objectives("0.5 * np.linalg.norm(x - code @ D, axis=1) + lam * code.sum(axis=1)", "(cost(z) - cost(z_exact)).mean()"),
              "Is the error squared"),
        Wrong("differences made positive", objectives(COST, "abs(cost(z) - cost(z_exact)).mean()"), "Are differences made positive"),
        Wrong("price averaged over the atoms", objectives("0.5 * ((x - code @ D) ** 2).sum(axis=1) + lam * code.mean(axis=1)", "(cost(z) - cost(z_exact)).mean()"),
              "lam times its sum"),
    ],
    "refit": [
        Wrong("what each measures alone", refits("    return (target @ W_dec.T) * (latents > 0)\n"), "what its latent measures alone"),
        Wrong("all latents fitted", refits("    return np.linalg.lstsq(W_dec.T, target.T)[0].T\n"), "Which latents may be non-zero at all"),
        Wrong("support of the whole batch", refits("    used = latents.any(axis=0)\n    z = np.zeros(latents.shape)\n"
              "    z[:, used] = np.linalg.lstsq(W_dec[used].T, target.T)[0].T\n    z[~latents.any(axis=1)] = 0\n    return z\n"), "Which rows of W_dec may a sample use"),
        Wrong("all fitted, then masked", refits("    z = np.linalg.lstsq(W_dec.T, target.T)[0].T\n    return np.where(latents > 0, z, 0)\n"), "When do you choose the active ones"),
        Wrong("one factor per sample", refits("    x_hat = latents @ W_dec\n    factor = (target * x_hat).sum(axis=1) / np.maximum((x_hat ** 2).sum(axis=1), 1e-12)\n"
              "    return latents * factor[:, None]\n"), "one and the same factor"),
        Wrong("the residual's part only", refits(LOOP.replace("target[i]", "target[i] - row @ W_dec")), "what each latent lacks"),
        Wrong("cut off at zero", refits(LOOP.replace("    return z", "    return np.maximum(z, 0)")), "Is the fit cut off at zero"),
        Wrong("nothing done", refits("    return latents\n"), "Where does the target come in"),
    ],
    "planting_odds": [
        Wrong("the loss itself", odds("    loss = ((x - x_hat) ** 2).sum(axis=1)\n    return loss / loss.sum()\n"), "p follows the loss itself"),
        Wrong("the length of the error", odds("    length = np.linalg.norm(x - x_hat, axis=1)\n    return length / length.sum()\n"), "the length of the error, whose square"),
        Wrong("weights", odds("    return ((x - x_hat) ** 2).sum(axis=1) ** 2\n"), "What turns weights into probabilities"),
        Wrong("the worst only", odds("    loss = ((x - x_hat) ** 2).sum(axis=1)\n    return (loss == loss.max()) * 1.0\n"), "the article's choice"),
        Wrong("squared entry by entry", odds("    weight = ((x - x_hat) ** 4).sum(axis=1)\n    return weight / weight.sum()\n"), "entry by entry"),
        Wrong("softmax", odds("    loss = ((x - x_hat) ** 2).sum(axis=1)\n    return np.exp(loss) / np.exp(loss).sum()\n"), "What is its loss"),
        Wrong("relative error", odds("    loss = ((x - x_hat) ** 2).sum(axis=1) / (1e-3 + (x ** 2).sum(axis=1))\n    return loss ** 2 / (loss ** 2).sum()\n"),
              "What is the loss of a sample"),
        Wrong("one odd per dimension", odds("    loss = ((x - x_hat) ** 2).sum(axis=0)\n    return loss ** 2 / (loss ** 2).sum()\n"), "should have shape"),
    ],
    "plant_worst": [
        Wrong("the input", plant("    worst = x[np.argmax(((x - x_hat) ** 2).sum(axis=1))]\n    rows = worst / np.linalg.norm(worst) + noise\n" + UNIT), "you planted the sample itself"),
        Wrong("points away", plant(WORST + "    rows = -worst / np.linalg.norm(worst) + noise\n" + UNIT), "point away from what is missing"),
        Wrong("a sample for each row", plant("    resid = x - x_hat\n    order = np.argsort(-(resid ** 2).sum(axis=1))[:len(noise)]\n"
              "    rows = resid[order] / np.linalg.norm(resid[order], axis=1, keepdims=True) + noise\n" + UNIT), "How many samples does the article's rule look at"),
        Wrong("no noise", plant(WORST + "    rows = worst + 0 * noise\n" + UNIT), "Where does the perturbation come in"),
        Wrong("not normalised at the end", plant(WORST + "    return worst / np.linalg.norm(worst) + noise\n"), "When do you normalise"),
        Wrong("not normalised at all", plant(WORST + "    return worst + noise\n"), "What must a row of W_dec be"),
        Wrong("noise on the raw residual", plant(WORST + "    rows = worst + noise\n" + UNIT), "What length should the direction have"),
        Wrong("the best sample", plant(WORST.replace("argmax", "argmin") + "    rows = worst / np.linalg.norm(worst) + noise\n" + UNIT), "At which end is the worst"),
        Wrong("one row", plant(WORST + "    rows = worst / np.linalg.norm(worst) + noise[:1]\n" + UNIT), "should have shape"),
        Wrong("the same noise in every row", plant(WORST + "    rows = worst / np.linalg.norm(worst) + noise[0] + 0 * noise\n" + UNIT), "its own row of noise"),
    ],
}

RIGHT = {
    "largest_angle": [
        angle(BASES + "    return np.arccos(cosines.min())\n"),
        angle("    Q = np.linalg.svd(A, full_matrices=False)[2]\n    R = np.linalg.svd(B, full_matrices=False)[2]\n"
              "    return float(np.arcsin(min(1, np.linalg.norm(R - R @ Q.T @ Q, 2))))\n"),
    ],
    "one_step_encoder": [
        encoder("D.T / L, np.full(len(D), -lam / L)"),
        "def one_step_encoder(D, lam):\n    step = 1 / np.linalg.eigvalsh(D.T @ D)[-1]\n    return step * D.T, -lam * step * np.ones(D.shape[0])\n",
    ],
    "unrolled_ista": [
        layers(FIRST, LATER),
        "def unrolled_ista(x, D, lam, n_layers):\n    L, z = np.linalg.norm(D, 2) ** 2, np.zeros((len(x), len(D)))\n    for _ in range(n_layers):\n"
        "        z = np.maximum(z + ((x - z @ D) @ D.T - lam) / L, 0)\n    return z\n",
    ],
    "amortisation_gap": [
        objectives(COST, "(cost(z) - cost(z_exact)).mean()"),
        gap("    guess, best = (0.5 * ((x - code @ D) ** 2).sum() + lam * np.abs(code).sum() for code in (z, z_exact))\n    return (guess - best) / len(x)\n"),
    ],
    "refit": [
        refits(LOOP),
        refits("    z = np.zeros(latents.shape)\n    for i in range(len(z)):\n        on = latents[i] > 0\n"
               "        z[i, on] = np.linalg.pinv(W_dec[on].T) @ target[i]\n    return z\n"),
    ],
    "planting_odds": [
        odds("    loss = ((x - x_hat) ** 2).sum(axis=1)\n    return loss ** 2 / (loss ** 2).sum()\n"),
        odds("    weight = np.linalg.norm(x - x_hat, axis=1) ** 4\n    return weight / weight.sum()\n"),
    ],
    "plant_worst": [
        plant(WORST + "    rows = worst / np.linalg.norm(worst) + noise\n" + UNIT),
        plant("    lengths = np.linalg.norm(x - x_hat, axis=1)\n    i = lengths.argmax()\n    aimed = [(x[i] - x_hat[i]) / lengths[i] + row for row in noise]\n"
              "    return np.array([row / np.sqrt(row @ row) for row in aimed])\n"),
    ],
}
