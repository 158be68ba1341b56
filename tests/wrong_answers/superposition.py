"""Wrong and right answers of lesson 3, more features than dimensions."""

from tests.wrong_answers import Wrong

REC = "def reconstruct(x, W, b):\n"
LOSS = "def three_losses(p, importance):\n    v = p / 3 - p**2 / 4\n"
DIM = "def dimensionality(W):\n    gram = W @ W.T\n"
SAFE = "    total = np.where(total == 0, 1, total)\n"
COL = "def collision_probability(n, p):\n"
INT = "def interference(W, p):\n    c = W @ W.T\n"
ZERO = "    np.fill_diagonal(c, 0)\n"
ABS = "def abs_weights(n):\n    eye = np.eye(n)\n"
READ = "def read_back(hidden, W, lam):\n    length = np.linalg.norm(W, axis=1)\n    U = W / length[:, None]\n"

WRONG = {
    "reconstruct": [
        Wrong("no ReLU", REC + "    return x @ W @ W.T + b\n", "Is the ReLU missing"),
        Wrong("bias forgotten", REC + "    return np.maximum(x @ W @ W.T, 0)\n", "left out, or subtracted"),
        Wrong("bias after the ReLU", REC + "    return np.maximum(x @ W @ W.T, 0) + b\n", "Is b added before the ReLU"),
        Wrong(
            "ReLU on the hidden units too",
            REC + "    return np.maximum(np.maximum(x @ W, 0) @ W.T + b, 0)\n",
            "ReLU on the hidden number",
        ),
        Wrong("hidden units returned", REC + "    return x @ W\n", "should have shape"),
        Wrong("clipped at 1", REC + "    return np.clip(x @ W @ W.T + b, 0, 1)\n", "Which products"),
        Wrong(
            "clipped at 5",
            REC + "    return np.clip(x @ W @ W.T + b, 0, 12)\n",
            "is something clipped",
        ),
    ],
    "three_losses": [
        Wrong(
            "guess of zero",
            LOSS + "    return np.array([importance * p / 3, p / 3, (1 + importance) * p**2 / 6])\n",
            "as if the model said 0",
        ),
        Wrong(
            "first two exchanged",
            LOSS + "    return np.array([v, importance * v, (1 + importance) * p**2 / 6])\n",
            "first two are exchanged",
        ),
        Wrong(
            "averaged over the two features",
            LOSS + "    return np.array([importance * v, v, (1 + importance) * p**2 / 6]) / 2\n",
            "do you average",
        ),
        Wrong(
            "importance of the wrong feature",
            LOSS + "    return np.array([importance * v, importance * v, (1 + importance) * p**2 / 6])\n",
            "Which of the two features is guessed",
        ),
        Wrong(
            "collision with probability p",
            LOSS + "    return np.array([importance * v, v, (1 + importance) * p / 6])\n",
            "your loss grows like p",
        ),
        Wrong(
            "only one feature errs",
            LOSS + "    return np.array([importance * v, v, p**2 / 6])\n",
            "only one of the superposed features",
        ),
        Wrong(
            "mean of the minimum, not of its square",
            LOSS + "    return np.array([importance * v, v, (1 + importance) * p**2 / 3])\n",
            "you used the mean of min",
        ),
        Wrong(
            "variance of a value that is on",
            LOSS + "    return np.array([importance / 12, 1 / 12, (1 + importance) * p**2 / 6])\n",
            "variance of a value that is on",
        ),
        Wrong(
            "importance of feature 1 forgotten at one place",
            LOSS + "    return np.array([importance * v, v, 4 * p**2 / 6])\n",
            "Is a number written in",
        ),
    ],
    "dimensionality": [
        Wrong("inner products not squared", DIM + "    return np.diag(gram) / gram.sum(axis=1)\n", "does −1 cancel 1"),
        Wrong(
            "self left out",
            DIM + "    own = np.diag(gram) ** 2\n    total = (gram**2).sum(axis=1) - own\n    return own / (total + 1e-12)\n",
            "Is feature i itself among",
        ),
        Wrong(
            "length squared above the line",
            DIM + "    total = (gram**2).sum(axis=1)\n" + SAFE + "    return np.diag(gram) / total\n",
            "Count the lengths",
        ),
        Wrong(
            "all rows scaled first",
            "def dimensionality(W):\n    n = np.linalg.norm(W, axis=1, keepdims=True)\n    U = W / np.where(n == 0, 1, n)\n"
            "    return (n[:, 0] > 0) / np.maximum(((U @ U.T) ** 2).sum(axis=1), 1e-9)\n",
            "Did you divide both by their lengths",
        ),
        Wrong(
            "absolute values in place of squares",
            DIM + "    total = np.abs(gram).sum(axis=1)\n" + SAFE + "    return np.diag(gram) / total\n",
            "enter as absolute values",
        ),
        Wrong(
            "NaN for a missing feature",
            DIM + "    return np.diag(gram) ** 2 / (gram**2).sum(axis=1)\n",
            "NaN",
        ),
        Wrong(
            "columns for rows",
            "def dimensionality(W):\n    gram = W.T @ W\n    return np.diag(gram) ** 2 / (gram**2).sum(axis=1)\n",
            "should have shape",
        ),
    ],
    "collision_probability": [
        Wrong("at least one", COL + "    return 1 - (1 - p) ** n\n", "at least one"),
        Wrong(
            "one particular feature alone",
            COL + "    return 1 - (1 - p) ** n - p * (1 - p) ** (n - 1)\n",
            "How many could be the one",
        ),
        Wrong("two particular features", COL + "    return p**2\n", "two particular features"),
        Wrong("pairs added up", COL + "    return n * (n - 1) / 2 * p**2\n", "samples with three on count three times"),
        Wrong(
            "exactly two",
            COL + "    return n * (n - 1) / 2 * p**2 * (1 - p) ** (n - 2)\n",
            "exactly two",
        ),
        Wrong("product of all", COL + "    return p**n\n", "counted over all 32 cases"),
    ],
    "interference": [
        Wrong(
            "cross terms forgotten",
            INT + ZERO + "    return (c**2).sum(axis=1) * p / 3\n",
            "mean of their product",
        ),
        Wrong(
            "mean forgotten",
            INT + ZERO + "    return (c**2).sum(axis=1) * (p / 3 - p**2 / 4)\n",
            "that is the variance of the sum",
        ),
        Wrong(
            "variance forgotten",
            INT + ZERO + "    return (c.sum(axis=1) * p / 2) ** 2\n",
            "where is its variance",
        ),
        Wrong(
            "self counted",
            INT + "    return (c**2).sum(axis=1) * (p / 3 - p**2 / 4) + (c.sum(axis=1) * p / 2) ** 2\n",
            "among its own interference",
        ),
        Wrong(
            "only when feature i is on",
            INT + ZERO + "    return p * ((c**2).sum(axis=1) * (p / 3 - p**2 / 4) + (c.sum(axis=1) * p / 2) ** 2)\n",
            "is a factor p too many",
        ),
        Wrong(
            "directions scaled to length 1",
            "def interference(W, p):\n    U = W / np.linalg.norm(W, axis=1, keepdims=True)\n    c = U @ U.T\n"
            + ZERO
            + "    return (c**2).sum(axis=1) * (p / 3 - p**2 / 4) + (c.sum(axis=1) * p / 2) ** 2\n",
            "scaled to length 1",
        ),
        Wrong("values of 1", INT + ZERO + "    return (c**2).sum(axis=1) * p\n", "have the value 1"),
        Wrong(
            "root of the mean square",
            INT + ZERO + "    return np.sqrt((c**2).sum(axis=1) * (p / 3 - p**2 / 4) + (c.sum(axis=1) * p / 2) ** 2)\n",
            "root too many",
        ),
    ],
    "abs_weights": [
        Wrong(
            "minus on the way out",
            ABS + "    return np.hstack([eye, -eye]), np.vstack([eye, -eye])\n",
            "returned x itself",
        ),
        Wrong(
            "both halves hear x",
            ABS + "    return np.hstack([eye, eye]), np.vstack([eye, eye]) / 2\n",
            "Which neuron hears",
        ),
        Wrong("an average", ABS + "    return np.hstack([eye, -eye]), np.vstack([eye, eye]) / 2\n", "Is it an average"),
        Wrong(
            "doubled",
            ABS + "    return 2 * np.hstack([eye, -eye]), np.vstack([eye, eye])\n",
            "need either be doubled",
        ),
        Wrong(
            "neurons in another order on the way out",
            ABS + "    return np.hstack([eye, -eye]), np.repeat(eye, 2, axis=0)\n",
            "at the wrong features",
        ),
        Wrong("one neuron each", ABS + "    return eye, eye\n", r"has shape \(3, 3\)"),
        Wrong("only the weights in", ABS + "    return np.hstack([eye, -eye])\n", "should be 2 things"),
        Wrong(
            "three features written in",
            "def abs_weights(n):\n    eye = np.eye(3)\n    return np.hstack([eye, -eye]), np.vstack([eye, eye])\n",
            r"shape \(1, 2\)",
        ),
    ],
    "read_back": [
        Wrong(
            "signed codes",
            READ + "    return lasso.fista(hidden, U, lam).z / length\n",
            "some features came back negative",
        ),
        Wrong(
            "one product and a ReLU",
            READ + "    return np.maximum(hidden @ U.T - lam, 0)\n",
            "Measuring is not decomposing",
        ),
        Wrong(
            "codes not converted",
            READ + "    return lasso.fista(hidden, U, lam, positive=True).z\n",
            "converted back by dividing",
        ),
        Wrong(
            "multiplied by the lengths",
            READ + "    return lasso.fista(hidden, U, lam, positive=True).z * length\n",
            "Multiplied by the lengths",
        ),
        Wrong(
            "atoms not scaled",
            READ + "    return lasso.fista(hidden, W, lam, positive=True).z\n",
            "so long rows are cheap",
        ),
        Wrong(
            "penalty halved",
            READ + "    return lasso.fista(hidden, U, lam / 2, positive=True).z / length\n",
            "codes for half the penalty",
        ),
        Wrong(
            "penalty forgotten",
            READ + "    from scipy.optimize import nnls\n    return np.array([nnls(U.T, h)[0] for h in hidden]) / length\n",
            "as if there were no penalty",
        ),
        Wrong(
            "refitted without the penalty",
            READ + "    z = lasso.fista(hidden, U, lam, positive=True).z\n    z = np.maximum(z - lam / 2, 0)\n"
            "    return z / length\n",
            "optimality conditions",
        ),
    ],
}

RIGHT = {
    "reconstruct": [
        REC + "    hidden = x @ W\n    pre = hidden @ W.T + b\n    return pre * (pre > 0)\n",
        REC + "    return np.clip(np.einsum('bi,ih,jh->bj', x, W, W) + b, 0, None)\n",
    ],
    "three_losses": [
        "def three_losses(p, importance):\n    square, mean = p / 3, p / 2\n    guess = square - mean * mean\n"
        "    return np.array([importance * guess, guess, p * p / 6 + importance * p * p / 6])\n",
        LOSS + "    return v * np.array([importance, 1, 0]) + (1 + importance) * p**2 / 6 * np.array([0, 0, 1])\n",
    ],
    "dimensionality": [
        "def dimensionality(W):\n    n2 = (W**2).sum(axis=1)\n    total = ((W @ W.T) ** 2).sum(axis=0)\n"
        "    return n2**2 / np.maximum(total, 1e-300)\n",
        "def dimensionality(W):\n    out = []\n    for w in W:\n        total = sum((w @ v) ** 2 for v in W)\n"
        "        out.append((w @ w) ** 2 / total if total > 0 else 0.0)\n    return np.array(out)\n",
    ],
    "collision_probability": [
        COL + "    from math import comb\n    return float(sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(2, n + 1)))\n",
        COL + "    none, one = (1 - p) ** n, n * p * (1 - p) ** (n - 1)\n    return 1 - (none + one)\n",
    ],
    "interference": [
        INT + "    c = c - np.diag(np.diag(c))\n    m = np.full((len(W), len(W)), p * p / 4) + np.eye(len(W)) * (p / 3 - p * p / 4)\n"
        "    return ((c @ m) * c).sum(axis=1)\n",
        INT + "    own = np.diag(c)\n    squares = (c**2).sum(axis=1) - own**2\n    sums = c.sum(axis=1) - own\n"
        "    return squares * (p / 3 - p**2 / 4) + sums**2 * p**2 / 4\n",
    ],
    "abs_weights": [
        ABS + "    return np.repeat(eye, 2, axis=1) * np.tile([1, -1], n), np.repeat(eye, 2, axis=0)\n",
        ABS + "    return 2 * np.hstack([-eye, eye]), np.vstack([eye, eye]) / 2\n",
    ],
    "read_back": [
        READ + "    return lasso.coordinate_descent(hidden, U, lam, positive=True).z / length\n",
        READ + "    z = np.zeros((len(hidden), len(W)))\n    L = np.linalg.norm(U, 2) ** 2\n    for _ in range(5000):\n"
        "        z = np.maximum(z + ((hidden - z @ U) @ U.T - lam) / L, 0)\n    return z / length\n",
    ],
}
