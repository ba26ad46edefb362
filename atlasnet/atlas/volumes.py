# SPDX-License-Identifier: Apache-2.0
"""Volumes: of which hemisphere's map a region has its own.

The map of an area differs between the hemispheres by up to 3.6 times in volume (see
docs/validity.md). Which volume is taken is a choice, and this is where it is made.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from atlasnet.atlas.source import RegionRecord
from atlasnet.errors import AtlasError
from atlasnet.naming import normalised

__all__ = ["VolumeRule", "with_volumes"]

VolumeRule = Literal["own", "other", "mean"]

_OTHER = {"left": "right", "right": "left"}


def with_volumes(
    records: Iterable[RegionRecord], rule: VolumeRule
) -> tuple[RegionRecord, ...]:
    """Return the records of an atlas with the volumes that a rule takes.

    Parameters
    ----------
    records : iterable of RegionRecord
        All of the atlas.
    rule : {"own", "other", "mean"}
        The volume of the region itself, that of its counterpart in the other
        hemisphere, or the mean of both, in mm3. It is unknown where one that counts
        is.

    Raises
    ------
    AtlasError
        If a region has no counterpart.
    """
    records = tuple(records)
    if rule == "own":
        return records
    by_name = {normalised(record.name): record for record in records}
    changed = []
    for record in records:
        name = normalised(record.name)
        sought = f"{name.removesuffix(record.hemisphere)}{_OTHER[record.hemisphere]}"
        other = by_name.get(sought)
        if other is None:
            raise AtlasError(
                f"The volume rule '{rule}' asks for the counterpart of '{record.name}' "
                "in the other hemisphere, which the atlas does not have. The rule "
                "'own' takes volumes as they are."
            )
        volume_mm3 = other.volume_mm3
        if rule == "mean":
            both = (record.volume_mm3, other.volume_mm3)
            known = [volume for volume in both if volume is not None]
            volume_mm3 = sum(known) / 2.0 if len(known) == len(both) else None
        changed.append(replace(record, volume_mm3=volume_mm3))
    return tuple(changed)
