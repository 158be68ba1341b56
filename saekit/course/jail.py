"""What a sandboxed process is shut in with, asked of the kernel through libc; what it refuses is told, not assumed.

`enclose` is called once by the server that all answers are forked from: namespaces of its own for network, mounts, IPC
and host name, and a root folder that holds Python, this package and the system's libraries read-only, and nothing else.
`confine` is called in each forked process: its own PID namespace, an empty home, resource limits, another user where we
are root, no privileges. Works as root and, where the kernel lets a user make user namespaces, without.

A filter on system calls (`syscalls`) refuses network sockets and what opens the kernel's side doors.

Not covered: this is isolation, not a security boundary. A fault of the kernel or of the processor opens it, most system
calls stay callable, and one answer can slow the machine for another.
"""

import contextlib
import ctypes
import math
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from saekit.course import syscalls
from saekit.course.limits import Held

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41}
HOME = "/student"
NOT_CONFINED = 113  # exit code of a process that ran nothing, because a wall that should stand did not


class Jail:
    """The walls of one server; `held` says which of them stand."""

    def __init__(self, limits, uid):
        self.limits, self.uid, self.held, self.reasons = limits, uid, Held(), []
        self.libc, self.root = syscalls.Libc(), os.geteuid() == 0
        self.pid_namespace, self.homes = None, {}

    def enclose(self, folders, mount_point):
        """Put this process (the server) into namespaces and a root that holds `folders` read-only; before any thread.

        mount_point: an empty folder, which stays empty outside.
        """
        if sys.platform != "linux":
            self.reasons.append(f"{platform.system()} has no namespaces")
        elif self.root or self._try("user namespace", self._own_user_namespace):
            self.held.network = self._try("network", self.libc, "unshare", NEWNET)
            self._try("host name", self.libc, "unshare", NEWUTS)
            self.pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)
            self.held.processes = self._try("PID namespace", self._test_pid_namespace)
            self.held.files = self._try("mounts", self._own_root, folders, mount_point)
        self._try("system call filter", self._test_filter)
        self.held.network |= self.held.calls
        self.held.user = self.root
        if not self.root:
            self.reasons.append("another user id needs root")
        self.held.reasons = tuple(self.reasons)

    def _try(self, what, call, *args):
        try:
            call(*args)
        except OSError as error:
            self.reasons.append(f"{what}: {error}")
            return False
        return True

    def _test_filter(self):
        self.held.calls = syscalls.holds(self.libc)
        if not self.held.calls:
            raise OSError("the kernel refused it")

    def _own_user_namespace(self):
        """A user namespace in which we are ourselves, with the right to make the other namespaces."""
        uid, gid = os.geteuid(), os.getegid()
        self.libc("unshare", NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")

    def _test_pid_namespace(self):
        pid = os.fork()
        if pid == 0:
            code = 1
            with contextlib.suppress(OSError):
                self._fresh_pid_namespace()
                code = 0
            os._exit(code)
        if os.waitpid(pid, 0)[1]:
            raise OSError("the kernel refused it")

    def _fresh_pid_namespace(self):
        """The next process forked is the first of a PID namespace of its own."""
        if self.root:
            self.libc("setns", self.pid_namespace, NEWPID)  # back to ours, or the kernel refuses a second one
        self.libc("unshare", NEWPID)

    def fork(self):
        """Fork into a PID namespace where there are any: 0 in the new process, else the number of the process to end.

        Without root the way back from a namespace is closed, so a process in between goes there and lives as long.
        """
        if self.root or not self.held.processes:
            if self.held.processes:
                self._fresh_pid_namespace()
            return os.fork()
        return os.fork() or self._go_between()

    def _go_between(self):
        """Fork into a new PID namespace, wait for that process and end as it did; returns 0 in it, and never here."""
        try:
            self._fresh_pid_namespace()
            inner = os.fork()
        except OSError:
            os._exit(NOT_CONFINED)
        if inner == 0:
            return 0
        os.closerange(3, 4096)
        _, status = os.waitpid(inner, 0)
        if os.WIFSIGNALED(status):
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)

    def end(self, pid, patient):
        """Kill a process with all it started: (status, resources used). patient: it is ending by itself."""
        until = time.monotonic() + (0.5 if patient else 0)
        while not (ended := os.wait4(pid, os.WNOHANG))[0] and time.monotonic() < until:
            time.sleep(0.005)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(OSError):
                kill(pid, signal.SIGKILL)
        if not ended[0]:
            ended = os.wait4(pid, 0)
        if self.root and not self.held.processes:
            self._end_all_of_user()
        if home := self.homes.pop(pid, None):
            shutil.rmtree(home, ignore_errors=True)
        return ended[1:]

    def _end_all_of_user(self):
        """Without a PID namespace: whatever left its group is known by its user."""
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):
                os.setresuid(self.uid, self.uid, self.uid)
                os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(pid, 0)

    def _own_root(self, folders, mount_point):
        """A root folder in memory with read-only views of the folders, and the old one out of sight."""
        if platform.machine() not in PIVOT_ROOT:
            raise OSError(f"pivot_root is not known for {platform.machine()}")
        self.libc("unshare", NEWNS)
        self.libc.mount("none", "/", None, REC | PRIVATE)
        new = Path(mount_point)
        self.libc.mount("tmpfs", new, "tmpfs", NOSUID | NODEV, "size=1m,mode=755")
        for folder in outermost([*folders, *system_folders()]):
            self._show(Path(folder), new)
        self._furnish(new)
        os.chdir(new)
        self.libc("syscall", PIVOT_ROOT[platform.machine()], b".", b".")
        self.libc("umount2", b".", DETACH)
        os.chdir("/")
        self.libc.mount(None, "/", None, REMOUNT | BIND | RDONLY | NOSUID | NODEV)

    def _show(self, path, new):
        """A read-only view of a file or folder (a link is made anew) at the same place in the new root."""
        target = new / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(os.readlink(path))
            return
        target.mkdir(parents=True, exist_ok=True) if path.is_dir() else target.touch()
        self.libc.mount(path, target, None, BIND | REC)
        if not str(path).startswith(("/dev", "/proc")):
            kept = os.statvfs(target).f_flag & (NOSUID | NODEV | NOEXEC)
            self.libc.mount(None, target, None, REMOUNT | BIND | RDONLY | NOSUID | kept)

    def _furnish(self, new):
        for name, mode in ((HOME[1:], 0o755), ("tmp", 0o1777), ("etc", 0o755), ("dev/shm", 0o1777)):
            (new / name).mkdir(exist_ok=True, parents=True)
            (new / name).chmod(mode)
        (new / "etc" / "passwd").write_text(f"student:x:{self.uid}:{self.uid}:student:{HOME}:/bin/false\n")

    def hide(self, folder):
        """Cover a folder of the new root with an empty one."""
        if self.held.files:
            self.libc.mount("tmpfs", folder, "tmpfs", RDONLY | NOSUID | NODEV, "size=4k,mode=755")

    def new_home(self):
        """Before the fork: an empty folder for the process, where it cannot have one in memory."""
        if self.held.files:
            return None
        home = tempfile.mkdtemp(prefix="saekit-home-")
        if self.root:
            os.chown(home, self.uid, self.uid)
        return home

    def confine(self, home):
        """In the forked process: an empty home, limits, another user, no privileges. OSError means: run nothing."""
        os.setsid()
        home = home or self._own_mounts()
        self._limit()
        if self.root:
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)
        if sys.platform == "linux":
            self.libc("prctl", 38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
            self.libc("prctl", 4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: no other process of this user can look inside
            self.libc("prctl", 1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: the end of the server is the end of this one
            self._drop_capabilities()
        if self.held.calls:
            syscalls.install(self.libc)
        os.chdir(home)
        os.environ.update(HOME=home, TMPDIR=home)
        tempfile.tempdir = None

    def _own_mounts(self):
        self.libc("unshare", NEWNS | NEWIPC)  # of its own, so that nothing is left for the next answer
        owner = f"uid={self.uid},gid={self.uid}" if self.root else ""
        options = f"size={self.limits.home},nr_inodes=1000,mode=700,{owner}".rstrip(",")
        try:
            self.libc.mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
        except OSError:  # a container that masks parts of /proc: none at all, then
            self.libc.mount("tmpfs", "/proc", "tmpfs", RDONLY | NOSUID, "size=4k")
        for folder in (HOME, "/dev/shm", "/tmp"):
            if not os.listdir(folder):  # Python or the course may lie somewhere under /tmp
                self.libc.mount("tmpfs", folder, "tmpfs", NOSUID | NODEV, options)
        return HOME

    def _limit(self):
        limits = self.limits
        wanted = {
            "CPU": (math.ceil(limits.seconds), math.ceil(limits.seconds) + 1),
            "FSIZE": (limits.file,) * 2,
            "NOFILE": (256, 256),
            "CORE": (0, 0),
            "NPROC": (limits.processes,) * 2,
        }
        if sys.platform == "linux":  # RLIMIT_AS counts what is only reserved, and PyTorch reserves much
            wanted["DATA"] = (memory_of_data() + limits.memory + 64_000_000,) * 2
        for name, pair in wanted.items():
            if name != "NPROC" or self.root or self.held.processes:  # else it would count the grader's own processes
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), pair)

    def _drop_capabilities(self):
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
        self.libc("capset", header, (ctypes.c_uint32 * 6)())


def memory_of_data():
    """Bytes of writable private memory that this process has reserved (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()


def system_folders():
    """What a Python process needs of the system, as far as it is there."""
    wanted = [
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/lib64",
        "/lib32",
        "/etc/ld.so.cache",
        "/etc/localtime",
        "/etc/alternatives",
        "/dev/null",
        "/dev/zero",
        "/dev/random",
        "/dev/urandom",
        "/sys/devices/system/cpu",
        "/proc",
    ]
    return [path for path in wanted if os.path.lexists(path)]


def outermost(folders):
    """The paths without those that lie in another of them, real paths added, in order."""
    paths = dict.fromkeys(Path(f).absolute() for f in folders)
    paths.update(dict.fromkeys(p.resolve() for p in list(paths) if not p.is_symlink()))
    return [p for p in paths if not any(p != q and p.is_relative_to(q) for q in paths)]
