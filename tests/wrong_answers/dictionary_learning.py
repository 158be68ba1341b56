"""Wrong and right answers of lesson 2, dictionary learning."""

from tests.wrong_answers import Wrong

EE = "def explained_energy(x, z, D):\n"
MMC = (
    "def mean_max_cosine(D_true, D):\n    A = D_true / np.linalg.norm(D_true, axis=1, keepdims=True)\n"
    "    B = D / np.linalg.norm(D, axis=1, keepdims=True)\n"
)
MOD = "def mod_update(x, z, D):\n"
USED = "    used = z.any(axis=0)\n    D = D.copy()\n"
REN = "def renormalise(z, D):\n    lengths = np.linalg.norm(D, axis=1)\n"
DEAD = (
    "def replace_dead(x, z, D):\n    dead = np.flatnonzero(~z.any(axis=0))\n"
    "    error = ((x - z @ D) ** 2).sum(axis=1)\n"
    "    order = np.argsort(-error)\n    D = D.copy()\n"
)
UNIT = "    D[dead] = worst / np.linalg.norm(worst, axis=1, keepdims=True)\n    return D\n"
KSVD = "def ksvd_atom(x, z, D, i):\n    users = z[:, i] != 0\n    codes = np.zeros(len(x))\n"
E = "    E = x[users] - z[users] @ D + np.outer(z[users, i], D[i])\n"
SVD = "    U, s, Vt = np.linalg.svd(E, full_matrices=False)\n"
WHITE = "def whitening_matrix(x, n_kept):\n    variance, V = np.linalg.eigh(np.cov(x, rowvar=False))\n"
KEEP = "    V, variance = V[:, -n_kept:], variance[-n_kept:]\n"

WRONG = {
    "explained_energy": [
        Wrong("the share left over", EE + "    return ((x - z @ D) ** 2).sum() / (x ** 2).sum()\n", "share left over"),
        Wrong(
            "mean of the samples' scores",
            EE + "    return np.mean(1 - ((x - z @ D) ** 2).sum(axis=1) / (x ** 2).sum(axis=1))\n",
            "averaged the scores of the samples",
        ),
        Wrong(
            "not squared",
            EE + "    return 1 - np.linalg.norm(x - z @ D) / np.linalg.norm(x)\n",
            "Are the entries squared",
        ),
        Wrong(
            "centred below the line",
            EE + "    return 1 - ((x - z @ D) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()\n",
            "another baseline used",
        ),
        Wrong(
            "cut off at zero",
            EE + "    return max(0.0, 1 - ((x - z @ D) ** 2).sum() / (x ** 2).sum())\n",
            "cut off at 0",
        ),
        Wrong(
            "one score per sample",
            EE + "    return 1 - ((x - z @ D) ** 2).sum(axis=1) / (x ** 2).sum(axis=1)\n",
            "should be one number",
        ),
        Wrong(
            "dictionary turned",
            EE + "    return 1 - ((x - z @ D.T) ** 2).sum() / (x ** 2).sum()\n",
            "Which shapes stand",
        ),
    ],
    "mean_max_cosine": [
        Wrong(
            "learned atoms not scaled",
            "def mean_max_cosine(D_true, D):\n    A = D_true / np.linalg.norm(D_true, axis=1, keepdims=True)\n"
            "    return np.abs(A @ D.T).max(axis=1).mean()\n",
            "learned atoms three times as long",
        ),
        Wrong("sign kept", MMC + "    return (A @ B.T).max(axis=1).mean()\n", "What becomes of a cosine of -1"),
        Wrong(
            "true atoms not scaled",
            "def mean_max_cosine(D_true, D):\n    B = D / np.linalg.norm(D, axis=1, keepdims=True)\n"
            "    return np.abs(D_true @ B.T).max(axis=1).mean()\n",
            "true atoms five times as long",
        ),
        Wrong(
            "row i with row i",
            MMC + "    n = min(len(A), len(B))\n    return np.abs((A[:n] * B[:n]).sum(axis=1)).sum() / len(A)\n",
            "compare row i with row i",
        ),
        Wrong(
            "maximum over the true atoms",
            MMC + "    return np.abs(A @ B.T).max(axis=0).mean()\n",
            "Along which axis do you take the maximum",
        ),
        Wrong("the best of all", MMC + "    return np.abs(A @ B.T).max()\n", "Is it the best"),
        Wrong("the worst of all", MMC + "    return np.abs(A @ B.T).max(axis=1).min()\n", "Is it the worst"),
        Wrong("squared cosines", MMC + "    return ((A @ B.T) ** 2).max(axis=1).mean()\n", "averaged their squares"),
        Wrong("one score per atom", MMC + "    return np.abs(A @ B.T).max(axis=1)\n", "should be one number"),
    ],
    "mod_update": [
        Wrong("unused atoms become zero", MOD + "    return np.linalg.lstsq(z, x)[0]\n", "came back as zeros"),
        Wrong(
            "only the right-hand side",
            MOD + USED + "    D[used] = z[:, used].T @ x\n    return D\n",
            "Which matrix is to be divided out",
        ),
        Wrong(
            "rows scaled",
            MOD
            + USED
            + "    new = np.linalg.lstsq(z[:, used], x)[0]\n    D[used] = new / np.linalg.norm(new, axis=1,"
            " keepdims=True)\n    return D\n",
            "Who asked for scaling",
        ),
        Wrong(
            "atom by atom",
            MOD
            + USED
            + "    for i in np.flatnonzero(used):\n        D[i] = z[:, i] @ x / (z[:, i] @ z[:, i])\n    return D\n",
            "one at a time, as if no sample",
        ),
        Wrong(
            "a ridge added",
            MOD
            + USED
            + "    Z = z[:, used]\n    D[used] = np.linalg.solve(Z.T @ Z + 1e-3 * np.eye(Z.shape[1]), Z.T @ x)\n"
            "    return D\n",
            "is something small added",
        ),
        Wrong(
            "a step from the old dictionary",
            MOD + "    return D + 0.1 * z.T @ (x - z @ D)\n",
            "How far does one gradient step go",
        ),
        Wrong(
            "unused atoms forgotten in the shape",
            MOD + "    used = z.any(axis=0)\n    return np.linalg.lstsq(z[:, used], x)[0]\n",
            "should have shape",
        ),
        Wrong("nothing done", MOD + "    return D.copy()\n", "you returned the old dictionary"),
    ],
    "renormalise": [
        Wrong("codes forgotten", REN + "    return z.copy(), D / lengths[:, None]\n", "the codes are what they were"),
        Wrong(
            "codes divided as well", REN + "    return z / lengths, D / lengths[:, None]\n", "you halved its codes too"
        ),
        Wrong("order turned", REN + "    return D / lengths[:, None], z * lengths\n", "In which order"),
        Wrong(
            "one length for all",
            "def renormalise(z, D):\n    length = np.linalg.norm(D)\n    return z * length, D / length\n",
            "one length per row",
        ),
        Wrong(
            "columns",
            "def renormalise(z, D):\n    return z.copy(), D / np.linalg.norm(D, axis=0)\n",
            "Which axis is an atom",
        ),
        Wrong(
            "squared length",
            "def renormalise(z, D):\n    lengths = (D ** 2).sum(axis=1)\n"
            "    return z * lengths, D / lengths[:, None]\n",
            "Is a square root missing",
        ),
        Wrong("only the dictionary", REN + "    return D / lengths[:, None]\n", "2 things"),
        Wrong(
            "codes of the wrong atoms",
            REN + "    return z * lengths[::-1], D / lengths[:, None]\n",
            "Which code belongs to which row",
        ),
    ],
    "replace_dead": [
        Wrong(
            "same sample for all", DEAD + "    worst = x[order[[0] * len(dead)]]\n" + UNIT, "they are duplicates now"
        ),
        Wrong(
            "best explained",
            DEAD + "    worst = x[np.argsort(error)[:len(dead)]]\n" + UNIT,
            "In which direction does argsort sort",
        ),
        Wrong(
            "length of the sample kept",
            DEAD + "    D[dead] = x[order[:len(dead)]]\n    return D\n",
            "Which length do atoms have",
        ),
        Wrong(
            "loudest samples",
            DEAD + "    worst = x[np.argsort(-(x ** 2).sum(axis=1))[:len(dead)]]\n" + UNIT,
            "What does z @ D already explain",
        ),
        Wrong(
            "residuals planted",
            DEAD + "    worst = (x - z @ D)[order[:len(dead)]]\n" + UNIT,
            "taken off once too often",
        ),
        Wrong("second worst first", DEAD + "    worst = x[order[:len(dead)][::-1]]\n" + UNIT, "Worst first"),
        Wrong(
            "negative codes are dead",
            DEAD.replace("~z.any(axis=0)", "~(z > 0).any(axis=0)") + "    worst = x[order[:len(dead)]]\n" + UNIT,
            "an atom that samples use was changed",
        ),
        Wrong(
            "only the first dead atom",
            DEAD + "    dead = dead[:1]\n    worst = x[order[:1]]\n" + UNIT,
            "only one was replaced",
        ),
        Wrong(
            "hardly used is dead",
            DEAD.replace("~z.any(axis=0)", "np.abs(z).sum(axis=0) < 1e-3")
            + "    worst = x[order[:len(dead)]]\n"
            + UNIT,
            "What does unused mean",
        ),
        Wrong(
            "changes D itself",
            DEAD.replace("    D = D.copy()\n", "") + "    worst = x[order[:len(dead)]]\n" + UNIT,
            "changed its own input",
        ),
    ],
    "ksvd_atom": [
        Wrong(
            "all samples fitted",
            "def ksvd_atom(x, z, D, i):\n    E = x - z @ D + np.outer(z[:, i], D[i])\n"
            + SVD
            + "    return Vt[0], s[0] * U[:, 0]\n",
            "restricted to the users",
        ),
        Wrong(
            "atom not added back",
            KSVD
            + "    E = x[users] - z[users] @ D\n"
            + SVD
            + "    codes[users] = s[0] * U[:, 0]\n    return Vt[0], codes\n",
            "Was the old atom i added back",
        ),
        Wrong(
            "singular value in the atom",
            KSVD + E + SVD + "    codes[users] = U[:, 0]\n    return s[0] * Vt[0], codes\n",
            "where does s\\[0\\] go\\?\n",
        ),
        Wrong(
            "singular value lost",
            KSVD + E + SVD + "    codes[users] = U[:, 0]\n    return Vt[0], codes\n",
            "Where does the singular value",
        ),
        Wrong(
            "old codes kept",
            KSVD + E + SVD + "    return Vt[0], z[:, i].copy()\n",
            "changes an atom and its codes together",
        ),
        Wrong(
            "sign of the codes only",
            KSVD + E + SVD + "    codes[users] = -s[0] * U[:, 0]\n    return Vt[0], codes\n",
            "one of the two turned without the other",
        ),
        Wrong(
            "residual centred",
            KSVD
            + E
            + "    E0 = E - E.mean(axis=0)\n    atom = np.linalg.svd(E0, full_matrices=False)[2][0]\n"
            "    codes[users] = E @ atom\n    return atom, codes\n",
            "Is the residual centred first",
        ),
        Wrong(
            "codes the wrong length",
            KSVD + E + SVD + "    return Vt[0], s[0] * U[:, 0]\n",
            "the codes should have shape",
        ),
    ],
    "whitening_matrix": [
        Wrong("no square root", WHITE + KEEP + "    return (V / variance) @ V.T\n", "Is a square root missing"),
        Wrong(
            "smallest directions",
            WHITE + "    return (V[:, :n_kept] / np.sqrt(variance[:n_kept])) @ V[:, :n_kept].T\n",
            "In which order does eigh sort",
        ),
        Wrong("all directions", WHITE + "    return (V / np.sqrt(variance)) @ V.T\n", "Where does n_kept come in"),
        Wrong(
            "multiplied by the root",
            WHITE + KEEP + "    return (V * np.sqrt(variance)) @ V.T\n",
            "Multiply by the root, or divide",
        ),
        Wrong(
            "not turned back",
            WHITE
            + KEEP
            + "    out = np.zeros((x.shape[1], x.shape[1]))\n    out[:, :n_kept] = V / np.sqrt(variance)\n"
            "    return out\n",
            "the matrix is not symmetric",
        ),
        Wrong(
            "mean not taken off",
            "def whitening_matrix(x, n_kept):\n    variance, V = np.linalg.eigh(x.T @ x / (len(x) - 1))\n"
            + KEEP
            + "    return (V / np.sqrt(variance)) @ V.T\n",
            "Is the mean taken off",
        ),
        Wrong(
            "sum instead of covariance",
            "def whitening_matrix(x, n_kept):\n    c = x - x.mean(axis=0)\n    variance, V = np.linalg.eigh(c.T @ c)\n"
            + KEEP
            + "    return (V / np.sqrt(variance)) @ V.T\n",
            "Is the covariance a mean",
        ),
        Wrong(
            "eigenvectors as rows",
            WHITE + "    return (V.T[:, -n_kept:] / np.sqrt(variance[-n_kept:])) @ V.T[:, -n_kept:].T\n",
            "Are eigenvectors the columns",
        ),
        Wrong(
            "covariance of the samples",
            "def whitening_matrix(x, n_kept):\n    variance, V = np.linalg.eigh(np.cov(x))\n"
            + KEEP
            + "    return (V / np.sqrt(variance)) @ V.T\n",
            "should have shape",
        ),
    ],
}

RIGHT = {
    "explained_energy": [
        EE + "    r = x - np.einsum('ij,jk->ik', z, D)\n    return 1.0 - np.vdot(r, r) / np.vdot(x, x)\n",
        EE + "    left = sum(float(r @ r) for r in x - z @ D)\n    return 1 - left / sum(float(s @ s) for s in x)\n",
    ],
    "mean_max_cosine": [
        MMC + "    return float(np.mean([max(abs(a @ b) for b in B) for a in A]))\n",
        "def mean_max_cosine(D_true, D):\n    dots = np.abs(D @ D_true.T)\n"
        "    cos = dots / np.outer(np.linalg.norm(D, axis=1), np.linalg.norm(D_true, axis=1))\n"
        "    return cos.max(axis=0).mean()\n",
    ],
    "mod_update": [
        MOD + USED + "    D[used] = np.linalg.pinv(z[:, used]) @ x\n    return D\n",
        MOD + USED + "    Z = z[:, used]\n    D[used] = np.linalg.solve(Z.T @ Z, Z.T @ x)\n    return D\n",
        MOD + "    new = np.linalg.lstsq(z, x, rcond=None)[0]\n    return np.where(z.any(axis=0)[:, None], new, D)\n",
    ],
    "renormalise": [
        REN + "    return z * lengths[None, :], (D.T / lengths).T\n",
        REN + "    return z @ np.diag(lengths), np.diag(1 / lengths) @ D\n",
    ],
    "replace_dead": [
        "def replace_dead(x, z, D):\n    out, error = D.copy(), list(np.linalg.norm(x - z @ D, axis=1))\n"
        "    for i in range(len(D)):\n        if not z[:, i].any():\n            worst = int(np.argmax(error))\n"
        "            error[worst] = -1\n            out[i] = x[worst] / np.linalg.norm(x[worst])\n    return out\n",
        DEAD.replace("~z.any(axis=0)", "(z != 0).sum(axis=0) == 0")
        + "    worst = x[np.argsort(error)[::-1][:len(dead)]]\n"
        + UNIT,
    ],
    "ksvd_atom": [
        KSVD
        + E
        + "    atom = np.linalg.eigh(E.T @ E)[1][:, -1]\n    codes[users] = E @ atom\n    return atom, codes\n",
        KSVD
        + "    others = z.copy()\n    others[:, i] = 0\n    E = (x - others @ D)[users]\n"
        + SVD
        + "    codes[users] = -E @ Vt[0]\n    return -Vt[0], codes\n",
    ],
    "whitening_matrix": [
        "def whitening_matrix(x, n_kept):\n    c = x - x.mean(axis=0)\n"
        "    _, s, Vt = np.linalg.svd(c, full_matrices=False)\n    s = s / np.sqrt(len(x) - 1)\n"
        "    return Vt[:n_kept].T @ np.diag(1 / s[:n_kept]) @ Vt[:n_kept]\n",
        WHITE
        + "    scale = np.zeros(len(variance))\n    scale[-n_kept:] = variance[-n_kept:] ** -0.5\n"
        "    return V @ np.diag(scale) @ V.T\n",
    ],
}
