"""Wrong and right answers of lesson 0, start here."""

from tests.wrong_answers import Wrong

WRONG = {
    "l0": [
        Wrong("counts down the columns", "def l0(z):\n    return np.count_nonzero(z, axis=0).mean()\n", "counted down the columns"),
        Wrong(
            "counts over all rows", "def l0(z):\n    return np.count_nonzero(z)\n", "Is a mean over the rows missing"
        ),
        Wrong(
            "only positive entries",
            "def l0(z):\n    return (z > 0).sum(axis=1).mean()\n",
            "Does a negative entry count",
        ),
        Wrong("adds values", "def l0(z):\n    return np.abs(z).sum(axis=1).mean()\n", "add up values"),
        Wrong("a fraction", "def l0(z):\n    return (z != 0).mean()\n", "divide by the number of atoms"),
        Wrong("a threshold", "def l0(z):\n    return (np.abs(z) > 1e-3).sum(axis=1).mean()\n", "Is there a threshold"),
        Wrong("whole numbers", "def l0(z):\n    return np.count_nonzero(z) // len(z)\n", "rounded, or a median"),
        Wrong("one number per row", "def l0(z):\n    return np.count_nonzero(z, axis=1)\n", "should be one number"),
        Wrong(
            "counts zeros", "def l0(z):\n    return (z == 0).sum(axis=1).mean()\n", "Which entries are to be counted"
        ),
    ],
    "unit_norm": [
        Wrong(
            "one length for all atoms", "def unit_norm(D):\n    return D / np.linalg.norm(D)\n", "one length per row"
        ),
        Wrong("columns", "def unit_norm(D):\n    return D / np.linalg.norm(D, axis=0)\n", "Which axis is an atom"),
        Wrong(
            "squared length",
            "def unit_norm(D):\n    return D / (D ** 2).sum(axis=1, keepdims=True)\n",
            "Is a square root missing",
        ),
        Wrong("L1 length", "def unit_norm(D):\n    return D / np.abs(D).sum(axis=1, keepdims=True)\n", "add up to 1"),
        Wrong(
            "largest entry",
            "def unit_norm(D):\n    return D / np.abs(D).max(axis=1, keepdims=True)\n",
            "largest entry of each row",
        ),
        Wrong(
            "sign lost",
            "def unit_norm(D):\n    return np.abs(D) / np.linalg.norm(D, axis=1, keepdims=True)\n",
            "points elsewhere",
        ),
        Wrong("no keepdims", "def unit_norm(D):\n    return D / np.linalg.norm(D, axis=1)\n", "Which shapes stand"),
        Wrong(
            "changes D itself",
            "def unit_norm(D):\n    D /= np.linalg.norm(D, axis=1, keepdims=True)\n    return D\n",
            "changed its own input",
        ),
        Wrong(
            "calls the library",
            "def unit_norm(D):\n    from saekit.geometry import unit_norm as scale\n    return scale(D)\n",
            "calls saekit's own",
        ),
    ],
    "reconstruct": [
        Wrong("dictionary turned", "def reconstruct(z, D):\n    return z @ D.T\n", "Which shapes stand"),
        Wrong("mean of the atoms", "def reconstruct(z, D):\n    return z @ D / len(D)\n", "Sum or mean"),
        Wrong("answer turned", "def reconstruct(z, D):\n    return D.T @ z.T\n", "Is something transposed"),
        Wrong(
            "present or absent",
            "def reconstruct(z, D):\n    return np.sign(z) @ D\n",
            "Where do the values of z come in",
        ),
        Wrong(
            "drops negative entries",
            "def reconstruct(z, D):\n    return np.maximum(z, 0) @ D\n",
            "What happens to negative entries",
        ),
        Wrong(
            "scales the atoms",
            "def reconstruct(z, D):\n    return z @ (D / np.linalg.norm(D, axis=1, keepdims=True))\n",
            "Who asked for unit length",
        ),
        Wrong(
            "only the strongest atom",
            "def reconstruct(z, D):\n    best = np.abs(z).argmax(axis=1)\n    return z[np.arange(len(z)), best][:,"
            " None] * D[best]\n",
            "Does one of them get lost",
        ),
        Wrong("only one sample", "def reconstruct(z, D):\n    return z[0] @ D\n", "an axis too many"),
    ],
    "measure": [
        Wrong(
            "solves instead of measuring",
            "def measure(x, D):\n    return x @ np.linalg.pinv(D)\n",
            "is something solved for",
        ),
        Wrong("dictionary not turned", "def measure(x, D):\n    return x @ D\n", "Which shapes stand"),
        Wrong("answer turned", "def measure(x, D):\n    return D @ x.T\n", "Is something transposed"),
        Wrong(
            "cosine",
            "def measure(x, D):\n    return x @ D.T / np.linalg.norm(x, axis=1, keepdims=True)\n",
            "a sample twice as loud",
        ),
        Wrong(
            "unit atoms",
            "def measure(x, D):\n    return x @ (D / np.linalg.norm(D, axis=1, keepdims=True)).T\n",
            "an atom twice as long",
        ),
        Wrong("size only", "def measure(x, D):\n    return np.abs(x @ D.T)\n", "Did the sign get lost"),
        Wrong("first entries only", "def measure(x, D):\n    return x[:, :1] * D[:, 0]\n", "are they summed"),
        Wrong("only one sample", "def measure(x, D):\n    return D @ x[0]\n", "an axis too many"),
    ],
}

RIGHT = {
    "l0": [
        "def l0(z):\n    return (z != 0).sum(axis=1).mean()\n",
        "def l0(z):\n    return np.count_nonzero(z) / len(z)\n",
        (
            "def l0(z):\n    counts = [sum(1 for entry in row if entry != 0) for row in z]\n    return sum(counts) /"
            " len(counts)\n"
        ),
    ],
    "unit_norm": [
        "def unit_norm(D):\n    return (D.T / np.sqrt((D ** 2).sum(axis=1))).T\n",
        "def unit_norm(D):\n    return np.array([row / np.sqrt(row @ row) for row in D])\n",
    ],
    "reconstruct": [
        "def reconstruct(z, D):\n    return np.einsum('ij,jk->ik', z, D)\n",
        "def reconstruct(z, D):\n    return sum(z[:, [j]] * D[j] for j in range(len(D)))\n",
    ],
    "measure": [
        "def measure(x, D):\n    return (D @ x.T).T.copy()\n",
        "def measure(x, D):\n    return np.array([[np.dot(sample, atom) for atom in D] for sample in x])\n",
    ],
}
