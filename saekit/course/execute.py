"""Notebooks executed without a browser: in a fresh kernel of this Python, with nothing written beside them.

The kernel's environment is fixed here for every use: no live widgets, no progress bars, no network, a temporary
progress file.
"""

import os
import re
from pathlib import Path

CELL_TIMEOUT = 180  # seconds: the longest a cell of the course may take at profile laptop


def environment(scratch, profile=None, cuda=False):
    """The environment variables for executing notebooks; `scratch` is a folder for whatever a kernel writes by itself.

    profile: smoke, laptop or gpu; None leaves the caller's choice. cuda=False hides every GPU, so that results are
    those of a laptop.
    """
    scratch = Path(scratch)
    env = {
        **os.environ,
        "SAEKIT_STATIC": "1",
        "SAEKIT_PROGRESS": str(scratch / "progress.json"),
        "TQDM_DISABLE": "1",
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(scratch / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    env.pop("MPLBACKEND", None)  # the kernel must choose its own inline backend, or no figure is stored
    if profile:
        env["SAEKIT_PROFILE"] = profile
    if not cuda:
        env["CUDA_VISIBLE_DEVICES"] = ""
    return env


def execute(notebook, folder, env, timeout=CELL_TIMEOUT):
    """A copy of the notebook executed in `folder`; raises nbclient's CellExecutionError or DeadKernelError.

    timeout: seconds per cell. The copy carries no times, no widget state and no machine's Python version.
    """
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    copy = nbformat.from_dict(notebook)
    language = dict(copy.metadata.get("language_info", {}))
    client = NotebookClient(
        copy,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        config=Config(encryption()),
    )
    client.execute(env=env)
    copy.metadata["language_info"] = language
    for cell in copy.cells:
        cell.metadata.pop("execution", None)
        if cell.get("outputs"):
            cell.outputs = joined(cell.outputs)
    return copy


def joined(outputs):
    """The outputs of a cell with what it printed in one piece, however many it came in, and settled."""
    whole = []
    for output in outputs:
        if whole and output.output_type == whole[-1].output_type == "stream" and output.name == whole[-1].name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    for output in whole:
        if output.output_type == "stream":
            output.text = settle(output.text)
    return whole


def encryption():
    """Jupyter's setting to encrypt the line to a kernel, where ZeroMQ can; without it every kernel prints a warning."""
    import zmq

    return {"KernelManager": {"transport_encryption": "auto"}} if zmq.has("curve") else {}


def settle(text):
    """What a terminal would show: of a line that was rewritten with carriage returns, only its last state."""
    return re.sub(r"[^\n]*\r(?!\n)", "", text)
