"""What a made-up class is built of: a lesson with right and wrong answers to fill in, and zips with links in them."""

import inspect
import io
import json
import stat
import zipfile
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from saekit.course import record

ROOT = Path(__file__).resolve().parents[1]
PLACE = "{student}/{stem}.ipynb"


@dataclass(frozen=True)
class Traps:
    """What hostile answers reach for: a folder of secrets, a port that listens, a place to write to."""

    secrets: Path
    port: int
    outside: Path


@dataclass
class Expected:
    """The right total, and whether a person must be told."""

    points: int
    note: bool = False
    kind: str = ""


@dataclass
class Lesson:
    """The student copy of a lesson, its exercises and the answers to fill in."""

    stem: str
    notebook: dict
    exercises: list
    right: dict
    wrong: dict
    first_lines: dict = field(default_factory=dict)

    @property
    def points(self):
        return {e["name"]: e["points"] for e in self.exercises}

    def filled(self, answers):
        """The student copy, as JSON-able dict, with these answers under `@exercise`."""
        copy = json.loads(json.dumps(self.notebook))
        for cell in copy["cells"]:
            name = cell["metadata"].get("saekit", {}).get("exercise")
            if name in answers:
                cell["source"] = answers[name].replace(f"def {name}(", f"@exercise\ndef {name}(", 1)
        return copy

    def best(self):
        """A right answer to every exercise."""
        return {name: sources[0] for name, sources in self.right.items()}


def read(stem):
    """The Lesson "01_lasso" from the repository."""
    name, entry = stem.split("_", 1)[1], next(e for e in record.index() if e["lesson"] == stem)
    tables, reference = import_module(f"tests.wrong_answers.{name}"), import_module(f"saekit.course.reference.{name}")
    notebook = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    lines = {
        e["name"]: f"def {e['name']}{inspect.signature(getattr(reference, e['name']))}:" for e in entry["exercises"]
    }
    wrong = {name: [w.source for w in table] for name, table in tables.WRONG.items()}
    return Lesson(stem, notebook, entry["exercises"], tables.RIGHT, wrong, lines)


def dumps(notebook):
    return json.dumps(notebook, ensure_ascii=False).encode()


def zipped(members):
    """The bytes of a zip; a member whose data is a str is a symbolic link to it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            if isinstance(data, str):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, data)
    return buffer.getvalue()
