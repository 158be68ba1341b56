"""course.py: it reads on any Python, installs once, hands over, and says in one line what to do when it cannot."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import course

SOURCE = Path(course.__file__)


def test_it_imports_nothing_but_the_standard_library():
    nodes = list(ast.walk(ast.parse(SOURCE.read_text("utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_an_old_python_can_read_it():
    tree = ast.parse(SOURCE.read_text("utf-8"), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.NamedExpr, ast.Match)
    assert not any(isinstance(node, newer) or getattr(node, "returns", None) for node in ast.walk(tree))


def test_a_python_that_is_too_old_is_told_so_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(course.sys, "version_info", (3, 8, 18))
    monkeypatch.setattr(course, "works", lambda command: command[0] == "python3.12")
    assert course.main(["lab"]) == 2
    assert (
        capsys.readouterr().err
        == "course.py: this is Python 3.8, saekit needs 3.11 or newer; try: python3.12 course.py ...\n"
    )


def test_without_a_verb_it_shows_its_usage(capsys):
    assert course.main([]) == 2 and course.main(["--help"]) == 0
    assert "python course.py lab" in capsys.readouterr().out


PIP_SAID = {
    "no network": (
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)'\n"
        "ERROR: Could not find a version that satisfies the requirement numpy==2.4.6 (from versions: none)\n"
        "ERROR: No matching distribution found for numpy==2.4.6",
        "no connection to the package index",
    ),
    "no wheel at all": (
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)\n"
        "ERROR: No matching distribution found for torch==2.13.0",
        "no package for this machine: .*torch==2.13.0",
    ),
    "full disk": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "the disk is full",
    ),
    "no wheel": (
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: 2.1.0, 2.2.2)\n"
        "ERROR: No matching distribution found for torch==2.13.0",
        "no package for this machine: .*torch==2.13.0",
    ),
    "system python": (
        "error: externally-managed-environment\n\n× This environment is externally managed",
        "leave out --system",
    ),
    "read-only": ("[Errno 13] Permission denied: '/srv/saekit/.venv'", "no permission to write"),
    "conflict": (
        "ERROR: Cannot install a==1 and b because these package versions have conflicting dependencies.\n"
        "ERROR: ResolutionImpossible: for help visit …",
        r"already here are in the way \(a==1 and b\)",
    ),
    "anything else": (
        "Building wheel\nERROR: Failed building wheel for x",
        "installing failed: ERROR: Failed building wheel for x",
    ),
}


@pytest.mark.parametrize("cause", PIP_SAID)
def test_each_failure_of_pip_becomes_one_line_that_says_what_to_do(cause):
    output, expected = PIP_SAID[cause]
    line = course.explain(output)
    assert re.search(expected, line)
    assert "\n" not in line


def test_too_little_room_and_a_missing_venv_module_are_told_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3e8))
    with pytest.raises(course.Stop, match="0.3 GB free in .* about 2.5 GB are needed"):
        course.make_venv()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(course.Stop, match=r"sudo apt install python3\.\d+-venv"):
        course.make_venv()
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A course folder with a space in its path; it requires one wheel, which prints its arguments and returns 7."""
    root = tmp_path / "my course"
    root.mkdir()
    shutil.copy(SOURCE, root)
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "requirements.txt").write_text("./saekit-0.1-py3-none-any.whl\n")
    info = "saekit-0.1.dist-info"
    with zipfile.ZipFile(root / "saekit-0.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("saekit/__init__.py", "")
        wheel.writestr("saekit/__main__.py", "import sys\nprint(sys.prefix, sys.argv[1:])\nsys.exit(7)\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: saekit\nVersion: 0.1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return root


def start(root, *words):
    """Run course.py from another folder."""
    return subprocess.run(
        [sys.executable, str(root / "course.py"), *words], cwd=root.parent, capture_output=True, text=True
    )


def test_it_installs_once_and_then_hands_over_with_arguments_and_exit_code(folder):
    first = start(folder, "train", "--k", "32")
    assert first.stdout == f"{folder / '.venv'} ['train', '--k', '32']\n" and first.returncode == 7
    assert "installing the pinned packages into .venv, once" in first.stderr
    second = start(folder, "eval")
    assert (second.stdout, second.stderr, second.returncode) == (f"{folder / '.venv'} ['eval']\n", "", 7)


@pytest.mark.slow
def test_it_repairs_an_interrupted_installation_and_follows_changed_requirements(folder):
    (folder / ".venv" / "bin").mkdir(parents=True)
    os.symlink(sys.executable, folder / ".venv" / "bin" / "python")  # as far as an interrupted `python -m venv` may get
    assert start(folder, "setup").returncode == 0
    (folder / "requirements.txt").write_text("./saekit-0.1-py3-none-any.whl\n# changed\n")
    assert "installing" in start(folder, "setup").stderr
    moved = folder.rename(folder.parent / "moved")
    assert "installing" in start(moved, "setup").stderr and start(moved, "x").stdout.startswith(str(moved))


@pytest.mark.slow
def test_without_network_it_says_so_and_returns_2(folder):
    (folder / "requirements.txt").write_text("numpy==2.4.6\n")
    env = {
        **os.environ,
        "PIP_NO_INDEX": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
    }
    ended = subprocess.run([sys.executable, str(folder / "course.py"), "lab"], env=env, capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stderr.splitlines()[-1].startswith(
        "course.py: no connection to the package index"
    )


@pytest.fixture
def system(monkeypatch):
    """A function that runs `setup_system` over the given distributions; returns its pip calls and constraints."""

    def calls(root=course.ROOT, **versions):
        made = []

        def pip(python, arguments):
            keep = Path(arguments[1]).read_text() if arguments[0] == "-c" else None
            made.append((arguments[2:] if keep is not None else arguments, keep))

        there = [
            SimpleNamespace(
                metadata={"Name": name.replace("_", "-")}, version=version,
                read_text=lambda _: json.dumps({"url": Path(root).as_uri()})
            )
            for name, version in versions.items()
        ]
        monkeypatch.setattr("importlib.metadata.distributions", lambda path: there)
        monkeypatch.setattr(course, "pip", pip)
        assert course.setup_system() == sys.executable
        return made

    return calls


def test_system_installs_only_what_is_missing_and_pins_what_is_there(system):
    (arguments, keep), own = system(numpy="1.26.4", Torch="2.6.0+cu124", scikit_learn="1.5.0")
    wanted = {line.split(">")[0] for line in arguments}
    assert not wanted & {"numpy", "torch", "scikit-learn"} and "transformers" in wanted
    assert "numpy==1.26.4\n" in keep and "torch==2.6.0+cu124\n" in keep
    assert own == (["--no-deps", "-e", course.ROOT], None)


def test_system_does_nothing_where_all_is_there(system):
    import tomllib

    dependencies = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]["dependencies"]
    there = {line.split(">")[0]: "1" for line in dependencies} | {"saekit": "0.1.0"}
    assert system(**there) == []
    assert system(course.ROOT + "-old", **there) == [(["--no-deps", "-e", course.ROOT], None)]  # another copy's
