"""Numbers and seeds from outside: what is taken, what is refused, and in which words."""

from typing import Any

import pytest

from playground.errors import UserError
from playground.validation import MAX_SEED, clamp, clamp_whole, validate_number, validate_seed, validate_whole

NO_NUMBERS = (None, True, "3", [3], float("nan"))


@pytest.mark.parametrize("value", [*NO_NUMBERS, float("inf"), -0.1, 2.5, 10**400])
def test_a_number_out_of_its_range_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="Strength must be a number from 0 to 2") as error:
        validate_number(value, "Strength", 0, 2)
    assert len(str(error.value)) < 100


@pytest.mark.parametrize("value", [*NO_NUMBERS, 2.5, 0, 10, float("inf")])
def test_a_whole_number_out_of_its_range_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match="Steps must be a whole number from 1 to 9"):
        validate_whole(value, "Steps", 1, 9)


def test_a_whole_float_is_a_whole_number() -> None:
    assert type(validate_whole(3.0, "Steps", 1, 9)) is int and validate_whole(3.0, "Steps", 1, 9) == 3
    assert validate_seed(7.0) == 7 and validate_seed(0) == 0 and validate_seed(MAX_SEED) == MAX_SEED


@pytest.mark.parametrize("value", [*NO_NUMBERS, -1, 1.5, MAX_SEED + 1, 10**400])
def test_a_seed_out_of_range_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=f"A seed must be a whole number from 0 to {MAX_SEED}"):
        validate_seed(value)


@pytest.mark.parametrize(("value", "becomes"), [(-5, 1), (1e9, 9), (10**400, 9), (-(10**400), 1)])
def test_what_is_moved_into_its_range_is_told(value: Any, becomes: int) -> None:
    notes: list[str] = []
    assert clamp_whole(value, "max_new_tokens", 1, 9, notes) == becomes
    assert len(notes) == 1 and notes[0].startswith("Max new tokens ") and "from 1 to 9 is possible" in notes[0]


def test_what_lies_in_its_range_is_not_told() -> None:
    notes: list[str] = []
    assert clamp(0.5, "strength", 0, 1, notes) == 0.5 and clamp_whole(4.0, "steps", 1, 9, notes) == 4
    assert notes == []
    assert clamp(3, "guidance", 1, 1, notes) == 1 and "only 1 is possible" in notes[0]


@pytest.mark.parametrize("value", [*NO_NUMBERS, float("inf")])
def test_what_is_no_number_cannot_be_moved(value: Any) -> None:
    with pytest.raises(UserError, match="`steps` must be a"):
        clamp_whole(value, "steps", 1, 9, [])
