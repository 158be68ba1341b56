"""Wrong and right answers of lesson 1, too many atoms."""

from tests.wrong_answers import Wrong

UNIT = "    u = D / np.linalg.norm(D, axis=1, keepdims=True)\n"


def coherence(body):
    """An answer to `coherence` with this body."""
    return f"def coherence(D):\n{body}"


def pass_over(
    start="z.copy()",
    residual="x - z @ D",
    order="range(len(D))",
    own=" + z[:, i]",
    value="soft_threshold({v}, lam)",
    change="r = r - np.outer(new - z[:, i], D[i])",
):
    """An answer to `coordinate_pass` with one of its parts replaced."""
    new = value.format(v=f"r @ D[i]{own}")
    return (
        f"def coordinate_pass(z, x, D, lam):\n    z = {start}\n    r = {residual}\n    for i in {order}:\n        new ="
        f" {new}\n        {change}\n        z[:, i] = new\n    return z\n"
    )


def fista(
    step="ista_step(y, x, D, lam)",
    old="t",
    new="t_new",
    loop="n_iter",
    y="z_new + ({old} - 1) / {new} * (z_new - z)",
    back="z",
):
    """An answer to `fista` with one of its parts replaced."""
    return (
        "def fista(x, D, lam, n_iter):\n    z = y = np.zeros((len(x), len(D)))\n    t = 1.0\n    for _ in"
        f" range({loop}):\n        z_new = {step}\n        t_new = (1 + np.sqrt(1 + 4 * t ** 2)) / 2\n        y ="
        f" {y.format(old=old, new=new)}\n        z, t = z_new, t_new\n    return {back}\n"
    )


def omp(
    choose="np.abs(D @ (x - z @ D)).argmax()",
    refit="z[S] = np.linalg.lstsq(D[S].T, x, rcond=None)[0]",
    loop="k",
    back="z",
):
    """An answer to `omp` with one of its parts replaced."""
    return (
        f"def omp(x, D, k):\n    z, S = np.zeros(len(D)), []\n    for _ in range({loop}):\n        i = int({choose})\n "
        f"       S.append(i)\n        {refit}\n    return {back}\n"
    )


def kkt(
    c="(x - z @ D) @ D.T",
    used="np.abs(c - lam * np.sign(z))",
    unused="np.maximum(np.abs(c) - lam, 0)",
    end="max(axis=1)",
):
    """An answer to `kkt_violation` with one of its parts replaced."""
    return f"def kkt_violation(x, D, z, lam):\n    c = {c}\n    return np.where(z != 0, {used}, {unused}).{end}\n"


def step(L="np.linalg.norm(D, 2) ** 2", body="soft_threshold(z + (x - z @ D) @ D.T / L, lam / L, positive)"):
    """An answer to `ista_step` with one of its parts replaced."""
    return f"def ista_step(z, x, D, lam, positive=False):\n    L = {L}\n    return {body}\n"


def soft(body):
    """An answer to `soft_threshold` with this body."""
    return f"def soft_threshold(x, lam, positive=False):\n{body}"


def ceiling(body):
    """An answer to `lam_max` with this body."""
    return f"def lam_max(x, D, positive=False):\n    c = x @ D.T\n{body}"


WRONG = {
    "coherence": [
        Wrong(
            "not normalised",
            coherence("    g = np.abs(D @ D.T)\n    np.fill_diagonal(g, 0)\n    return g.max()\n"),
            "when every atom was doubled",
        ),
        Wrong("diagonal left in", coherence(UNIT + "    return np.abs(u @ u.T).max()\n"), "compared with itself"),
        Wrong(
            "no absolute value",
            coherence(UNIT + "    g = u @ u.T\n    np.fill_diagonal(g, 0)\n    return g.max()\n"),
            "What does a negative cosine mean",
        ),
        Wrong(
            "columns",
            coherence(
                "    u = D / np.linalg.norm(D, axis=0)\n    g = np.abs(u.T @ u)\n    np.fill_diagonal(g, 0)\n    return"
                " g.max()\n"
            ),
            "a 3 × 3 table",
        ),
        Wrong(
            "mean",
            coherence(UNIT + "    g = np.abs(u @ u.T)\n    return (g.sum() - len(D)) / (len(D) * (len(D) - 1))\n"),
            "which summary shows it",
        ),
        Wrong(
            "squared",
            coherence(UNIT + "    g = (u @ u.T) ** 2\n    np.fill_diagonal(g, 0)\n    return g.max()\n"),
            "Is a square root missing",
        ),
        Wrong(
            "sign kept",
            coherence(UNIT + "    g = u @ u.T\n    np.fill_diagonal(g, 0)\n    return g.flat[np.abs(g).argmax()]\n"),
            "Is a largest",
        ),
        Wrong(
            "only neighbours",
            coherence(
                UNIT
                + "    pairs = list(zip(range(len(D)), range(1, len(D)))) + [(-1, 0)]\n"
                "    return max(abs(u[i] @ u[j]) for i, j in pairs if len(D) < 4 or j)\n"
            ),
            "Is every pair looked",
        ),
        Wrong(
            "the whole table",
            coherence(UNIT + "    g = np.abs(u @ u.T)\n    np.fill_diagonal(g, 0)\n    return g.max(axis=1)\n"),
            "should be one number",
        ),
    ],
    "soft_threshold": [
        Wrong(
            "small entries kept",
            soft(
                "    z = np.where(np.abs(x) > lam, x - lam * np.sign(x), x)\n"
                "    return np.where(x > lam, x - lam, 0.0) if positive else z\n"
            ),
            "within lam of zero came out as they went in",
        ),
        Wrong(
            "positive ignored",
            soft("    return np.sign(x) * np.maximum(np.abs(x) - lam, 0)\n"),
            "a code of -2.5 came out",
        ),
        Wrong("a ReLU always", soft("    return np.maximum(x - lam, 0)\n"), "every negative entry became 0"),
        Wrong("hard threshold", soft("    return np.where(np.abs(x) > lam, x, 0)\n"), "at which price"),
        Wrong("sign lost", soft("    return np.maximum(np.abs(x) - lam, 0)\n"), "Where does the sign come back"),
        Wrong(
            "no floor at zero",
            soft("    return np.sign(x) * (np.abs(x) - lam)\n"),
            "passed through it to the other side",
        ),
        Wrong("subtracts from all", soft("    return np.where(np.abs(x) > lam, x - lam, 0)\n"), "moved away from zero"),
        Wrong(
            "half the threshold", soft("    return np.sign(x) * np.maximum(np.abs(x) - lam / 2, 0)\n"), "moved by 0.25"
        ),
        Wrong("a factor", soft("    return np.where(np.abs(x) > lam, x * (1 - lam), 0)\n"), "Is lam a factor"),
        Wrong(
            "positive of the size",
            soft("    size = np.maximum(np.abs(x) - lam, 0)\n    return size if positive else np.sign(x) * size\n"),
            "be added instead",
        ),
        Wrong(
            "positive without price",
            soft(
                "    if positive:\n        return np.maximum(x, 0)\n    return np.sign(x) * np.maximum(np.abs(x) - lam,"
                " 0)\n"
            ),
            "but nothing shrank",
        ),
    ],
    "lam_max": [
        Wrong(
            "no absolute value",
            ceiling("    return np.maximum(c, 0).max(axis=1)\n"),
            "negative correlation was not counted",
        ),
        Wrong("positive ignored", ceiling("    return np.abs(c).max(axis=1)\n"), "positive=True changed nothing"),
        Wrong("per atom", ceiling("    return np.abs(c).max(axis=0)\n"), "which one is summed over"),
        Wrong("one for all", ceiling("    return np.abs(c).max()\n"), "an axis too many|an array of shape"),
        Wrong("the smallest", ceiling("    return np.abs(c).min(axis=1)\n"), "the smallest .correlation."),
        Wrong(
            "objective without half",
            ceiling("    return 2 * (np.maximum(c, 0) if positive else np.abs(c)).max(axis=1)\n"),
            "twice what was expected",
        ),
        Wrong(
            "mean convention",
            ceiling("    return (np.maximum(c, 0) if positive else np.abs(c)).max(axis=1) / x.shape[1]\n"),
            "Is it a sum, or a mean",
        ),
        Wrong(
            "cosine with the sample",
            ceiling("    return np.abs(c).max(axis=1) / np.linalg.norm(x, axis=1)\n"),
            "divided by the length of the sample",
        ),
        Wrong(
            "unit atoms",
            "def lam_max(x, D, positive=False):\n    c = x @ (D / np.linalg.norm(D, axis=1, keepdims=True)).T\n"
            "    return np.abs(c).max(axis=1)\n",
            "Is something normalised",
        ),
        Wrong(
            "below zero",
            ceiling("    return (c if positive else np.abs(c)).max(axis=1)\n"),
            "Which lam is enough for silence",
        ),
    ],
    "kkt_violation": [
        Wrong("correlation of x", kkt(c="x @ D.T"), "Is c taken of the residual"),
        Wrong("less is good enough", kkt(used="np.maximum(np.abs(c) - lam, 0)"), "Is less than lam good enough"),
        Wrong("residual turned", kkt(c="(z @ D - x) @ D.T"), "Is the residual x - zD"),
        Wrong("sign forgotten", kkt(used="np.abs(c - lam)"), "Which sign has lam"),
        Wrong("unused must reach lam", kkt(unused="np.abs(np.abs(c) - lam)"), "have to reach lam"),
        Wrong("negative breach", kkt(unused="np.abs(c) - lam"), "a condition that holds"),
        Wrong("unused not looked at", kkt(unused="0 * c"), "on both sides"),
        Wrong("sum of breaches", kkt(end="sum(axis=1)"), "added up or averaged"),
        Wrong("squared", kkt(used="(c - lam * np.sign(z)) ** 2"), "Is it squared"),
        Wrong("maximum over samples", kkt(end="max(axis=0)"), "which one is summed over"),
    ],
    "ista_step": [
        Wrong("uphill", step(body="soft_threshold(z - (x - z @ D) @ D.T / L, lam / L, positive)"), "goes uphill"),
        Wrong("largest singular value", step(L="np.linalg.norm(D, 2)"), "Does L hold its square"),
        Wrong("no step size", step(L="1.0"), "the whole gradient"),
        Wrong("Frobenius norm", step(L="np.linalg.norm(D) ** 2"), "the Frobenius norm"),
        Wrong(
            "threshold lam",
            step(body="soft_threshold(z + (x - z @ D) @ D.T / L, lam, positive)"),
            "How much of the price",
        ),
        Wrong("no threshold", step(body="z + (x - z @ D) @ D.T / L"), "Where is the price paid"),
        Wrong(
            "residual at zero",
            step(body="soft_threshold(z + x @ D.T / L, lam / L, positive)"),
            "What does z explain already",
        ),
        Wrong(
            "z not added", step(body="soft_threshold((x - z @ D) @ D.T / L, lam / L, positive)"), "To what is it added"
        ),
        Wrong("starts anew", step(body="soft_threshold(x @ D.T / L, lam / L, positive)"), "forgets where it started"),
        Wrong("subgradient", step(body="z + (x - z @ D) @ D.T / L - lam / L * np.sign(z)"), "that a gradient does not"),
        Wrong("objective without half", step(L="np.linalg.norm(D, 2) ** 2 / 2"), "Does the objective have the ½"),
        Wrong(
            "positive not handed on",
            step(body="soft_threshold(z + (x - z @ D) @ D.T / L, lam / L)"),
            "Is positive handed on",
        ),
    ],
    "fista": [
        Wrong("steps from z", fista(step="ista_step(z, x, D, lam)"), "where ISTA would be"),
        Wrong("returns y", fista(back="y"), "Which of the two is the code"),
        Wrong("momentum backwards", fista(y="z_new + ({old} - 1) / {new} * (z - z_new)"), "points back"),
        Wrong("new t twice", fista(old="t_new"), "Which t stands above the line"),
        Wrong("whole momentum", fista(y="z_new + (z_new - z)"), "adds the whole last step"),
        Wrong("from the old z", fista(y="z + ({old} - 1) / {new} * (z_new - z)"), "starts from the old z"),
        Wrong("one step too many", fista(loop="n_iter + 1"), "How often does the loop run"),
        Wrong("no step", fista(loop="n_iter - 1"), "Is the loop run n_iter times"),
        Wrong("another sequence", fista(y="z_new + 0.5 * (t - 1) / t_new * (z_new - z)"), "renewed in this order"),
    ],
    "coordinate_pass": [
        Wrong("residual never renewed", pass_over(change="pass"), "both claim the same part"),
        Wrong("own contribution missing", pass_over(own=""), "What did it explain itself"),
        Wrong("no price", pass_over(value="{v}"), "Where is the price paid"),
        Wrong("residual grows", pass_over(change="r = r + np.outer(new - z[:, i], D[i])"), "Which way should it go"),
        Wrong("residual from zero", pass_over(residual="x.copy()"), "the z you were given"),
        Wrong(
            "whole value taken off", pass_over(change="r = r - np.outer(new, D[i])"), "By how much did the entry grow"
        ),
        Wrong("backwards", pass_over(order="reversed(range(len(D)))"), "Which order was asked for"),
        Wrong(
            "returns too early", pass_over().replace("\n    return z", "\n        return z"), "stand inside the loop"
        ),
        Wrong("never stored", pass_over().replace("        z[:, i] = new\n", ""), "Is the new value stored"),
        Wrong("changes its input", pass_over(start="z"), "changed its own input"),
    ],
    "omp": [
        Wrong("no refit", omp(refit="z[i] = D[i] @ (x - z @ D)"), "all. chosen atoms"),
        Wrong("measured once", omp(choose="np.argsort(-np.abs(D @ x))[len(S)]"), "after the first has taken its share"),
        Wrong("no absolute value", omp(choose="(D @ (x - z @ D)).argmax()"), "What does the sign matter"),
        Wrong("one too few", omp(loop="max(k - 1, 1)"), "or is one missing"),
        Wrong("sizes only", omp(back="z[S]"), "should have shape"),
        Wrong("no step", omp(loop="k - 1"), "no atom was chosen"),
        Wrong("measures instead of fitting", omp(refit="z[S] = D[S] @ x"), "What is fitted to what"),
    ],
}

RIGHT = {
    "coherence": [
        coherence(UNIT + "    return np.abs(u @ u.T - np.eye(len(D))).max()\n"),
        coherence(
            "    cos = [abs(a @ b) / np.sqrt((a @ a) * (b @ b)) for i, a in enumerate(D) for b in D[:i]]\n    return"
            " max(cos)\n"
        ),
    ],
    "soft_threshold": [
        soft("    low = 0 if positive else np.minimum(x + lam, 0)\n    return np.maximum(x - lam, 0) + low\n"),
        soft(
            "    if positive:\n        return np.where(x > lam, x - lam, 0.0)\n    return x - np.clip(x, -lam, lam)\n"
        ),
    ],
    "lam_max": [
        ceiling("    if not positive:\n        c = np.abs(c)\n    return np.maximum(c.max(axis=1), 0)\n"),
        (
            "def lam_max(x, D, positive=False):\n    return np.array([max([0.0] + [a @ s if positive else abs(a @ s)"
            " for a in D]) for s in x])\n"
        ),
    ],
    "kkt_violation": [
        kkt(unused="np.where(np.abs(c) > lam, np.abs(c) - lam, 0)", end="max(1)"),
        (
            "def kkt_violation(x, D, z, lam):\n    c = (x - z @ D) @ D.T\n    worst = np.maximum(np.abs(c) - lam, 0)\n "
            "   used = z != 0\n    worst[used] = np.abs(c[used] - lam * np.sign(z[used]))\n    return np.max(worst,"
            " axis=1)\n"
        ),
    ],
    "ista_step": [
        step(L="np.linalg.eigvalsh(D @ D.T)[-1]"),
        step(
            L="np.linalg.svd(D)[1][0] ** 2",
            body="soft_threshold(z - (z @ D - x) @ D.T / L, lam / L, positive=positive)",
        ),
    ],
    "fista": [
        fista(),
        (
            "def fista(x, D, lam, n_iter):\n    z = np.zeros((len(x), len(D)))\n    z_old, t_old, t = z, 1.0, 1.0\n   "
            " for _ in range(n_iter):\n        y = z + (t_old - 1) / t * (z - z_old)\n        z_old, z = z,"
            " ista_step(y, x, D, lam)\n        t_old, t = t, (1 + np.sqrt(1 + 4 * t ** 2)) / 2\n    return z\n"
        ),
    ],
    "coordinate_pass": [
        pass_over(start="np.array(z)"),
        (
            "def coordinate_pass(z, x, D, lam):\n    z = z.copy()\n    for i in range(len(D)):\n        z[:, i] = 0\n"
            "        z[:, i] = soft_threshold((x - z @ D) @ D[i], lam)\n    return z\n"
        ),
    ],
    "omp": [
        omp(),
        omp(refit="z[S] = np.linalg.pinv(D[S]).T @ x"),
        (
            "def omp(x, D, k):\n    S, r = [], x\n    for _ in range(k):\n        S.append(int(np.argmax(np.abs(D @"
            " r))))\n        w = np.linalg.solve(D[S] @ D[S].T, D[S] @ x)\n        r = x - w @ D[S]\n    z ="
            " np.zeros(len(D))\n    z[S] = w\n    return z\n"
        ),
    ],
}
