"""Imports only go downwards through the syllabus, and the light modules stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "saekit"
# What everything may use, then the syllabus, then what trains and measures for the command line.
ORDER = (
    "files progress interrupt memory catalog geometry synthetic lasso dictlearn images superposition pca lista "
    "metrics board processes parallel sae_frame sae_relu sae_topk sae_gates sae kernels_cuda sparse kernels checkpoint train "
    "corpus ngram lexemes marks concepts transformer pretrain_step pretrain activations intervene chains interpret "
    "survey splitting universality readout explain probing scores ratings autointerp feature_map experiment export verify"
).split()
ABOVE = (
    "plots",
    "chain_plots",
    "strips",
    "page",
    "course",
    "doctor",
    "cli",
    "course_cli",
    "__main__",
)  # these show the subject modules, which must not know them
HEAVY = {"torch", "matplotlib", "transformers", "sklearn", "IPython", "pandas"}


def imports_of(path):
    """Names of the saekit modules that a file imports, at its top or inside a function: "lasso", "course.run", …"""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("saekit.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "saekit":
            found |= {
                alias.name
                for alias in node.names
                if (PACKAGE / alias.name).exists() or (PACKAGE / f"{alias.name}.py").exists()
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("saekit."):
            found.add(node.module.removeprefix("saekit."))
    return found


def subject_files():
    """Files of the subject modules: everything in the package's own folder but what stands above them."""
    return [path for path in PACKAGE.glob("*.py") if path.stem not in (*ABOVE, "__init__")]


def test_every_subject_module_has_its_place_in_the_order():
    assert {path.stem for path in subject_files()} <= set(ORDER)


@pytest.mark.parametrize("path", subject_files(), ids=lambda path: path.stem)
def test_a_subject_module_imports_only_what_stands_before_it(path):
    before = set(ORDER[: ORDER.index(path.stem)])
    assert {name.split(".")[0] for name in imports_of(path)} <= before


def loaded_by(statement):
    """Top-level names of the modules that a fresh Python holds after a statement."""
    code = f"{statement}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "module", ["saekit", "saekit.geometry", "saekit.synthetic", "saekit.lasso", "saekit.pca", "saekit.course", "saekit.cli"]
)
def test_light_modules_load_nothing_heavy(module):
    assert not loaded_by(f"import {module}") & HEAVY


def test_import_saekit_loads_nothing_but_itself_and_the_standard_library():
    new = loaded_by("import saekit") - loaded_by("pass") - set(sys.stdlib_module_names)
    assert new == {"saekit"}


def test_the_doctor_reports_without_loading_torch():
    assert "torch" not in loaded_by("from saekit.doctor import report; report()")


def imports_in(lesson):
    """The import statements of a lesson's source, one per line."""
    tree = ast.parse((PACKAGE.parent / "solutions" / f"{lesson}.py").read_text("utf-8"))
    return "\n".join(ast.unparse(node) for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))


def test_lesson_1_loads_no_torch_with_its_checks_and_its_setup_cell():
    begin = "import saekit.course.checks.lasso, saekit.course.reference.lasso\nbegin('01_lasso')"
    loaded = loaded_by(f"{imports_in('01_lasso')}\n{begin}\nassert budget(smoke=1, laptop=2)")
    assert {"numpy", "scipy", "sklearn", "pywt"} <= loaded
    assert not loaded & {"torch", "transformers"}
