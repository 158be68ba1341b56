"""System calls through libc, and a filter on those of confined processes: no sockets but local ones, no new user
namespaces, no kernel side doors.

The filter is a small program that the kernel runs at every system call; it needs no privilege. It backs the network
namespace up, and replaces it where none may be made. Linux on x86-64 and arm64; elsewhere OSError.
Reference: Linux, Documentation/userspace-api/seccomp_filter.rst.
"""

import ctypes
import errno
import os
import platform
import socket
import struct

# what an answer never needs: name -> number on (x86-64, arm64)
REFUSED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "open_by_handle_at": (304, 265), "init_module": (175, 105),
    "finit_module": (313, 273), "kexec_load": (246, 104),
}  # fmt: skip
SOCKET, CLONE, CLONE3 = (41, 198), (56, 220), (435, 435)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, audit architecture
LOAD, EQUAL, ANY_BIT, AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little endian
ALLOW, REFUSE, ABSENT, KILL = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS, 0x80000000
NEWUSER, OTHER_ABI = 0x10000000, 0x40000000


class Libc:
    """The C library's calls with their failures as OSError."""

    def __init__(self):
        self.library = ctypes.CDLL(None, use_errno=True)

    def __call__(self, name, *args):
        """Call a function by name; bytes and ints pass as they are."""
        function = getattr(self.library, name, None)
        if function is None:
            raise OSError(f"this system has no {name}")
        if function(*(ctypes.c_ulong(a) if isinstance(a, int) else a for a in args)) == -1:
            error = ctypes.get_errno()
            raise OSError(error, f"{name}: {os.strerror(error)}")

    def mount(self, source, target, kind=None, flags=0, data=None):
        """mount(2)."""
        encoded = [None if a is None else os.fsencode(a) for a in (source, target, kind, data)]
        self("mount", *encoded[:3], flags, encoded[3])


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def instructions(machine):
    """The filter as bytes for "x86_64" or "aarch64"; OSError for another machine."""
    if machine not in MACHINES:
        raise OSError(f"no system call filter for {machine}")
    column, architecture = MACHINES[machine]
    steps = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, NUMBER)]
    steps += [(AT_LEAST, 0, 1, OTHER_ABI), (RETURN, 0, 0, KILL)]
    for numbers in REFUSED.values():
        steps += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE)]
    steps += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ABSENT)]  # flags out of reach; libc takes clone then
    steps += [(EQUAL, 0, 4, SOCKET[column]), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, socket.AF_UNIX)]
    steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    steps += [(EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEWUSER)]
    steps += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("<HBBI", *step) for step in steps)


def install(libc):
    """Put the filter on this process and all it starts, for good; needs PR_SET_NO_NEW_PRIVS before."""
    code = instructions(platform.machine())
    program = Program(len(code) // 8, code)
    libc("prctl", 22, 2, ctypes.byref(program), 0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def holds(libc):
    """True when a process under the filter is refused a network socket: tried in a forked one."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            libc("prctl", 38, 1, 0, 0, 0)
            install(libc)
            socket.socket(socket.AF_UNIX).close()
            socket.socket(socket.AF_INET).close()
        except PermissionError:
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0
