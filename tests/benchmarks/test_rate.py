"""What the measurement of the rate says of known arrivals."""

import pytest

from benchmarks.rate import fullest, measured


@pytest.mark.parametrize(
    ("instants", "expected"),
    [([], 0), ([5.0], 1), ([0.0, 0.5, 1.0], 2), ([0.0, 0.9, 0.95, 1.0, 1.89], 4), ([0.0, 2.0, 2.1, 2.2], 3)],
)
def test_the_fullest_second_slides(instants: list[float], expected: int) -> None:
    """Not whole seconds of the clock; the end of a window is outside."""
    assert expected == fullest(instants, 1.0)


@pytest.mark.parametrize(("gap", "sound"), [(0.2, True), (0.2041, False), (0.19, False)])
def test_five_a_second_are_neither_six_nor_less_than_98_percent(gap: float, *, sound: bool) -> None:
    """Both bounds are looked at."""
    assert sound is measured(5.0, [each * gap for each in range(40)], cpu=1.0).sound
