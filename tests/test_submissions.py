"""Finding submissions in what learning platforms hand out, and refusing what leads elsewhere."""

import io
import os
import stat
import zipfile

import pytest

from saekit.course.submissions import find_submissions

NOTEBOOK = b'{"cells": []}'


def put(root, *names):
    """Small files under a folder; a zip holds one notebook."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zipped({"work/01_lasso.ipynb": NOTEBOOK}) if name.endswith(".zip") else NOTEBOOK)


def zipped(members):
    """The bytes of a zip with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def names(path):
    return {s.student: [f.name for f in s.files] for s in find_submissions(path)}


def test_folders_zips_and_loose_notebooks_are_named_by_student(tmp_path):
    put(
        tmp_path,
        "ada/01_lasso.ipynb",
        "ada/.ipynb_checkpoints/x.ipynb",
        "bo.zip",
        "cy_01_lasso.ipynb",
        "01_lasso-dee.ipynb",
    )
    assert names(tmp_path) == {
        "ada": ["01_lasso.ipynb"],
        "bo": ["work/01_lasso.ipynb"],
        "cy": ["cy_01_lasso.ipynb"],
        "dee": ["01_lasso-dee.ipynb"],
    }


def test_the_download_layouts_of_canvas_and_moodle_are_recognised(tmp_path):
    put(
        tmp_path,
        "doejane_LATE_12_345_01_lasso-1.ipynb",
        "doejane_12_346_06_train_sae.ipynb",
        "roejim_13_350_all.zip",
        "Jane Doe_77_assignsubmission_file_/01_lasso.ipynb",
        "Jim Roe_78_assignsubmission_file_01_lasso.ipynb",
    )
    assert {student: len(files) for student, files in names(tmp_path).items()} == {
        "doejane (12)": 2,
        "roejim (13)": 1,
        "Jane Doe (77)": 1,
        "Jim Roe (78)": 1,
    }


def test_two_students_with_one_name_stay_two_and_are_told(tmp_path):
    put(
        tmp_path,
        "Kim_4_assignsubmission_file_/x.ipynb",
        "Kim_5_assignsubmission_file_/x.ipynb",
        "ada/x.ipynb",
        "ada.zip",
    )
    found = {s.student: s.problems for s in find_submissions(tmp_path)}
    assert set(found) == {"Kim (4)", "Kim (5)", "ada", "ada [2]"}
    assert not found["Kim (4)"] and all("same name" in found[name][0] for name in ("ada", "ada [2]"))


def test_names_in_other_scripts_survive_and_marks_that_turn_text_round_do_not(tmp_path):
    put(tmp_path, "שרה/x.ipynb", "🦊 fox/x.ipynb", "eve\u202egpj/x.ipynb")
    assert set(names(tmp_path)) == {"שרה", "🦊 fox", "evegpj"}


def test_a_macs_zip_says_nothing_of_utf8_and_its_names_are_read_all_the_same(tmp_path):
    data = bytearray(zipped({"Müller/x.ipynb": NOTEBOOK, "Иванов/x.ipynb": NOTEBOOK}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags + 1] &= ~0x08  # the bit that says UTF-8
            at = data.find(signature, at + 1)
    (tmp_path / "class.zip").write_bytes(data)
    found = find_submissions(tmp_path / "class.zip")
    assert [s.student for s in found] == ["Müller", "Иванов"] and found[0].files[0].read() == NOTEBOOK


def test_one_zip_of_all_students_is_read_like_a_folder(tmp_path):
    whole = {"all/ada/x.ipynb": NOTEBOOK, "all/bo.zip": zipped({"y.ipynb": NOTEBOOK}), "__MACOSX/ada/x.ipynb": b""}
    (tmp_path / "class.zip").write_bytes(zipped(whole))
    found = find_submissions(tmp_path / "class.zip")
    assert [s.student for s in found] == ["ada", "bo"] and [s.files[0].read() for s in found] == [NOTEBOOK] * 2


def test_paths_and_links_that_lead_out_of_an_archive_are_left_out_and_told(tmp_path):
    link = zipfile.ZipInfo("secret.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "eve.zip", "w") as archive:
        archive.writestr("../../x.ipynb", NOTEBOOK)
        archive.writestr("/etc/x.ipynb", NOTEBOOK)
        archive.writestr(link, "/etc/passwd")
        archive.writestr("01_lasso.ipynb", NOTEBOOK)
    (found,) = find_submissions(tmp_path)
    assert [f.name for f in found.files] == ["01_lasso.ipynb"]
    assert sum("leads out" in problem for problem in found.problems) == 3


def test_links_and_pipes_in_a_folder_are_not_opened(tmp_path):
    put(tmp_path, "eve/01_lasso.ipynb")
    (tmp_path / "eve" / "x.ipynb").symlink_to("/etc/passwd")
    (tmp_path / "eve" / "more").symlink_to("/etc")
    os.mkfifo(tmp_path / "eve" / "y.ipynb")
    (found,) = find_submissions(tmp_path)
    assert [f.name for f in found.files] == ["01_lasso.ipynb"] and len(found.problems) == 3


def test_a_broken_archive_and_an_empty_folder_leave_a_note(tmp_path):
    (tmp_path / "ada.zip").write_bytes(b"PK\x03\x04 cut off")
    put(tmp_path, "bo/report.pdf")
    found = {s.student: s.problems for s in find_submissions(tmp_path)}
    assert "not a zip" in found["ada"][0] and found["bo"] == ["no notebook was found in it"]


def test_a_member_larger_than_the_limit_is_refused_whatever_its_header_says(tmp_path, monkeypatch):
    monkeypatch.setattr("saekit.course.submissions.LARGEST", 1000)
    (tmp_path / "ada.zip").write_bytes(zipped({"x.ipynb": bytes(5000)}))
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        find_submissions(tmp_path)[0].files[0].read()


def test_a_folder_without_submissions_and_a_missing_one_are_errors(tmp_path):
    with pytest.raises(ValueError, match="holds no submission"):
        find_submissions(tmp_path)
    with pytest.raises(ValueError, match="does not exist"):
        find_submissions(tmp_path / "nowhere")
    put(tmp_path, "ada_01_lasso.ipynb")
    with pytest.raises(ValueError, match="is no zip; expected a folder or a zip"):
        find_submissions(tmp_path / "ada_01_lasso.ipynb")
