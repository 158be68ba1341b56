"""The doctor reads the machine it is on; here it is shown machines we made up."""

from types import SimpleNamespace

import pytest

from saekit import doctor


@pytest.fixture
def system(monkeypatch):
    """A function that puts made-up texts in place of the system's files."""

    def show(**files):
        monkeypatch.setattr(
            doctor,
            "read",
            lambda path: next((text for name, text in files.items() if name in str(path).replace(".", "_")), ""),
        )

    return show


def test_every_finding_has_three_texts():
    assert all(len(finding) == 3 and all(finding) for finding in doctor.report())


def test_a_container_quota_counts_as_fewer_cores(system, monkeypatch):
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    system(cpu_max="150000 50000\n")
    assert doctor.usable_cores() == 3
    system(cpu_max="max 100000\n")
    assert doctor.usable_cores() == 64
    system(cpu_cfs_quota="20000", cpu_cfs_period="100000")  # a fifth of a core, in the older files
    assert doctor.usable_cores() == 1


def test_matrix_instructions_are_read_from_the_processor_list(system):
    system(cpuinfo="processor : 0\nflags\t\t: fpu avx2 avx512f avx512_bf16\n")
    assert (
        doctor.arithmetic()[0].endswith("AVX512-BF16, AVX-512, AVX2")
        and "where a trial shows" in doctor.arithmetic()[1]
    )
    system(cpuinfo="Features\t: fp asimd\n")
    assert doctor.arithmetic()[0].endswith("NEON") and "float32" in doctor.arithmetic()[1]


def test_a_memory_limit_counts_and_too_little_is_told(system, monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=64e9, available=60e9))
    system(memory_max="4000000000\n", memory_current="2500000000\n")
    found, verdict = doctor.memory()
    assert found == "1.5 of 4.0 GB free" and "close other programs" in verdict  # 4.0 - 2.5


def test_a_gpu_that_pytorch_cannot_use_is_told(monkeypatch):
    monkeypatch.setattr(
        doctor.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=0, stdout="NVIDIA H200, 143771 MiB\n")
    )
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(doctor.answers, "has_cuda", lambda: False)
    assert doctor.gpu() == ("NVIDIA H200, 143771 MiB", "not used: the installed PyTorch is built for CPUs only")


def test_an_unknown_profile_is_told_and_not_raised(monkeypatch):
    monkeypatch.setenv("SAEKIT_PROFILE", "huge")
    assert "huge" in doctor.profile()[1]


def test_without_models_the_later_lessons_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SAEKIT_DATA", str(tmp_path))
    assert "lessons 0 to 4 run" in doctor.models()[1]


def test_models_that_are_there_are_counted_and_missing_ones_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SAEKIT_DATA", str(tmp_path))
    for name in ("python-1l", "saes/python-1l-topk-4096"):
        (tmp_path / name).mkdir(parents=True)
    assert "lessons that use python-4l, python-1l-gelu, SAEs do not run" in doctor.models()[1]
    (tmp_path / "saes" / "python-1l-topk-4096" / "sae.safetensors").write_bytes(bytes(3_000_000))
    assert doctor.models()[0] == "python-1l, 1 SAE (3 MB)"
    for name in ("python-4l", "python-1l-gelu"):
        (tmp_path / name).mkdir()
    assert doctor.models()[1].startswith("all lessons run")


def test_no_finding_shows_where_the_user_lives(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not any(str(tmp_path) in text for finding in doctor.report() for text in finding)
