"""The project's template runs from top to bottom at smoke: as it is, and on a folder of text of one's own."""

import json
import re

from saekit.course.build import read_notebook
from saekit.course.execute import environment, execute
from saekit.course.lesson import ROOT
from tests import tiny_lm

TEMPLATE = ROOT / "capstone" / "template.ipynb"


def run(folder, **settings):
    """The template executed in `folder` with other values for some of its settings; (its text outputs, its report)."""
    notebook = read_notebook(TEMPLATE)
    cell = next(cell for cell in notebook.cells if cell.id == "settings")
    for name, value in settings.items():
        cell.source, found = re.subn(rf"^{name} = .*$", f"{name} = {value!r}", cell.source, flags=re.MULTILINE)
        assert found == 1
    done = execute(notebook, folder, environment(folder, "smoke"))
    said = "".join(out.text for cell in done.cells for out in cell.get("outputs", ()) if out.output_type == "stream")
    return said, json.loads((folder / "runs" / "capstone" / "report.json").read_text("utf-8"))


def test_as_it_is_it_trains_measures_reads_and_tests(tmp_path):
    said, report = run(tmp_path)
    assert "the model is unchanged: True" in said
    assert len(report["latents"]) == 3 and len(report["at_equal_l0"]) == 4
    random, neurons = (report["at_equal_l0"][name]["explained_variance"] for name in ("random directions", "neurons"))
    assert random < neurons < 1  # rotated, a sparse code is dense
    again, _ = run(tmp_path)  # the finished run is loaded, not trained once more
    assert said == again


def test_another_model_and_a_folder_of_text_are_taken(tmp_path):
    tiny_lm.write_sources(tmp_path / "text", {f"chapter_{i}.txt": tiny_lm.source(i, lines=300) for i in range(12)})
    model = tiny_lm.make_model(tmp_path / "model", n_layers=2)
    said, report = run(tmp_path, MODEL=str(model), LAYER=1, TEXT=str(tmp_path / "text"))
    assert report["layer"] == 1 and report["text"] == str(tmp_path / "text")
    assert sum(part["files"] for part in report["corpus"].values()) == 12


def test_the_rubrics_points_add_up():
    text = (ROOT / "capstone" / "brief.md").read_text("utf-8")
    rubric = text.split("## Rubric")[1]
    points = [int(n) for n in re.findall(r"^\| [A-Z]\w+ \| (\d+) \|", rubric, flags=re.MULTILINE)]
    assert f"({sum(points)} points)" in rubric and len(points) == 7
