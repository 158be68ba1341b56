"""Freed memory stays with the process."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from saekit import memory
if sys.argv[1] == "keep":
    memory.keep_freed()
faults = []
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(2**23)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no mallopt")
def test_freed_memory_is_used_again_without_new_pages():
    def faults(word):
        return int(subprocess.run([sys.executable, "-c", PROGRAM, word], capture_output=True, text=True, check=True).stdout)

    assert faults("keep") <= 2 < faults("plain")    # else the 64 MiB come back as new pages, large or small
