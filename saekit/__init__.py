"""saekit: from LASSO and dictionary learning to sparse autoencoders on a transformer's MLP activations.

Modules are named after their subject (`saekit.lasso`, `saekit.sae`, …) and are imported one by one, so that
`import saekit` stays light: it loads neither torch, nor matplotlib, nor transformers.
"""

__version__ = "0.1.0"
