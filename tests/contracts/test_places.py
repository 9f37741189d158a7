"""A region with what stands above it, whatever order the records come in."""

from itertools import permutations

import pytest

from contracts.catalogue import Region
from contracts.values import RegionCode
from rules.catalogue import Catalogue
from tests.contracts.builders import put

NATION = Region(code=RegionCode("000000"), name="全国", level="nation", parent=None)
PROVINCE = Region(code=RegionCode("460000"), name="海南省", level="province", parent=NATION.code)
COUNTY = Region(code=RegionCode("469001"), name="五指山市", level="county", parent=PROVINCE.code)
TOWN = Region(code=RegionCode("469001100"), name="通什镇", level="town", parent=COUNTY.code)
MUNICIPALITY = Region(code=RegionCode("110000"), name="北京市", level="province", parent=NATION.code, kind="直辖市")
DISTRICT = Region(code=RegionCode("110101"), name="东城区", level="county", parent=MUNICIPALITY.code)
CITY = Region(code=RegionCode("430100"), name="长沙市", level="city", parent=NATION.code)
CITY_COUNTY = Region(code=RegionCode("430181"), name="浏阳市", level="county", parent=CITY.code)
PARK = Region(code=RegionCode("430181900"), name="浏阳经开区", level="town", parent=CITY_COUNTY.code, kind="园区")
INSIDE = Region(code=RegionCode("430181900001"), name="洞阳社区", level="village", parent=PARK.code)


def known(*regions: Region) -> Catalogue:
    catalogue = Catalogue()
    for region in regions:
        put(catalogue, region)
        catalogue.place(region.code)  # what is remembered of a question must not outlive the next record
    return catalogue


@pytest.mark.parametrize(
    ("line", "city", "park"),
    [
        ((TOWN, COUNTY, PROVINCE, NATION), COUNTY, None),
        ((DISTRICT, MUNICIPALITY, NATION), MUNICIPALITY, None),
        ((INSIDE, PARK, CITY_COUNTY, CITY, NATION), CITY, PARK),
        ((PROVINCE, NATION), None, None),
    ],
)
def test_a_place_is_the_same_in_whatever_order_its_regions_come(line: tuple[Region, ...], city: Region | None, park: Region | None) -> None:
    for order in permutations(line):
        place = known(*order).place(line[0].code)

        assert place is not None
        assert (place.region, place.above, place.chain) == (line[0], line, tuple(one.code for one in line))
        assert (place.city, place.park) == (city, park)


def test_two_regions_above_each_other_each_begin_with_themselves() -> None:
    one = Region(code=RegionCode("430100"), name="一", level="city", parent=RegionCode("430200"))
    other = Region(code=RegionCode("430200"), name="二", level="city", parent=RegionCode("430100"))
    catalogue = known(one, other)

    assert [catalogue.chain(code) for code in (one.code, other.code, one.code)] == [
        (one.code, other.code),
        (other.code, one.code),
        (one.code, other.code),
    ]


def test_an_unknown_region_stands_nowhere() -> None:
    assert known(NATION).place(RegionCode("999999")) is None
