# SPDX-License-Identifier: Apache-2.0
import pytest

from atlasnet.naming import in_words, normalised, same_name, slug

AREAS = {name: [name] for name in ("IC left", "ic left", "IC right", "PMv left")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IC left", ["IC left"]),  # the same letters come before the same word
        ("ic left", ["ic left"]),
        ("Ic left", ["IC left", "ic left"]),
        ("PMV", ["PMv left"]),
        ("pmv_left", ["PMv left"]),  # a layer's name
        ("IC", ["IC left", "IC right"]),
        ("iC", ["IC left", "ic left", "IC right"]),
        ("I", []),
        ("", []),
    ],
)
def test_the_strictest_sense_comes_first(text, expected):
    assert same_name(text, AREAS) == expected


@pytest.mark.parametrize("name", ["手の領域 left", "Ωμέγα left", "Моторная кора left"])
def test_letters_of_every_script_count(name):
    areas = {name: [name], "別 left": ["別 left"]}
    assert same_name(name.upper(), areas) == [name]
    assert in_words(name.split()[0], areas) == [name]
    assert normalised(name)


def test_layers_of_other_scripts_have_names_of_their_own():
    assert slug("手 left") == "u624b_left"
    assert slug("Área 4") == "area_4"
    assert slug("ж") != slug("я")
