"""`saekit doctor`: what this machine has, what will run, what will not and why. It loads no PyTorch, changes nothing.

Paths are shown from the home folder or the course folder, so that a pasted report tells nobody where you live.
"""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from saekit.course import answers

ROOT = Path(__file__).resolve().parent.parent
GB = 1e9
TRAINING_GB = 3.0  # memory that `saekit train` stays under with 4,096 latents
MODELS = ("python-1l", "python-4l", "python-1l-gelu")
MATRIX_FLAGS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16", "avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}


class Finding(NamedTuple):
    """One line of the report: what was looked at, what is there, and what that means for the course."""

    topic: str
    finding: str
    verdict: str


def report():
    """Everything the course depends on, as a list of findings."""
    looks = (python, packages, processor, arithmetic, memory, disk, gpu, profile, models, cache, jupyter, browser)
    return [Finding(look.__name__, *look()) for look in looks]


def main():
    """Print the report as a table; returns 0, because a machine without a GPU is not an error."""
    findings = report()
    arrow = "→" if "utf" in (sys.stdout.encoding or "").lower() else "->"    # a Windows file may not hold it
    for topic, finding, verdict in findings:
        print(f"{topic:<11} {finding}\n{'':<11} {arrow} {verdict}")
    return 0


def python():
    """The interpreter and its system."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return found, "fine" if sys.version_info >= (3, 11) else "too old: saekit needs 3.11 or newer"


def packages():
    """Installed versions against the ranges that saekit declares."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(line) for line in importlib.metadata.requires("saekit") or () if "extra ==" not in line]
    except importlib.metadata.PackageNotFoundError:
        return "saekit itself is not installed", "run `python course.py setup`"
    wrong = [text for text in map(out_of_range, wanted) if text]
    return f"{len(wanted) - len(wrong)} of {len(wanted)} as pyproject.toml asks", "; ".join(wrong) or "fine"


def out_of_range(requirement):
    """What is wrong with one requirement, or ""."""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    return (
        ""
        if requirement.specifier.contains(version, prereleases=True)
        else f"{requirement} is wanted, {version} is here"
    )


def processor():
    """Cores that this process may use, which a container can make fewer than the machine has."""
    cores, name = (
        usable_cores(),
        (
            re.search(r"model name\s*: (.+)", read("/proc/cpuinfo"))
            or [None, platform.processor() or platform.machine()]
        )[1],
    )
    return (
        f"{cores} of {os.cpu_count()} cores usable, {name}",
        "fine" if cores >= 2 else "lessons take about twice their stated time",
    )


def usable_cores():
    """Cores by affinity and by the container's quota (cgroup v2 or v1), at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, period = (read("/sys/fs/cgroup/cpu.max").split() + ["", ""])[:2]
    if not quota:
        quota, period = (read(f"/sys/fs/cgroup/cpu/cpu.cfs_{what}_us").strip() for what in ("quota", "period"))
    return max(1, min(cores, int(quota) // int(period))) if quota.isdigit() and period.isdigit() else cores


def arithmetic():
    """The library behind NumPy's matrix products and the widest instructions for them."""
    import numpy as np

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    flags = set(
        re.findall(
            r"\w+", "\n".join(re.findall(r"^(?:flags|Features)\s*:.*$", read("/proc/cpuinfo"), re.MULTILINE)[:1])
        )
    )
    known = [label for flag, label in MATRIX_FLAGS.items() if flag in flags]
    fast = flags & {"amx_bf16", "avx512_bf16"}
    return (
        f"{blas['name']} {blas['version']}, {', '.join(known) or 'instructions not listed by this system'}",
        "bfloat16 instructions, used where a trial shows that they pay" if fast else "float32; bfloat16 would bring nothing here",
    )


def memory():
    """Memory that is free now, within the container's limit."""
    import psutil

    now = psutil.virtual_memory()
    limit = read("/sys/fs/cgroup/memory.max").strip()
    total = min(now.total, int(limit)) if limit.isdigit() else now.total
    used = int(read("/sys/fs/cgroup/memory.current").strip() or 0) if limit.isdigit() else 0
    cache = re.search(r"^inactive_file (\d+)", read("/sys/fs/cgroup/memory.stat"), re.MULTILINE) if used else None
    free = min(now.available, total - used + (int(cache[1]) if cache else 0))  # a cache of files gives way
    enough = free >= TRAINING_GB * GB
    return (
        f"{free / GB:.1f} of {total / GB:.1f} GB free",
        "fine"
        if enough
        else f"training an SAE of 4,096 latents takes up to {TRAINING_GB:g} GB: close other programs first",
    )


def disk():
    """Room in the course folder."""
    free = shutil.disk_usage(ROOT).free / GB
    return (
        f"{free:.1f} GB free in the course folder",
        "fine" if free >= 1 else "checkpoints and pages need up to 1 GB: make room",
    )


def gpu():
    """NVIDIA GPUs that the driver lists, and whether the installed PyTorch can use them."""
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
        )
        names = listed.stdout.strip().splitlines() if listed.returncode == 0 else []
    except (OSError, subprocess.TimeoutExpired):
        names = []
    if not names:
        return "none that NVIDIA's driver lists", "not needed: every lesson runs on two cores"
    if answers.has_cuda():
        return "; ".join(names), "used by profile gpu"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "; ".join(
        names
    ), "hidden by CUDA_VISIBLE_DEVICES" if hidden else "not used: the installed PyTorch is built for CPUs only"


def profile():
    """How much the lessons will compute."""
    chosen = "SAEKIT_PROFILE" if os.environ.get("SAEKIT_PROFILE") else "this machine"
    meaning = {
        "smoke": "for editing: every lesson under 30 s, claims are not checked",
        "laptop": "no lesson over 3 minutes on two cores",
        "gpu": "larger models and dictionaries in the later lessons",
    }
    try:
        return f"{answers.profile()}, chosen by {chosen}", meaning[answers.profile()]
    except ValueError as error:
        return "none", str(error)


def models():
    """The transformers and SAEs that lessons 5 to 10 load."""
    data = Path(os.environ.get("SAEKIT_DATA") or ROOT / "data")
    there = [name for name in MODELS if (data / name).is_dir()]
    if "python-1l" not in there:
        return (
            "no transformer in data/",
            "lessons 0 to 4 run; 5 to 10 need a full copy of the repository, or SAEKIT_DATA",
        )
    saes = len(list(data.glob("saes/*/sae.safetensors")))
    size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file()) / 1e6
    missing = [name for name in MODELS if name not in there] + ["SAEs"] * (saes == 0)
    return f"{', '.join(there)}, {saes} SAE{'s' * (saes != 1)} ({size:.0f} MB)", (
        f"lessons that use {', '.join(missing)} do not run"
        if missing
        else "all lessons run; `saekit models --verify` measures them here"
    )


def cache():
    """Where tokenised text is kept between runs."""
    from saekit.corpus import cache_folder

    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    shown = (
        f"~/{folder.relative_to(Path.home())}"
        if folder.is_relative_to(Path.home())
        else "the folder SAEKIT_CACHE names"
    )
    if os.access(there, os.W_OK):
        return shown, "writable: text is tokenised once"
    return shown, "not writable: text is tokenised again in every run; set SAEKIT_CACHE to a folder of yours"


def jupyter():
    """JupyterLab in this environment."""
    if importlib.util.find_spec("jupyterlab") is None:
        return "no JupyterLab", "lessons open in whatever Jupyter you have; `python course.py lab` does not"
    return f"JupyterLab {importlib.metadata.version('jupyterlab')}", "`python course.py lab` opens lesson 0"


def browser():
    """What the test in a real browser needs; students need any browser of their own."""
    found = find_chromium()
    if found is None or importlib.util.find_spec("playwright") is None:
        lacking = "chromium" if found is None else "playwright (pip install -e .[browser])"
        return f"no {lacking}", "the browser test of `test --all` is skipped; nothing else needs it"
    return f"{Path(found).name} and playwright", "the browser test of `test --all` runs"


def find_chromium():
    """Path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def read(path):
    """A small system file's text, or "" where there is none."""
    try:
        return Path(path).read_text("utf-8", errors="replace")
    except OSError:
        return ""
