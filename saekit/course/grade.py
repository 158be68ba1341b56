"""`saekit grade SUBMISSIONS --out grades.csv`: a class marked, resumably, by several processes, and nothing stops it.

Every submission is marked by a worker process (`marking`), whose record is written to OUT's folder as soon as it is
there: an interrupted run goes on where it stopped, and a submission, a check or a limit that changed is marked again.
A worker that dies or hangs over a submission costs that submission a note for a person, and is replaced.

What the isolation does not cover is said in `jail` and `LIMITS_OF_ISOLATION`, at the head of the report.
"""

import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
import time
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path

from saekit.course import gradebook, report
from saekit.course.limits import Limits
from saekit.course.marking import Marker
from saekit.course.submissions import find_submissions
from saekit.files import write_json
from saekit.progress import bar

PATIENCE = 120.0  # seconds a worker may need beyond the wall limits of all exercises of a submission
LIMITS_OF_ISOLATION = (
    "This is isolation, not a security boundary. A fault in the kernel, in Python's own reading of text and archives,"
    " or in the processor is not covered; neither is an answer that was copied, or that calls the installed package in"
    " disguise (the similarity report and a person look for that). Answers share the machine's time: one can make"
    " another slower, not wrong. Only the walls named here stand."
)


@dataclass(frozen=True)
class Run:
    """Where a run keeps what: the CSV asked for, and a folder beside it for everything else."""

    out: Path

    @property
    def folder(self):
        return self.out.with_suffix("")

    def record_file(self, submission):
        """Where the record of a submission is kept; the name says nothing about the student."""
        return self.folder / "records" / f"{hashlib.sha256(submission.student.encode()).hexdigest()[:16]}.json"


def grade(path, out, jobs=2, limits=Limits(), marks=None):
    """Mark all submissions at `path`, write the books, return the records. ValueError for input that cannot be used."""
    run = Run(Path(out))
    _check(path, run, jobs, limits)
    submissions = find_submissions(path)
    (run.folder / "records").mkdir(parents=True, exist_ok=True)
    os.chmod(run.folder, 0o700)  # grades are nobody else's business, least of all a submission's
    state = _state(limits)
    keys = {submission.student: _key(submission, state) for submission in submissions}
    records, waiting = [], []
    for submission in submissions:
        known = _known(run.record_file(submission), keys[submission.student])
        records.append(known) if known else waiting.append(submission)
    with bar(total=len(submissions), initial=len(records), desc="graded", unit="submission") as progress:
        for submission, record in _mark_all(waiting, min(jobs, max(1, len(waiting))), limits):
            judged = all(row["state"] != "not judged" for _, row in gradebook.rows(record))
            key = keys[submission.student] if judged else ""  # where the sandbox failed the next run tries again
            write_json(run.record_file(submission), record | {"key": key})
            records.append(record)
            progress.update()
    records = gradebook.completed(sorted(records, key=lambda r: r["student"]))
    earlier = run.folder / "by_hand.csv"
    for file in [earlier] * earlier.exists() + [marks] * bool(marks):
        gradebook.merge_marks(records, file)
    gradebook.write_books(records, run.out, run.folder)
    report.write_pages(records, run.folder, limits, LIMITS_OF_ISOLATION)
    return records


def _check(path, run, jobs, limits):
    """ValueError for what cannot be meant."""
    if run.out.suffix.lower() != ".csv":
        raise ValueError(f"--out is {run.out}, expected a name that ends in .csv")
    if run.folder.resolve().is_relative_to(Path(path).resolve()):
        raise ValueError(
            f"--out is {run.out}, which puts the books among the submissions; choose a name outside {path}"
        )
    for name, value in (("--jobs", jobs), ("--seconds", limits.seconds), ("--memory", limits.memory // 10**6)):
        if value <= 0:
            raise ValueError(f"{name} is {value}, expected more than 0")


def _state(limits):
    """A hash of all that a record depends on besides the submission: limits, and the package's course code."""
    course = Path(__file__).parent
    digest = hashlib.sha256(json.dumps(asdict(limits)).encode())
    for file in sorted(course.rglob("*.py")) + [course / "reference" / "index.json"]:
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()


def _key(submission, state):
    """What a stored record must bear to be used again."""
    stamps = []
    for file in submission.files:
        about = file.path.lstat()
        stamps.append([file.name, *file.members, about.st_size, about.st_mtime_ns])
    text = json.dumps([state, submission.student, stamps, submission.problems])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _known(path, key):
    """The record kept in a file, if it bears the key; a file cut off or of another run counts as none."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.pop("key", None) == key else None


def _mark_all(submissions, jobs, limits):
    """(submission, record) pairs as they are done, by `jobs` worker processes."""
    # with more workers than cores an answer computes no longer, but waits
    limits = replace(limits, wall=limits.wall * max(1.0, jobs / (os.cpu_count() or 1)))
    left, workers = list(reversed(submissions)), [Worker(limits) for _ in range(jobs if submissions else 0)]
    try:
        while left or any(worker.task for worker in workers):
            for worker in workers:
                if left and worker.task is None:
                    worker.give(left.pop())
            busy = [worker for worker in workers if worker.task]
            ready = wait([worker.pipe for worker in busy], timeout=1.0)
            for worker in busy:
                if worker.pipe in ready or worker.is_late():
                    yield worker.take()
    finally:
        for worker in workers:
            worker.stop()


class Worker:
    """A process that marks one submission at a time and is replaced when it dies."""

    def __init__(self, limits):
        self.limits = limits
        self.task = self.process = None

    def give(self, submission):
        """Send a submission to the process, which is started if there is none."""
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self.process = context.Process(target=work, args=(theirs, self.limits), daemon=True)
            self.process.start()
            theirs.close()
        exercises = 12 * (1 + len(submission.files))
        self.task, self.deadline = submission, time.monotonic() + exercises * self.limits.wall + PATIENCE
        with contextlib.suppress(OSError):    # it died idle: `take` meets the closed pipe and asks for a person
            self.pipe.send(submission)

    def is_late(self):
        """True when the process hangs; it kills what hangs in the sandbox by itself."""
        return time.monotonic() > self.deadline

    def take(self):
        """(submission, record); the record of a process that died or hung asks for a person."""
        submission, self.task = self.task, None
        try:
            if self.pipe.poll():
                return submission, self.pipe.recv()
        except (EOFError, OSError):
            pass  # it died: no record will come
        self.stop()
        problem = "marking it stopped the marking process itself. Please look at it by hand"
        return submission, {
            "student": submission.student,
            "problems": [*submission.problems, problem],
            "held": None,
            "lessons": [],
        }

    def stop(self):
        """End the process; its server and sandboxes end with it."""
        if self.process is not None:
            self.pipe.close()
            self.process.join(0.5)
            self.process.kill()
            self.process.join()
            self.process = None


def work(pipe, limits):
    """The process: mark what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to answer
    with Marker(limits) as marker:
        while True:
            try:
                submission = pipe.recv()
            except EOFError:
                return
            pipe.send(_record(marker, submission))


def _record(marker, submission):
    """The marker's record, or one that asks for a person where reading the submission fails in a way not foreseen."""
    try:
        return marker.mark(submission)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        problem = f"marking it failed ({type(error).__name__}: {str(error)[:200]}). Please look at it by hand"
        return {"student": submission.student, "problems": [*submission.problems, problem], "held": None, "lessons": []}


def command(args):
    """`saekit grade`: prints the summary and where the books lie."""
    wall = max(Limits.wall, 3 * args.seconds)
    limits = Limits(seconds=args.seconds, wall=wall, memory=args.memory * 1_000_000)
    records = grade(args.submissions, args.out, args.jobs, limits, args.marks)
    folder = Run(Path(args.out)).folder
    waiting = sum(gradebook.needs_person(record) for record in records)
    print(f"{len(records)} submissions graded, {waiting} with a note for a person: {args.out}, {folder}/report.html")
