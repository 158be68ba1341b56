"""Predictions before a cell runs, claims after it, and how much to compute.

A lesson's predictions stand in its checks module as PREDICTIONS = [Prediction(…), …]. The right answer is kept as a
salted hash, so that reading the file does not give it away; `python -c "from saekit.course.answers import hashed;
print(hashed('three-atoms', 3))"` prints the hash to paste.
"""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache

from saekit.course import cards, checking, exercises

PROFILES = ("smoke", "laptop", "gpu")


@dataclass(frozen=True)
class Prediction:
    """One question: numeric (rounded to `digits` decimals) or, with `options`, multiple choice.

    right: hash of the right answer. reply: said when it is right. wrong: {answer: reply} for the answers one expects;
    otherwise: said to any other number. Every wrong option of a multiple choice needs its reply in `wrong`.
    """

    id: str
    right: str
    reply: str
    wrong: dict = field(default_factory=dict)
    otherwise: str = "Not that. Run the next cell and compare."
    digits: int = 0
    options: tuple = ()

    def normal(self, answer):
        """The answer in the one form that is hashed, or None when it is not an answer of this kind."""
        if self.options:
            choice = answer.strip().lower() if isinstance(answer, str) else None
            return choice if choice in self.options else None
        try:
            return f"{round(float(answer), self.digits) + 0.0:.{self.digits}f}"
        except (TypeError, ValueError):
            return None

    def unshuffled(self, answer, variant):
        """The answer to the course's own text that an answer to this variant's text means."""
        back = {new: old for old, new in shuffled(self.id, self.options, variant).items()}
        return back.get(self.normal(answer), answer)

    def answer_to(self, answer):
        """(is it right, what to say); (None, …) when it is not an answer of this kind."""
        given = self.normal(answer)
        if given is None:
            wanted = f"one of {', '.join(map(repr, self.options))}" if self.options else "a number"
            return None, f"This asks for {wanted}, and got {answer!r}."
        if hashed(self.id, given) == self.right:
            return True, self.reply
        return False, {self.normal(key): reply for key, reply in self.wrong.items()}.get(given, self.otherwise)


def lettered(options):
    """Whether the options are mere letters, which a variant may give to other answers."""
    return all(len(option) == 1 for option in options)


def shuffled(identity, options, variant):
    """{letter in the course's own text: letter in this variant's}; or the same where nothing is shuffled."""
    if not variant or not lettered(options):
        return {option: option for option in options}
    order = checking.rng("letters", identity, variant).permutation(len(options))
    return {option: options[place] for option, place in zip(options, order)}


def hashed(identity, answer):
    """The salted hash of an answer in its normal form; the salt is the question's own id."""
    return hashlib.sha256(f"saekit/{identity}/{answer}".encode()).hexdigest()[:16]


def predict(identity, answer=...):
    """Answer a question before the next cell does: shows a reply, returns nothing. `...` or None: no answer yet.
    ValueError for an unknown question, or before `begin`."""
    room = exercises.room()
    question = room.predictions.get(identity) if room else None
    if question is None:
        known = f"one of: {', '.join(room.predictions)}" if room else "the setup cell with `begin(…)` to be run first"
        raise ValueError(f"predict got the question {identity!r}, expected {known}")
    title = f"prediction {identity}"
    if answer is ... or answer is None:
        text = "Put your guess in place of the dots and run the cell. A wrong guess costs nothing."
        cards.show(cards.Card(title, "not started", text, word="not answered yet"))
        return
    right, reply = question.answer_to(question.unshuffled(answer, room.variant))
    cards.show(cards.Card(title, "passed" if right else "not yet", reply, word="right" if right else "not that"))


def claim(name, value, at_least=None, at_most=None, unit=""):
    """Assert at_least <= value <= at_most and print one line that is the same on every machine.

    Raises AssertionError when it fails at `laptop` or `gpu`; at `smoke` too little was computed, and the line says
    that it was not checked. ValueError without a bound.
    """
    if at_least is None and at_most is None:
        raise ValueError(
            f"claim {name!r} got no bound, expected at_least= or at_most= (a claim without one says nothing)"
        )
    bounds = [f"{sign} {bound:g}" for sign, bound in (("≥", at_least), ("≤", at_most)) if bound is not None]
    said = f"{name} {' and '.join(bounds)} {unit}".rstrip()
    if profile() == "smoke":
        print(f"claim not checked at smoke: {said}")
        return
    value = float(value)
    if not (at_least is None or value >= at_least) or not (at_most is None or value <= at_most):  # NaN fails both
        raise AssertionError(f"claim does not hold: {said}, but it is {value:.4g}")
    print(f"claim holds: {said}")


def budget(*, smoke, laptop, gpu=None):
    """The amount of work for the active profile; gpu falls back to laptop."""
    return {"smoke": smoke, "laptop": laptop, "gpu": laptop if gpu is None else gpu}[profile()]


def profile():
    """"smoke", "laptop" or "gpu": SAEKIT_PROFILE if set, else gpu where CUDA is there, else laptop. ValueError if it is
    set to another word."""
    named = os.environ.get("SAEKIT_PROFILE")
    if not named:
        return "gpu" if has_cuda() else "laptop"
    if named not in PROFILES:
        raise ValueError(f"SAEKIT_PROFILE is {named!r}, expected one of: {', '.join(PROFILES)}")
    return named


def has_cuda():
    """True where PyTorch would find a GPU; PyTorch itself is asked only if it is loaded already."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return torch.cuda.is_available()
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1") and _driver_lists_a_gpu() and _torch_has_cuda()


@cache
def _driver_lists_a_gpu():
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


@cache
def _torch_has_cuda():
    try:
        return not importlib.metadata.version("torch").endswith("+cpu")
    except importlib.metadata.PackageNotFoundError:
        return False
