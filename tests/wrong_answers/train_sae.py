"""Wrong and right answers of lesson 6, train an SAE."""

from tests.wrong_answers import Wrong

WRONG = {
    "pre_acts": [
        Wrong("bias forgotten", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return (x - b_dec) @ W_enc\n", "Where does b_enc come in"),
        Wrong("b_dec added", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return (x + b_dec) @ W_enc + b_enc\n", "Is b_dec added to x"),
        Wrong("b_dec forgotten", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return x @ W_enc + b_enc\n", "Where does b_dec come in"),
        Wrong("encoder turned", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return (x - b_dec) @ W_enc.T + b_enc\n", "Which shapes stand"),
        Wrong("answer turned", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return W_enc.T @ (x - b_dec).T + b_enc[:, None]\n",
              "Is something transposed"),
        Wrong("ReLU already", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return np.maximum((x - b_dec) @ W_enc + b_enc, 0)\n",
              "before or after the ReLU"),
        Wrong("both biases taken off", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return (x - b_dec) @ W_enc - b_enc\n",
              "Is b_enc added or taken off"),
        Wrong("difference turned round", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return (b_dec - x) @ W_enc + b_enc\n",
              "What is taken off what"),
        Wrong("b_dec taken off twice", "def pre_acts(x, W_enc, b_enc, b_dec):\n    return (x - 2 * b_dec) @ W_enc + b_enc\n",
              "What becomes of x - b_dec"),
        Wrong("centred by the batch", "def pre_acts(x, W_enc, b_enc, b_dec):\n"
              "    x = x - b_dec\n    return (x - x.mean(axis=0) / 2) @ W_enc + b_enc\n",
              "averaged over the batch"),
    ],
    "relu_l1_loss": [
        Wrong("mean over all entries", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).mean() + l1_coeff * latents.sum(axis=1).mean()\n", "Sum or mean over the dimensions"),
        Wrong("no l1_coeff", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() + latents.sum(axis=1).mean()\n", "Where does l1_coeff come in"),
        Wrong("sums over the samples", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum() + l1_coeff * latents.sum()\n", "Is the error averaged over the samples"),
        Wrong("price summed over the samples", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() + l1_coeff * latents.sum()\n", "Is the price averaged over the samples"),
        Wrong("price averaged over the latents", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() + l1_coeff * latents.mean()\n", "Sum or mean over the latents"),
        Wrong("lesson 1's half", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return 0.5 * ((x - x_hat) ** 2).sum(axis=1).mean() + l1_coeff * latents.sum(axis=1).mean()\n", "lesson 1's ½"),
        Wrong("error not squared", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return np.linalg.norm(x - x_hat, axis=1).mean() + l1_coeff * latents.sum(axis=1).mean()\n", "Is the error squared"),
        Wrong("coefficient on both", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return l1_coeff * (((x - x_hat) ** 2).sum(axis=1) + latents.sum(axis=1)).mean()\n", "Which term does it multiply"),
        Wrong("counts the active", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() + l1_coeff * (latents > 0).sum(axis=1).mean()\n", "price how many are active"),
        Wrong("L2 penalty", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() + l1_coeff * (latents ** 2).sum(axis=1).mean()\n", "Should the price square them"),
        Wrong("length of all latents", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() + l1_coeff * np.linalg.norm(latents)\n", "Which norm is the L1 norm"),
        Wrong("price taken off", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1).mean() - l1_coeff * latents.sum(axis=1).mean()\n", "With which sign"),
        Wrong("product", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return l1_coeff * ((x - x_hat) ** 2).sum(axis=1).mean() * latents.sum(axis=1).mean()\n", "Is the price added to the error"),
        Wrong("one number per sample", "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
              "    return ((x - x_hat) ** 2).sum(axis=1) + l1_coeff * latents.sum(axis=1)\n", "should be one number"),
    ],
    "project_gradient": [
        Wrong("one dot product for all rows", "def project_gradient(grad, W_dec):\n    return grad - (grad * W_dec).sum() * W_dec\n",
              "one dot product for each row"),
        Wrong("wrong axis", "def project_gradient(grad, W_dec):\n    return grad - (grad * W_dec).sum(axis=0) * W_dec\n",
              "Along which axis do you sum"),
        Wrong("returns the parallel part", "def project_gradient(grad, W_dec):\n    return (grad * W_dec).sum(axis=1, keepdims=True) * W_dec\n",
              "the part along the atom, or the rest"),
        Wrong("direction forgotten", "def project_gradient(grad, W_dec):\n    return grad - (grad * W_dec).sum(axis=1, keepdims=True)\n",
              "Into which direction"),
        Wrong("no keepdims", "def project_gradient(grad, W_dec):\n    return grad - (grad * W_dec).sum(axis=1) * W_dec\n", "Which shapes stand"),
        Wrong("added", "def project_gradient(grad, W_dec):\n    return grad + (grad * W_dec).sum(axis=1, keepdims=True) * W_dec\n",
              "added where it should be taken off"),
        Wrong("arguments exchanged", "def project_gradient(grad, W_dec):\n    return W_dec - (grad * W_dec).sum(axis=1, keepdims=True) * grad\n",
              "change places"),
        Wrong("size of the shadow only", "def project_gradient(grad, W_dec):\n"
              "    return grad - np.abs((grad * W_dec).sum(axis=1, keepdims=True)) * W_dec\n",
              "Did the sign of a dot product get lost"),
        Wrong("divided by the gradient's length", "def project_gradient(grad, W_dec):\n    along = (grad * W_dec).sum(axis=1, keepdims=True)\n"
              "    return grad - along / np.linalg.norm(grad, axis=1, keepdims=True) * W_dec\n", "How long is a row's shadow"),
        Wrong("length restored", "def project_gradient(grad, W_dec):\n    rest = grad - (grad * W_dec).sum(axis=1, keepdims=True) * W_dec\n"
              "    lengths = np.linalg.norm(rest, axis=1, keepdims=True)\n"
              "    return rest / np.maximum(lengths, 1e-12) * np.linalg.norm(grad, axis=1, keepdims=True)\n",
              "scaled or turned besides"),
        Wrong("changes grad itself", "def project_gradient(grad, W_dec):\n"
              "    grad -= (grad * W_dec).sum(axis=1, keepdims=True) * W_dec\n    return grad\n",
              "changed its own input"),
    ],
    "topk": [
        Wrong("over the whole batch", "def topk(pre, k):\n"
              "    threshold = np.sort(pre.ravel())[-k * len(pre)]\n    return np.maximum(np.where(pre >= threshold, pre, 0), 0)\n",
              "Does each row have its own k"),
        Wrong("by absolute value", "def topk(pre, k):\n    threshold = np.sort(np.abs(pre), axis=1)[:, [-k]]\n"
              "    return np.maximum(np.where(np.abs(pre) >= threshold, pre, 0), 0)\n", "Is -9 large"),
        Wrong("no ReLU", "def topk(pre, k):\n    return np.where(pre >= np.sort(pre, axis=1)[:, [-k]], pre, 0)\n",
              "Is a step missing at the end"),
        Wrong("wrong axis", "def topk(pre, k):\n    return np.maximum(np.where(pre >= np.sort(pre, axis=0)[[-k]], pre, 0), 0)\n",
              "Which axis is one token's latents"),
        Wrong("values only", "def topk(pre, k):\n    return np.maximum(np.sort(pre, axis=1)[:, -k:], 0)\n",
              r"should have shape \(4, 7\), but it has shape \(4, 3\)"),
        Wrong("one too few", "def topk(pre, k):\n    return np.maximum(np.where(pre > np.sort(pre, axis=1)[:, [-k]], pre, 0), 0)\n",
              "pass your comparison itself"),
        Wrong("one too many", "def topk(pre, k):\n    return np.maximum(np.where(pre >= np.sort(pre, axis=1)[:, [-k - 1]], pre, 0), 0)\n",
              "counted from the end"),
        Wrong("the k smallest", "def topk(pre, k):\n    return np.maximum(np.where(pre <= np.sort(pre, axis=1)[:, [k - 1]], pre, 0), 0)\n",
              "take from the wrong end"),
        Wrong("a mask", "def topk(pre, k):\n    return pre >= np.sort(pre, axis=1)[:, [-k]]\n", "the comparison instead of the values"),
        Wrong("ones", "def topk(pre, k):\n    return (pre >= np.sort(pre, axis=1)[:, [-k]]).astype(float)\n", "Should it keep its value"),
        Wrong("only the ReLU", "def topk(pre, k):\n    return np.maximum(pre, 0)\n", "you kept all 7"),
        Wrong("sorted", "def topk(pre, k):\n    out = -np.sort(-pre, axis=1)\n    out[:, k:] = 0\n    return np.maximum(out, 0)\n",
              "Is the answer sorted"),
        Wrong("changes pre itself", "def topk(pre, k):\n    pre[pre < np.sort(pre, axis=1)[:, [-k]]] = 0\n    return np.maximum(pre, 0)\n",
              "changed its own input"),
    ],
    "jumprelu": [
        Wrong("ReLU", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.maximum(pre_acts, 0), np.where(near, -threshold / bandwidth, 0)\n',
              "if only they are positive"),
        Wrong("soft threshold", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.maximum(pre_acts - threshold, 0), np.where(near, -threshold / bandwidth, 0)\n',
              "lost its threshold in size"),
        Wrong("the whole bandwidth on each side", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth\n'
              '    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -threshold / bandwidth, 0)\n',
              "How much of the window"),
        Wrong("derivative of the count", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -1 / bandwidth, 0)\n',
              "how fast the \\*count\\* falls"),
        Wrong("sign", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, threshold / bandwidth, 0)\n',
              "your derivative is positive"),
        Wrong("bandwidth forgotten", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -threshold, 0)\n',
              "how wide the window is"),
        Wrong("pre_acts in place of the threshold", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -pre_acts / bandwidth, 0)\n',
              "their own size"),
        Wrong("one threshold for all", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    first = threshold[0]\n'
              '    near = np.abs(pre_acts - first) < bandwidth / 2\n'
              '    return np.where(pre_acts > first, pre_acts, 0), np.where(near, -first / bandwidth, 0)\n',
              "share one threshold"),
        Wrong("upper half of the window", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = (pre_acts > threshold) & (pre_acts < threshold + bandwidth / 2)\n'
              '    return np.where(pre_acts > threshold, pre_acts, 0), np.where(near, -threshold / bandwidth, 0)\n',
              "on one side only"),
        Wrong("exact derivative", 'def jumprelu(pre_acts, threshold, bandwidth):\n    return np.where(pre_acts > threshold, pre_acts, 0), np.zeros(pre_acts.shape)\n',
              "so none could learn"),
        Wrong("by absolute value", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(np.abs(pre_acts) > threshold, pre_acts, 0), np.where(near, -threshold / bandwidth, 0)\n',
              "without the sign"),
        Wrong("a mask", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return (pre_acts > threshold) * 1.0, np.where(near, -threshold / bandwidth, 0)\n',
              "comes out as 1"),
        Wrong("turned round", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(pre_acts > threshold, 0, pre_acts), np.where(near, -threshold / bandwidth, 0)\n',
              "Which way does the comparison point"),
        Wrong("parts exchanged", 'def jumprelu(pre_acts, threshold, bandwidth):\n'
              '    near = np.abs(pre_acts - threshold) < bandwidth / 2\n'
              '    return np.where(near, -threshold / bandwidth, 0), np.where(pre_acts > threshold, pre_acts, 0)\n',
              "Which of the two comes first"),
        Wrong("latents only", 'def jumprelu(pre_acts, threshold, bandwidth):\n    return np.where(pre_acts > threshold, pre_acts, 0)\n',
              "should be 2 things"),
    ],
    "turnover": [
        Wrong("lengths left in", 'def turnover(W_old, W_new):\n    return 1 - (W_new @ W_old.T).max(axis=1).mean()\n',
              "brought to length 1"),
        Wrong("row by row", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    rows = min(len(old), len(new))\n'
              '    return 1 - (old[:rows] * new[:rows]).sum(axis=1).mean()\n',
              "Do you compare row i with row i"),
        Wrong("what stayed", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return (new @ old.T).max(axis=1).mean()\n',
              "what stayed, or what turned over"),
        Wrong("over the old rows", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - (new @ old.T).max(axis=0).mean()\n',
              "rows of which matrix"),
        Wrong("sign lost", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - np.abs(new @ old.T).max(axis=1).mean()\n',
              "point the opposite way"),
        Wrong("no maximum", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - (new @ old.T).mean()\n',
              "Which entries of the table"),
        Wrong("worst row", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - (new @ old.T).max(axis=1).min()\n',
              "the worst row alone"),
        Wrong("median", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - np.median((new @ old.T).max(axis=1))\n',
              "lets one of them vanish"),
        Wrong("squared", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - ((new @ old.T) ** 2 * ((new @ old.T) > 0)).max(axis=1).mean()\n',
              "Why squared"),
        Wrong("one number per row", 'def turnover(W_old, W_new):\n'
              '    old = W_old / np.linalg.norm(W_old, axis=1, keepdims=True)\n'
              '    new = W_new / np.linalg.norm(W_new, axis=1, keepdims=True)\n'
              '    return 1 - (new @ old.T).max(axis=1)\n',
              "should be one number"),
    ],
    "explained_variance": [
        Wrong("about zero", "def explained_variance(x, x_hat):\n    return 1 - ((x - x_hat) ** 2).sum() / (x ** 2).sum()\n",
              "taken off below the line"),
        Wrong("one mean for all columns", "def explained_variance(x, x_hat):\n"
              "    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean()) ** 2).sum()\n", "one mean for each column"),
        Wrong("mean of the columns' scores", "def explained_variance(x, x_hat):\n"
              "    return (1 - ((x - x_hat) ** 2).sum(axis=0) / ((x - x.mean(axis=0)) ** 2).sum(axis=0)).mean()\n", "Do all columns count alike"),
        Wrong("mean of the samples' scores", "def explained_variance(x, x_hat):\n"
              "    return (1 - ((x - x_hat) ** 2).sum(axis=1) / ((x - x.mean(axis=0)) ** 2).sum(axis=1)).mean()\n", "one division for each sample"),
        Wrong("the unexplained share", "def explained_variance(x, x_hat):\n"
              "    return ((x - x_hat) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()\n", "the share that is not"),
        Wrong("variance of the error", "def explained_variance(x, x_hat):\n    return 1 - (x - x_hat).var(axis=0).sum() / x.var(axis=0).sum()\n",
              "take the mean off the error"),
        Wrong("variance of the answer", "def explained_variance(x, x_hat):\n"
              "    return ((x_hat - x.mean(axis=0)) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()\n",
              "compared with x entry by entry"),
        Wrong("lengths instead of squares", "def explained_variance(x, x_hat):\n"
              "    return 1 - np.linalg.norm(x - x_hat) / np.linalg.norm(x - x.mean(axis=0))\n", "Are the errors squared"),
        Wrong("cut off at 0", "def explained_variance(x, x_hat):\n"
              "    return max(0.0, 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum())\n", "Is something cut off"),
        Wrong("one score per column", "def explained_variance(x, x_hat):\n"
              "    return 1 - ((x - x_hat) ** 2).sum(axis=0) / ((x - x.mean(axis=0)) ** 2).sum(axis=0)\n", "should be one number"),
        Wrong("upside down", "def explained_variance(x, x_hat):\n    return 1 - ((x - x.mean(axis=0)) ** 2).sum() / ((x - x_hat) ** 2).sum()\n",
              "stands below the line"),
        Wrong("sum over a mean", "def explained_variance(x, x_hat):\n"
              "    return 1 - ((x - x_hat) ** 2).mean() / ((x - x.mean(axis=0)) ** 2).sum()\n", "taken over the same entries"),
    ],
    "tokens_since_fired": [
        Wrong("wrong axis", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).any(axis=1), 0, silent + len(latents))\n", "Which shapes stand"),
        Wrong("counts batches", "def tokens_since_fired(silent, latents):\n    return np.where((latents > 0).any(axis=0), 0, silent + 1)\n",
              "tokens that you count, or batches"),
        Wrong("zero fires", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents >= 0).any(axis=0), 0, silent + len(latents))\n", "What does it take to fire"),
        Wrong("all instead of any", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).all(axis=0), 0, silent + len(latents))\n", "Is once enough"),
        Wrong("last token only", "def tokens_since_fired(silent, latents):\n    return np.where(latents[-1] > 0, 0, silent + len(latents))\n",
              "look at the last token only"),
        Wrong("length of the wrong axis", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).any(axis=0), 0, silent + latents.shape[1])\n", "the number of latents"),
        Wrong("old count forgotten", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).any(axis=0), 0, len(latents))\n", "What about the tokens before"),
        Wrong("fired keep their count", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).any(axis=0), silent, silent + len(latents))\n", "Where does it start again"),
        Wrong("zero set too early", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).any(axis=0), 0, silent) + len(latents)\n", "after the zero was set"),
        Wrong("counts within the batch", "def tokens_since_fired(silent, latents):\n    silent = silent.copy()\n    for row in latents:\n"
              "        silent = np.where(row > 0, 0, silent + 1)\n    return silent\n", "Does the place in the batch matter"),
        Wrong("the other way round", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0).any(axis=0), silent + len(latents), 0)\n", "Did the two cases change places"),
        Wrong("any of all", "def tokens_since_fired(silent, latents):\n    return np.where((latents > 0).any(), 0, silent + len(latents))\n",
              "Over which axis does `any` look"),
        Wrong("a threshold", "def tokens_since_fired(silent, latents):\n"
              "    return np.where((latents > 0.01).any(axis=0), 0, silent + len(latents))\n", "Is there a threshold"),
        Wrong("changes silent itself", "def tokens_since_fired(silent, latents):\n"
              "    silent += len(latents)\n    silent[(latents > 0).any(axis=0)] = 0\n    return silent\n",
              "changed its own input"),
    ],
}

RIGHT = {
    "pre_acts": [
        "def pre_acts(x, W_enc, b_enc, b_dec):\n    return x @ W_enc + (b_enc - b_dec @ W_enc)\n",
        "def pre_acts(x, W_enc, b_enc, b_dec):\n    return np.array([[(row - b_dec) @ column for column in W_enc.T] + b_enc for row in x])\n",
        "def pre_acts(x, W_enc, b_enc, b_dec):\n    return np.einsum('ij,jk->ik', x - b_dec[None, :], W_enc) + b_enc[None, :]\n",
    ],
    "relu_l1_loss": [
        "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n    return (((x - x_hat) ** 2).sum() + l1_coeff * latents.sum()) / len(x)\n",
        "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
        "    losses = [(a - b) @ (a - b) + l1_coeff * np.abs(z).sum() for a, b, z in zip(x, x_hat, latents)]\n"
        "    return sum(losses) / len(losses)\n",
        "def relu_l1_loss(x, x_hat, latents, l1_coeff):\n"
        "    return np.mean(np.linalg.norm(x - x_hat, axis=1) ** 2) + l1_coeff * np.mean(np.linalg.norm(latents, ord=1, axis=1))\n",
    ],
    "project_gradient": [
        "def project_gradient(grad, W_dec):\n    return np.array([g - (g @ w) * w for g, w in zip(grad, W_dec)])\n",
        "def project_gradient(grad, W_dec):\n    return grad - np.diag(grad @ W_dec.T)[:, None] * W_dec\n",
        "def project_gradient(grad, W_dec):\n"
        "    return grad - W_dec * np.einsum('ij,ij->i', grad, W_dec)[:, None] / (W_dec ** 2).sum(axis=1, keepdims=True)\n",
    ],
    "topk": [
        "def topk(pre, k):\n    out = np.zeros_like(pre)\n    places = np.argpartition(pre, -k, axis=1)[:, -k:]\n"
        "    np.put_along_axis(out, places, np.take_along_axis(pre, places, axis=1), axis=1)\n    return out.clip(min=0)\n",
        "def topk(pre, k):\n"
        "    positive = np.maximum(pre, 0)\n    return np.where(positive >= np.sort(positive, axis=1)[:, [-k]], positive, 0)\n",
        "def topk(pre, k):\n    ranks = np.argsort(np.argsort(-pre, axis=1), axis=1)\n    return pre * (ranks < k) * (pre > 0)\n",
    ],
    "jumprelu": [
        "def jumprelu(pre_acts, threshold, bandwidth):\n    slope = -threshold / bandwidth * (np.abs(pre_acts - threshold) < bandwidth / 2)\n"
        "    return pre_acts * (pre_acts > threshold), slope\n",
        "def jumprelu(pre_acts, threshold, bandwidth):\n    latents, slope = np.zeros_like(pre_acts), np.zeros_like(pre_acts)\n"
        "    for i, row in enumerate(pre_acts):\n        for j, value in enumerate(row):\n"
        "            latents[i, j] = value if value > threshold[j] else 0.0\n"
        "            inside = threshold[j] - bandwidth / 2 < value < threshold[j] + bandwidth / 2\n"
        "            slope[i, j] = -threshold[j] / bandwidth if inside else 0.0\n    return latents, slope\n",
    ],
    "turnover": [
        "def turnover(W_old, W_new):\n    best = [max(a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in W_old) for a in W_new]\n"
        "    return 1 - sum(best) / len(best)\n",
        "def turnover(W_old, W_new):\n    lengths = np.outer(np.linalg.norm(W_new, axis=1), np.linalg.norm(W_old, axis=1))\n"
        "    return (1 - W_new @ W_old.T / lengths).min(axis=1).mean()\n",
    ],
    "explained_variance": [
        "def explained_variance(x, x_hat):\n    return 1 - ((x - x_hat) ** 2).mean() / x.var(axis=0).mean()\n",
        "def explained_variance(x, x_hat):\n    return 1 - (np.linalg.norm(x - x_hat) / np.linalg.norm(x - x.mean(axis=0))) ** 2\n",
        "def explained_variance(x, x_hat):\n    mean = x.mean(axis=0)\n    error = sum((a - b) @ (a - b) for a, b in zip(x, x_hat))\n"
        "    return 1 - error / sum((a - mean) @ (a - mean) for a in x)\n",
    ],
    "tokens_since_fired": [
        "def tokens_since_fired(silent, latents):\n    return (silent + len(latents)) * (latents == 0).all(axis=0)\n",
        "def tokens_since_fired(silent, latents):\n"
        "    counts = silent + latents.shape[0]\n    counts[latents.max(axis=0) > 0] = 0\n    return counts\n",
        "def tokens_since_fired(silent, latents):\n"
        "    return np.array([0 if any(column > 0) else old + len(column) for old, column in zip(silent, latents.T)])\n",
    ],
}
