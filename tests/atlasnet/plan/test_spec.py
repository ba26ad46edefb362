# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from pydantic import ValidationError

from atlasnet.errors import SpecError
from atlasnet.naming import slug
from atlasnet.plan.spec import (
    AreaSpec,
    InputSpec,
    NetworkSpec,
    PathwaySpec,
    ValueSpec,
)


def _pathway(source, target, timing="same_step"):
    return PathwaySpec(
        source=source,
        target=target,
        timing=timing,
        direction="feedforward",
        direction_rule="cited",
    )


def _spec(**changes):
    """Two areas, S1 -> M1 and back."""
    values = {
        "name": "two",
        "control_step_s": 0.02,
        "areas": (
            AreaSpec(name="3a left", n_units=4, cell="dense"),
            AreaSpec(name="4p left", n_units=3, cell="rate"),
        ),
        "pathways": (
            _pathway("3a left", "4p left"),
            _pathway("4p left", "3a left", "previous_step"),
        ),
        "inputs": (InputSpec(name="touch", size=2, areas=("3a left",)),),
        "action_areas": ("4p left",),
        "policy_size": 5,
        "value": ValueSpec(areas=("4p left",)),
    }
    return NetworkSpec(**{**values, **changes})


@pytest.mark.parametrize(
    ("name", "layer"),
    [("Area 4p (PreCG) left", "area_4p_precg_left"), ("3a left", "3a_left")],
)
def test_a_slug_is_lower_case_letters_digits_and_underscores(name, layer):
    assert slug(name) == layer


def test_a_spec_answers_what_the_builder_asks():
    spec = _spec()
    assert spec.n_units == 7
    assert spec.area("4p left").layer == "4p_left"
    assert spec.afferents("4p left", "same_step") == ("3a left",)
    assert spec.afferents("3a left", "previous_step") == ("4p left",)
    assert spec.afferents("3a left", "same_step") == ()
    assert spec.sensations("3a left") == ("touch",)
    assert set(spec.to_networkx().edges) == {
        ("3a left", "4p left"),
        ("4p left", "3a left"),
    }


def test_json_brings_back_an_equal_spec(tmp_path):
    spec = _spec(provenance={"atlas": "Julich-Brain"})
    assert NetworkSpec.from_json(spec.to_json()) == spec
    spec.save(tmp_path / "network.json")
    assert NetworkSpec.load(tmp_path / "network.json") == spec


def test_a_spec_is_immutable():
    with pytest.raises(ValidationError, match="frozen"):
        _spec().name = "three"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action_areas": ("4q left",)}, r"names the area '4q left'.*4p left"),
        ({"value": ValueSpec(areas=("V1",))}, "The value head names the area 'V1'"),
        (
            {"inputs": (InputSpec(name="touch", size=2, areas=("3c",)),)},
            "The sensation 'touch' names the area '3c'",
        ),
        (
            {"areas": (AreaSpec(name="3a left", n_units=4, cell="dense"),) * 2},
            "The area '3a left' appears twice",
        ),
        (
            {"inputs": (InputSpec(name="touch", size=2, areas=("3a left",)),) * 2},
            "The sensation 'touch' appears twice",
        ),
        (
            {"pathways": (_pathway("3a left", "4p left"),) * 2},
            "The pathway '3a left -> 4p left' appears twice",
        ),
        (
            {"pathways": (_pathway("4p left", "3a left"),)},
            "runs against the order of the areas",
        ),
        ({"pathways": (_pathway("3a left", "3a left"),)}, "is a loop"),
        ({"pathways": ()}, "No sensation reaches the action area '4p left'"),
        (
            {"pathways": (), "action_areas": ("3a left",)},
            "The area '4p left' has no input",
        ),
        ({"policy_size": 0}, "Invalid network spec at 'policy_size'.*got 0"),
        ({"colour": "red"}, "Unknown network spec key 'colour'"),
    ],
)
def test_a_spec_that_cannot_be_built_is_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        _spec(**changes)


def test_two_names_with_one_layer_are_refused():
    areas = (
        AreaSpec(name="3a left", n_units=4, cell="dense"),
        AreaSpec(name="3a-left", n_units=4, cell="dense"),
        AreaSpec(name="4p left", n_units=3, cell="rate"),
    )
    with pytest.raises(SpecError, match="layer '3a_left' appears twice"):
        _spec(areas=areas)


def test_an_unknown_area_gets_the_nearest():
    with pytest.raises(SpecError, match=r"No area '4q left'.*4p left"):
        _spec().area("4q left")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is JSON, this is not"), ("[]", "JSON object, got list")],
)
def test_text_that_is_no_spec_is_refused(text, message):
    with pytest.raises(SpecError, match=message):
        NetworkSpec.from_json(text)


def test_an_edited_spec_is_validated_again():
    data = json.loads(_spec().to_json())
    data["areas"][0]["n_units"] = -1
    with pytest.raises(SpecError, match=r"spec at 'areas\.3a left\.n_units'"):
        NetworkSpec.from_json(json.dumps(data))
