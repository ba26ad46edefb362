# SPDX-License-Identifier: Apache-2.0
import pytest

from atlasnet.units import cells_per_mm3, delay_ms


def test_a_tenth_of_a_millimetre_cubed_fits_a_thousand_times_into_a_cubic_millimetre():
    # (0.1 mm)^3 = 0.001 mm3, so 21.0353 cells in it are 21,035.3 cells/mm3.
    assert cells_per_mm3(21.0353) == pytest.approx(21_035.3)


def test_delay_is_length_over_velocity():
    # 150 mm at 6 m/s: 0.15 m / 6 m/s = 0.025 s.
    assert delay_ms(150.0) == pytest.approx(25.0)
    assert delay_ms(150.0, velocity_m_per_s=3.0) == pytest.approx(50.0)
