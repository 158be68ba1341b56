"""The notebook we run in, if any: found without importing IPython when it is not running."""

import os
import sys


def shell():
    """The running IPython shell, or None in plain Python."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None


def is_live():
    """True where a person can move a slider: in a Jupyter kernel that no program drives (SAEKIT_STATIC=1)."""
    return hasattr(shell(), "kernel") and os.environ.get("SAEKIT_STATIC") != "1"


def namespace(depth=2):
    """The notebook's names; in plain Python the globals of the caller `depth` frames up."""
    return shell().user_ns if shell() else sys._getframe(depth).f_globals
