"""What an answer may use while it is marked, and which walls stood around it meanwhile."""

from dataclasses import asdict, dataclass

FIRST_UID = 61184  # systemd's range for users that exist only while a service runs


@dataclass(frozen=True)
class Limits:
    """What one answer may use over all calls of its check.

    seconds: of CPU. wall: on the clock, for what waits instead of computing. memory, file, home: bytes in use beyond the
    libraries, of one file, of all files.
    """

    seconds: float = 10
    wall: float = 30
    memory: int = 512_000_000
    file: int = 16_000_000
    home: int = 64_000_000
    processes: int = 64


@dataclass
class Held:
    """Which walls stand here. `reasons` say why one does not."""

    user: bool = False  # another user id
    network: bool = False  # no network
    files: bool = False  # nothing of the machine's files but Python and libraries
    processes: bool = False  # sees and signals no process but its own, and all end with it
    calls: bool = False  # system calls filtered
    reasons: tuple = ()

    def record(self):
        """As a dict, for JSON."""
        return asdict(self)
