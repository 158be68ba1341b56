"""A course of one small lesson in a folder of its own, for tests of the builder and of what executes notebooks."""

import json

from saekit.course.build import build

LESSON = '''# %% [markdown] id="title"
# # Lesson 1 · Mini
#
# A größe, and one word to change.

# %% id="setup"
import numpy as np
import statistics
ours = lambda x, lam: np.sign(x) * np.maximum(np.abs(x) - lam, 0)
begin, exercise, predict = print, lambda function: ours, lambda *_, **__: None
begin("01_mini")

# %% [markdown] id="ex-soft-task"
# ### Exercise 1.1 · Soft
#
# Difficulty 2 of 5 · 8 minutes · 3 points
#
# <details><summary>Hint 1 of 3</summary>one</details>
# <details><summary>Hint 2 of 3</summary>two</details>
# <details><summary>Hint 3 of 3</summary>three</details>

# %% id="ex-soft" exercise="soft" difficulty=2 minutes=8 points=3
@exercise
def soft(x, lam):
    """Shrink."""
    if lam > 0:
        ### BEGIN SOLUTION
        size = np.abs(x)
        size = np.maximum(size - lam, 0)
        x = np.sign(x) * size
        ### END SOLUTION
    return x

# %% id="guess"
predict("größe", round(3.7)); predict("other", answer="b")

# %% id="one" tags=["nbval-check-output"]
print("one", soft(np.array([3.0, -0.5]), 1.0))

# %% id="two" tags=["nbval-check-output"]
print("two")

# %% id="three" tags=["nbval-check-output"]
print("three")

# %% id="four" tags=["nbval-check-output"]
print("four")

# %% id="five" tags=["nbval-check-output"]
2 + 3
'''


def make_course(root, text=LESSON):
    """Write the lesson into root/solutions and build it; returns the source's path."""
    (root / "solutions").mkdir(exist_ok=True)
    source = root / "solutions" / "01_mini.py"
    source.write_text(text, "utf-8")
    build(root=root)
    return source


def load(root, folder="solutions"):
    """The built notebook as JSON."""
    return json.loads((root / folder / "01_mini.ipynb").read_text("utf-8"))


def cell(notebook, cell_id):
    """One cell by id, its source as one string."""
    found = next(c for c in notebook["cells"] if c["id"] == cell_id)
    return {**found, "source": "".join(found["source"])}
