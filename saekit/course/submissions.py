"""Finding what was handed in: folders, zips or loose notebooks by student, as they come out of a learning platform.

    for submission in find_submissions("submissions/"):
        for file in submission.files:
            notebook = read_notebook(file.read())       # saekit.course.salvage
            found = answers(notebook)                   # saekit.course.extraction: {exercise: Answer}

Recognised: `student/…/x.ipynb` (also nbgrader's `submitted/`), `student.zip`, `student_01_lasso.ipynb`, Canvas
(`doejane_LATE_123_456_x.ipynb`) and Moodle (`Jane Doe_123_assignsubmission_file_/x.ipynb`), or one zip of all that.
Nothing is unpacked to disk: members are read into memory, at most LARGEST bytes each, so a path or a link in an archive
leads nowhere. Links are not followed. What is left out is told in `problems`.
"""

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from saekit.course import record

LARGEST = 100_000_000  # bytes of one notebook, or of an archive within an archive
MEMBERS = 2_000  # of one archive
CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)$", re.IGNORECASE)
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)$")
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)


@dataclass(frozen=True)
class HandedIn:
    """One notebook file: its name within the submission, the file on disk, and the members that lead to it in zips."""

    name: str
    path: Path
    members: tuple = ()

    def read(self):
        """The bytes; ValueError where they cannot be had, or are more than LARGEST."""
        try:
            data = _from_disk(self.path, self.members == ())
            for member in self.members:
                data = _from_zip(data, member)
        except BROKEN as error:
            raise ValueError(f"{self.name} cannot be read ({error})") from None
        if not self.members and len(data) > LARGEST:
            raise ValueError(f"{self.name} has more than {LARGEST:,} bytes")
        return data


@dataclass
class Submission:
    """What one student handed in; problems are sentences for a person."""

    student: str
    files: list = field(default_factory=list)
    problems: list = field(default_factory=list)


def find_submissions(path):
    """All submissions in a folder or zip, sorted by student; ValueError if there are none."""
    path, problems = Path(path), {}
    if not path.exists():
        raise ValueError(f"{path} does not exist; expected a folder or a zip of submissions")
    if path.is_file() and not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no zip; expected a folder or a zip of submissions (put a single notebook in a folder)")
    found = list(_in_folder(path, problems) if path.is_dir() else _in_zip(path, (), (), problems))
    tops = {parts[0] for parts, _ in found} | {parts[0] for parts in problems if parts}
    if path.is_file() and len(tops) == 1 and len({parts[1:2] for parts, _ in found}) > 1:  # a zip of one folder of all
        found = [(parts[1:], file) for parts, file in found]
        problems = {parts[1:]: text for parts, text in problems.items()}
    submissions = _by_student(sorted(found, key=lambda pair: pair[0]), problems)
    if not submissions:
        raise ValueError(f"{path} holds no submission; expected notebooks, zips, or one folder per student")
    return submissions


def _by_student(found, problems):
    """Submissions from (path parts, file) pairs; one student's several top-level entries come together."""
    groups = {}
    for parts, item in [*found, *problems.items()]:
        student, kind = _student(parts)
        key = (student, kind if kind in ("folder", "zip") else "")
        group = groups.setdefault((key[0], key[1] and (key[1], parts[0])), Submission(student))
        if isinstance(item, HandedIn):
            group.files.append(item)
        else:
            group.problems.extend(item)
    taken, result = {}, []
    for submission in groups.values():
        count = taken[submission.student.casefold()] = taken.get(submission.student.casefold(), 0) + 1
        if count > 1:
            submission.student += f" [{count}]"
        result.append(submission)
    for submission in result:
        if taken.get(re.sub(r" \[\d+\]$", "", submission.student).casefold(), 0) > 1:
            submission.problems.append("another submission bears the same name. Whose is which?")
        if not submission.files:
            submission.problems.append("no notebook was found in it")
    return sorted(result, key=lambda s: s.student)


def _student(parts):
    """(name, kind) for the top of a path: "canvas", "moodle", "folder", "zip" or "loose"."""
    top = _clean(parts[0])
    for kind, pattern in (("moodle", MOODLE), ("canvas", CANVAS)):
        if match := pattern.match(top):
            return f"{match['name']} ({match['id']})", kind
    if len(parts) > 1 and not top.lower().endswith(".zip"):
        return top, "folder"
    name, is_zip = os.path.splitext(top)[0], top.lower().endswith(".zip")
    for entry in record.index():
        for stem in (entry["lesson"], entry["name"]):
            name = re.sub(rf"(^|[\s_.-]+){stem}(?=$|[\s_.(-])", "", name)
    return name.strip(" _.-") or top, "zip" if is_zip else "loose"


def _clean(name):
    """A name in Unicode's composed form, without control and direction marks, which could disguise it."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    return "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs") or c == "\u200d").strip()


def _in_folder(root, problems):
    """(parts, HandedIn) of every notebook below a folder; links and special files are told, not followed."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not _hidden(name))
        for name in sorted(files) + [n for n in names if os.path.islink(os.path.join(folder, n))]:
            path = Path(folder, name)
            parts = path.relative_to(root).parts
            if _hidden(name):
                continue
            if not stat.S_ISREG(path.lstat().st_mode):
                _tell(problems, parts, f"{name} is a link or a special file and was left out")
            elif name.lower().endswith(".ipynb"):
                yield parts, HandedIn("/".join(parts[1:]) or name, path)
            elif name.lower().endswith(".zip"):
                yield from _in_zip(path, (), parts, problems)
            elif len(parts) > 1 or not name.lower().endswith((".csv", ".txt", ".md", ".json", ".html")):
                _tell(problems, parts, None)


def _in_zip(path, members, parts, problems):
    """(parts, HandedIn) of every notebook in a zip, or in a zip within it."""
    try:
        data = _from_disk(path, False)
        for member in members:
            data = _from_zip(data, member)
        with zipfile.ZipFile(data if isinstance(data, Path) else io.BytesIO(data)) as archive:
            listed = archive.infolist()
    except BROKEN as error:
        _tell(problems, parts or (path.name,), f"{path.name} is not a zip that can be read ({error})")
        return
    if len(listed) > MEMBERS:
        _tell(
            problems, parts or (path.name,), f"{path.name} has {len(listed):,} members, of which {MEMBERS:,} were read"
        )
    for info in listed[:MEMBERS]:
        inside = tuple(re.split(r"[/\\]", _name(info).rstrip("/")))
        whole = (*parts, *inside)
        if info.is_dir() or any(_hidden(piece) for piece in inside if piece != ".."):
            continue
        if ".." in inside or inside[0] == "" or ":" in inside[0] or stat.S_ISLNK(info.external_attr >> 16):
            _tell(problems, parts or whole[-1:], f"{info.filename!r} is a link or leads out of the archive; left out")
        elif info.filename.lower().endswith(".ipynb"):
            yield whole, HandedIn("/".join(inside if parts else inside[1:] or inside), path, (*members, info.filename))
        elif info.filename.lower().endswith(".zip") and not members:
            yield from _in_zip(path, (info.filename,), whole, problems)


def _name(info):
    """A member's name. Macs write UTF-8 without saying so, which zipfile takes for the old code page of DOS."""
    try:
        return info.filename if info.flag_bits & 0x800 else info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _tell(problems, parts, text):
    """Keep a sentence about a file; None keeps only that the student handed in something."""
    problems.setdefault(parts, []).extend([text] if text else [])


def _hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _from_disk(path, whole):
    """The file's bytes if `whole`, else its path; OSError for anything but a regular file."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError("not a regular file")
    if not whole:
        return path
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NOFOLLOW", 0))) as file:
        return file.read(LARGEST + 1)


def _from_zip(data, member):
    """The bytes of a member, never more than LARGEST whatever its header says."""
    with zipfile.ZipFile(data if isinstance(data, Path) else io.BytesIO(data)) as archive, archive.open(member) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"more than {LARGEST:,} bytes")
    return content
