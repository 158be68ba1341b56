"""saekit: from LASSO and dictionary learning to sparse autoencoders on a transformer's MLP activations.

Modules are named after their subject (`saekit.lasso`, `saekit.sae`, …) and are imported one by one, so that
`import saekit` stays light: it loads neither torch, nor matplotlib, nor transformers.
"""

import os

__version__ = "0.1.0"

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # huge pages for large arrays, if set before PyTorch makes its first
