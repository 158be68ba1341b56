"""The helpers of checks: each wrong kind of value has words of its own, values are shown the same everywhere."""

import numpy as np
import pytest

from saekit.course.checking import (
    Check,
    Slip,
    close,
    expect,
    expect_array,
    expect_number,
    expect_parts,
    rng,
    show,
)
from saekit.course.judging import StudentError, judge


@pytest.mark.parametrize("value, words", [
    ([[1.0]], "it is a list. Is a conversion"),
    (None, "it is None"),
    (np.ones((3, 2)), "transposed"),
    (np.ones(2), "an axis too many"),
    (np.ones((1, 2, 3)), "an axis left over"),
    (np.ones((2, 4)), "which one is summed over"),
    (np.ones((2, 3), dtype=int), "dtype is int64"),
    (np.ones((2, 3)) > 0, "the comparison instead of the values"),
    (np.ones((2, 3), dtype=complex), "dtype is complex128"),
])
def test_a_value_that_is_no_float_array_of_the_shape_is_named(value, words):
    with pytest.raises(Slip, match=words):
        expect_array(value, (2, 3))


def test_a_tensor_counts_as_an_array():
    torch = pytest.importorskip("torch")
    assert expect_array(torch.ones(2, 3, requires_grad=True), (2, 3)).sum() == 6.0
    assert show(torch.tensor([1.0, 2.5])) == "[1. , 2.5]"
    assert expect_number(torch.tensor(2.5)) == 2.5


@pytest.mark.parametrize(
    "value, words", [(np.ones(3), "an array of shape"), (True, "a bool"), ("1", "a str"), (None, "None")]
)
def test_a_value_that_is_no_number_is_named(value, words):
    with pytest.raises(Slip, match=words):
        expect_number(value)


def test_numbers_of_every_kind_pass():
    assert [expect_number(value) for value in (2, 2.0, np.float32(2), np.array(2))] == [2.0] * 4


def test_missing_parts_are_named():
    with pytest.raises(Slip, match="2 things"):
        expect_parts(np.ones(2), 2)
    with pytest.raises(Slip, match="a tuple of 3"):
        expect_parts((1, 2, 3), 2)


def test_expected_and_got_become_rows():
    with pytest.raises(Slip) as slip:
        expect(False, "no", expected=np.array([1.0, -0.0]), got=1 / 3)
    assert slip.value.rows == (("expected", "[1., 0.]"), ("got", "0.3333"))


def test_the_same_words_seed_the_same_numbers():
    assert rng("lasso", "prox").normal() == rng("lasso", "prox").normal() != rng("lasso", "ista").normal()


def test_close_is_relative_to_the_largest_entry_and_needs_the_shape():
    assert close([1e6, 1.0], [1e6, 1.01], tol=1e-7)
    assert not close([1.0, 1.0], [1.0, 1.01])
    assert not close(np.ones((2, 1)), np.ones(2))


@pytest.mark.parametrize("value, text", [
    (np.arange(3), "[0, 1, 2]"), (np.zeros((4, 5)), "array of shape (4, 5)"), (0.123456, "0.1235"), ("a", "'a'"),
    ({"W": np.zeros((9, 9))}, "{'W': array of shape (9, 9)}"), ((1, 2.0), "(1, 2)"), (np.array([True]), "[ True]"),
])
def test_values_are_shown_shortly(value, text):
    assert show(value) == text


def elsewhere(error):
    """A proxy whose function fails in another process."""
    def proxy(x):
        raise error
    return proxy


def test_an_error_from_a_proxy_is_told_like_one_from_here():
    check = Check("tiny", "double", lambda f, rng: f(rng.normal(size=3)))
    verdict = judge(
        check,
        elsewhere(StudentError("IndexError", "index 3 is out of bounds", "line 2, in double: x[3]")),
        in_notebook=False,
    )
    assert "stopped with IndexError" in verdict.message and verdict.trace == "line 2, in double: x[3]"


def test_a_proxy_may_return_its_input_and_differ_between_calls_because_copies_travel():
    check = Check("tiny", "double", lambda f, rng: f(rng.normal(size=3)))
    assert judge(check, lambda x: x, in_notebook=False, seconds=None).state == "passed"
    assert "shares its memory" in judge(check, lambda x: x).message


def test_a_check_that_breaks_on_what_it_gets_blames_the_value():
    check = Check("tiny", "double", lambda f, rng: f(1.0).sum())
    verdict = judge(check, lambda x: "text")
    assert verdict.state == "not yet" and "could not work with what you returned (AttributeError" in verdict.message


def test_nan_passes_where_the_check_allows_it():
    check = Check("tiny", "ratio", lambda f, rng: f(1.0), nan_ok=True)
    assert judge(check, lambda x: float("nan")).state == "passed"


def test_the_check_gets_inputs_that_no_answer_can_spoil():
    def body(f, rng):
        x = rng.normal(size=3)
        before = x.copy()
        f(x)
        expect(np.array_equal(x, before), "spoilt")

    def spoils(x):
        x[:] = 0
        return x.sum()

    assert "changed its own input" in judge(Check("tiny", "spoils", body), spoils).message
