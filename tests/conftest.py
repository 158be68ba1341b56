"""Every test runs at profile smoke, without GPU or network, and leaves nothing behind.

The environment is set before any test module is imported, because PyTorch and Matplotlib read theirs on import;
processes that tests start inherit it.
"""

import atexit
import os
import shutil
import tempfile

SCRATCH = tempfile.mkdtemp(prefix="saekit-tests-")
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

os.environ.update(
    {
        "SAEKIT_PROFILE": "smoke",
        "SAEKIT_STATIC": "1",
        "SAEKIT_PROGRESS": os.path.join(SCRATCH, "progress.json"),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "MPLBACKEND": "Agg",
        "IPYTHONDIR": os.path.join(SCRATCH, "ipython"),
        "JUPYTER_RUNTIME_DIR": os.path.join(SCRATCH, "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
)
