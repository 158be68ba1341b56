"""What the post_run_cell hook answers, in a real IPython shell of its own process: cells that `@exercise` never saw."""

import json
import subprocess
import sys

import pytest

RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
seen = []
for cell in json.loads(sys.argv[1]):
    with capture_output(display=False) as captured:
        shell.run_cell(cell)
    seen.append([captured.stdout, captured.stderr])
print(json.dumps(seen))
"""
SETUP = "import numpy as np\nfrom saekit.course import begin, exercise, progress\nbegin('00_start_here')"
GOOD = "@exercise\ndef measure(x, D):\n    return np.einsum('ij,kj->ik', x, D)"
USE = "print('answer', measure(np.ones((1, 2)), np.ones((3, 2))).tolist())"
USED = "answer [[2.0, 2.0, 2.0]]\n"


@pytest.fixture
def run_cells(tmp_path, monkeypatch):
    """Run cells in a fresh shell; returns [stdout, stderr] of each."""
    monkeypatch.setenv("SAEKIT_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def run(*cells):
        done = subprocess.run(
            [sys.executable, "-c", RUN, json.dumps(cells)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])
    return run


def test_cells_that_exercise_never_saw_get_one_calm_card_and_leave_our_function(run_cells):
    cells = {
        "@exercise\ndef measure(x, D):\n    return (x @ D.T": "Python could not read this cell (line 3",
        "@exercise\ndfe measure(x, D):\n    return x @ D.T": "Python could not read this cell (line 2",
        "@exercise\n  def measure(x, D):\n    return x": "unexpected indent",
        "@exercize\ndef measure(x, D):\n    return x": "stopped with NameError before `measure`",
        "def measure(x, D):\n    return x": "The line `@exercise` above `def measure` is missing",
        "measure = 3": "gave the name `measure` to something else",
        "del measure": "gave the name `measure` to something else",
    }
    seen = run_cells(SETUP, *[cell for pair in ((c, USE) for c in cells) for cell in pair])[1:]
    for words, (out, err), (used, _) in zip(cells.values(), seen[::2], seen[1::2]):
        assert words in out and err == "" and out.count("measure ·") + out.count("gave the name") == 1
        assert used == USED


def test_a_shadowed_name_goes_back_to_the_students_own_function(run_cells):
    wrong = GOOD.replace("return", "return 2 *")
    seen = run_cells(
        SETUP, GOOD, "mine = measure", "measure = 3", "print(measure is mine)", wrong, "print(measure is mine)"
    )
    assert "passed" in seen[1][0] and seen[4][0] == "True\n" and seen[6][0] == "False\n"


def test_running_the_setup_cell_again_neither_doubles_cards_nor_forgets_an_answer(run_cells):
    seen = run_cells(SETUP, GOOD, "mine = measure", SETUP, "print(measure is mine)", "measure = 3")
    assert seen[4][0] == "True\n" and seen[5][0].count("gave the name") == 1


def test_a_method_or_text_with_the_name_of_an_exercise_is_no_answer(run_cells):
    seen = run_cells(SETUP, "class Ruler:\n    def measure(self, x):\n        return x", "text = 'def measure(x)'")
    assert seen[1] == ["", ""] and seen[2] == ["", ""]


def test_an_answer_cell_leaves_no_value_and_no_stderr(run_cells):
    (out, err), = run_cells(SETUP, GOOD)[1:]
    assert out == "✓ measure · passed\n  The cells below now use your function.\n" and err == ""


def test_progress_tells_passed_wrong_unreadable_and_untouched_answers_apart(run_cells):
    wrong = "@exercise\ndef l0(z):\n    return 1.0"
    out = run_cells(SETUP, GOOD, wrong, "@exercise\ndef unit_norm(D:\n    pass", "progress()")[-1][0]
    rows = {line.split()[1]: line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert [rows[name] for name in ("measure", "l0", "unit_norm", "reconstruct")] == ["✓", "↺", "↺", "○"]
