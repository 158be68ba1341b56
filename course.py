"""Set up saekit in this folder, then hand over to it. Needs Python 3.11 or newer and, the first time, a network.

  python course.py lab      set everything up, open JupyterLab on lesson 0 (--no-browser prints the address)
  python course.py test     set everything up, run the tests and execute every notebook (--all: the slow suites too)
  python course.py run      execute all lessons without a browser; HTML copies go to build/
  python course.py setup    only set up
  python course.py ...      every other command of saekit: doctor, build, train, eval, page, grade, ...

Everything goes into the folder .venv beside this file. With --system the Python that runs this file is used as it is
(Colab, JupyterHub, conda): what is missing is installed into it, what is there stays as it is.
"""

# No f-strings, annotations or other newer syntax: an old Python must be able to read this file, to say that it is old.
from __future__ import print_function

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if os.name == "nt" else os.path.join(VENV, "bin", "python")
CONFIG = os.path.join(VENV, "pyvenv.cfg")
STAMP = os.path.join(VENV, "saekit.stamp")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OLDEST = (3, 11)
FREE_GB = 2.5  # .venv takes 1.7 GB with PyTorch for CPUs; pip needs some beside it
NO_NETWORK = ("connection broken by", "NameResolutionError", "NewConnectionError", "Failed to establish", "name resolution")
NO_NETWORK += ("ConnectTimeout", "ReadTimeout", "ProxyError", "SSLError", "Network is unreachable", "Connection broken")
NO_NETWORK += ("IncompleteRead",)
CURES = (  # what pip or the system said, and what to do about it; the first that fits
    (("No space left", "Errno 28", "not enough space", "Disk quota", "Errno 122"),
     "the disk is full; make about %(free).1f GB free for %(root)s (and the temporary folder) and run this again."),
    (("externally-managed-environment",),
     "the system manages this Python and lets nobody install into it; leave out --system."),
    (("Permission denied", "Errno 13", "Read-only file system", "Errno 30"),
     "no permission to write: %(first)s. Copy the folder to a place of your own and run this again."),
    (("ResolutionImpossible", "conflicting dependencies"),
     "packages that are already here are in the way (%(conflict)s); leave out --system for a fresh environment."),
    (NO_NETWORK, "no connection to the package index; check the network or pip's proxy settings, then run this again."),
    (("No matching distribution", "Could not find a version"),
     "no package for this machine: %(first)s. In an environment of your own, --system takes other versions."),
    (("",), "installing failed: %(last)s. `python -m pip install -r requirements.txt` shows all of it."),
)


class Stop(Exception):
    """Setting up cannot go on; the message is one line that says what to do."""


def main(argv):
    """Set up what is not set up yet and hand over; returns an exit code where it does not hand over."""
    system, words = "--system" in argv, [word for word in argv if word != "--system"]
    if not words or words[0] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if words else 2
    try:
        require_python()
        python = setup_system() if system else setup_venv()
    except Stop as stop:
        print("course.py: " + " ".join(str(stop).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ncourse.py: interrupted; the same command carries on from here.", file=sys.stderr)
        return 130
    if words[0] == "setup":
        say("ready. Next: " + ("open notebooks/ in the Jupyter of this Python" if system else "python course.py lab"))
        return 0
    return hand_over([python, "-m", "saekit"] + words)


def require_python():
    """Stop unless this Python is new enough, naming a newer one if the machine has it."""
    if sys.version_info[:2] >= OLDEST:
        return
    found = [name for name in ("python3.13", "python3.12", "python3.11") if works([name, "--version"])]
    cure = "try: %s course.py ..." % found[0] if found else "https://www.python.org/downloads/ has newer ones."
    raise Stop("this is Python %d.%d, saekit needs %d.%d or newer; %s" % (sys.version_info[:2] + OLDEST + (cure,)))


def setup_venv():
    """Make .venv and install requirements.txt, unless that is done already; returns the path of its Python."""
    try:
        if not is_current():
            # without pyvenv.cfg this Python would be the machine's, and pip would install there
            if not (os.path.exists(CONFIG) and works([PYTHON, "-m", "pip", "--version"])):
                make_venv()
            say("installing the pinned packages into .venv, once: about 0.5 GB to download, 2 to 5 minutes")
            pip(PYTHON, ["-r", os.path.join(ROOT, "requirements.txt")])
            with open(STAMP, "w") as file:
                file.write(fingerprint())
    except (IOError, OSError) as error:
        raise Stop(explain(str(error)))
    return PYTHON


def is_current():
    """Whether .venv holds what requirements.txt and pyproject.toml ask for, for this folder and this Python."""
    if not all(map(os.path.exists, (PYTHON, CONFIG, STAMP))):
        return False
    with open(STAMP) as file:
        return file.read() == fingerprint()


def fingerprint():
    """Hash of everything an installation depends on; a moved folder or a replaced Python changes it too."""
    parts = [ROOT, os.path.realpath(PYTHON)]
    for path in (os.path.join(ROOT, "requirements.txt"), os.path.join(ROOT, "pyproject.toml"), CONFIG):
        with open(path, encoding="utf-8") as file:
            parts.append(file.read())
    return hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest() + "\n"


def make_venv():
    """Create .venv with this Python, over whatever unfinished one is there."""
    import importlib.util
    import shutil

    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise Stop(
            "this Python (%s) lacks venv; on Debian or Ubuntu: sudo apt install python%d.%d-venv. Or use --system."
            % ((sys.executable,) + sys.version_info[:2])
        )
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < FREE_GB:
        raise Stop(
            "%.1f GB free in %s, about %.1f GB are needed; make room and run this again." % (free, ROOT, FREE_GB)
        )
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if made.returncode:
        raise Stop(explain(made.stdout.decode("utf-8", "replace")))


def setup_system():
    """Install into the running Python what it lacks of pyproject.toml's ranges and nothing else; returns its path."""
    import pathlib
    import tomllib
    from importlib.metadata import distributions

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    # this folder may hold an egg-info, which is no installation
    elsewhere = [path for path in sys.path if os.path.abspath(path) != ROOT]
    here = {plain_name(dist.metadata["Name"]): dist for dist in distributions(path=elsewhere) if dist.metadata["Name"]}
    missing = [line for line in wanted if plain_name(re.match(r"[\w.-]+", line).group()) not in here]
    if missing:
        say("installing into %s what is missing: %s" % (sys.prefix, ", ".join(missing)))
        with tempfile.TemporaryDirectory() as folder:
            keep = os.path.join(folder, "keep.txt")
            with open(keep, "w", encoding="utf-8") as file:
                for name in sorted(here.keys() - {"saekit"}):
                    file.write("%s==%s\n" % (name, here[name].version))
            pip(sys.executable, ["-c", keep] + missing)
    place = '"%s"' % pathlib.Path(ROOT).as_uri()
    if "saekit" not in here or place not in (here["saekit"].read_text("direct_url.json") or ""):
        say("adding saekit to %s" % sys.prefix)
        pip(sys.executable, ["--no-deps", "-e", ROOT])
    return sys.executable


def plain_name(name):
    """A distribution's name as packaging compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pip(python, arguments):
    """`pip install` with one moving line of progress instead of its hundred; Stop with the cause if it fails."""
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += index_arguments() + arguments
    # `-e .` in requirements.txt is relative to where pip runs
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = []
    reader = threading.Thread(target=collect, args=(process.stdout, lines), daemon=True)
    begun, terminal = time.time(), sys.stderr.isatty()
    reader.start()
    try:
        while reader.is_alive():
            reader.join(0.5 if terminal else 15)
            if reader.is_alive() or terminal:
                status = "  %3d s  %s" % (time.time() - begun, describe(lines))
                sys.stderr.write("\r" + status[:78].ljust(78) if terminal else status + "\n")
                sys.stderr.flush()
    finally:
        if terminal:
            print("\r" + " " * 78 + "\r", end="", file=sys.stderr)
        if reader.is_alive():
            process.terminate()
        process.wait()
    if process.returncode:
        raise Stop(explain("\n".join(lines)))


def collect(stream, lines):
    """Append each line of a byte stream to `lines` as it comes."""
    for line in iter(stream.readline, b""):
        lines.append(line.decode("utf-8", "replace").rstrip())


def describe(lines):
    """What pip is doing, from its output so far."""
    count = sum(line.startswith(("Collecting ", "Requirement already", "Obtaining ")) for line in lines)
    words = ("Collecting", "Downloading", "Installing coll")
    last = next((line.strip() for line in reversed(lines) if line.strip().startswith(words)), "")
    if last.startswith("Installing coll"):
        return "unpacking %d packages (about a minute)" % (last.count(",") + 1)
    last = re.sub(r"-cp\d+\S*|-py[23]\S*", "", last.replace("Collecting ", "found "))
    return "%d packages looked up  %s" % (count, last)


def index_arguments():
    """On a Linux without NVIDIA driver: PyTorch's index of (smaller) CPU builds, if it answers within three seconds."""
    drivers = ("/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1")  # Linux's own, Windows' for WSL2
    if not sys.platform.startswith("linux") or any(map(os.path.exists, drivers)):
        return []
    answered = []

    def ask():
        """Fetch the index page of torch; any failure means that the index is not used."""
        from urllib.request import urlopen

        try:
            with urlopen(CPU_INDEX + "/torch/", timeout=3) as page:
                answered.append(page.status == 200)
        except (OSError, ValueError):
            answered.append(False)

    thread = threading.Thread(target=ask, daemon=True)  # resolving a name has no timeout of its own
    thread.start()
    thread.join(3)
    return ["--extra-index-url", CPU_INDEX] if answered == [True] else []


def explain(output):
    """One line that says what to do, from what pip or the system said."""
    errors = [line.strip() for line in output.splitlines() if "ERROR" in line or "rror:" in line] or [output.strip()]
    facts = {"free": FREE_GB, "root": ROOT, "first": errors[0], "last": errors[-1][:200], "conflict": conflict(output)}
    return next(cure for signs, cure in CURES if any(sign in output for sign in signs)) % facts


def conflict(output):
    """The packages that pip says conflict."""
    found = re.search(r"Cannot install (.+?) because|The conflict is caused by:\s*(.+)", output)
    return " ".join((found.group(1) or found.group(2)).split())[:120] if found else "pip names no package"


def works(command):
    """Whether a command runs and succeeds."""
    with open(os.devnull, "w") as nowhere:
        try:
            return subprocess.call(command, stdout=nowhere, stderr=nowhere) == 0
        except OSError:
            return False


def hand_over(command):
    """Become the command; on Windows, which cannot, run it and return its exit code."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the command got it too and ends by itself


def say(text):
    """A line for the person waiting; stdout belongs to the command that follows."""
    print("saekit: " + text, file=sys.stderr)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
