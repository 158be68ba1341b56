"""Memory that a process frees and soon takes again stays with it."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4    # numbers of the settings in glibc's malloc.h


def keep_freed():
    """Tell glibc's malloc to keep large blocks that are freed, from now on and in this whole process.

    A training step frees and takes its large arrays anew. By default each goes back to the system, which must clear
    every page before it gives it out again. The process stays as large as it has been at its largest. Does nothing
    where the C library is another one (macOS, Windows, musl). Reference: mallopt(3).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_MAX, 0)
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
