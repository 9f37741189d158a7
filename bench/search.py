"""What one search costs in CPU, over the base directory and over generated ones of a province's and a nation's size.

``python -m bench.search`` prints it; nothing else need run. The questions are those of ``tests/catalog/queries-seen.csv``, each asked of
every directory, where most of them have as many near answers as the names were generated of.
"""

from __future__ import annotations

import csv
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path

from catalog_svc.search.outside import SearchIndex
from catalog_svc.seed.reading import Seed
from contracts.values import ItemCode, RegionCode

QUERIES = Path(__file__).parents[1] / "tests" / "catalog" / "queries-seen.csv"

SIZES = (126, 5_458, 10_000)
"""The base directory, the items of the county that published most, and beyond."""

_FIELDS = [
    "水路运输",
    "港口经营",
    "林木采伐",
    "渔业捕捞",
    "种子生产",
    "兽药经营",
    "危险化学品",
    "烟花爆竹",
    "特种设备",
    "计量器具",
    "印刷经营",
    "出版物零售",
    "营业性演出",
    "文物拍卖",
]
_FIELDS += [
    "旅行社",
    "互联网上网服务",
    "广播电视节目",
    "民办学校",
    "校外培训",
    "人力资源服务",
    "劳务派遣",
    "医疗机构",
    "放射诊疗",
    "饮用水供水",
    "药品零售",
    "医疗器械",
]
_FIELDS += [
    "化妆品生产",
    "建筑施工",
    "房地产开发",
    "燃气经营",
    "城市排水",
    "户外广告",
    "道路挖掘",
    "树木砍伐",
    "取水",
    "河道采砂",
    "水土保持",
    "防洪评价",
    "矿产开采",
    "测绘",
]
_FIELDS += [
    "土地使用权",
    "建设工程规划",
    "人防工程",
    "消防设计",
    "节能审查",
    "电力业务",
    "粮食收购",
    "成品油零售",
    "拍卖",
    "典当",
    "对外贸易",
    "慈善组织",
    "社会团体",
    "基金会",
    "养老机构",
]
_OBJECTS = ["企业", "单位", "个人", "场所", "人员", "车辆", "船舶", "项目", "产品", "设备"]
_ACTS = [
    "许可",
    "许可变更",
    "许可延续",
    "许可注销",
    "许可证补发",
    "备案",
    "备案变更",
    "资格认定",
    "年度检验",
    "登记",
    "变更登记",
    "注销登记",
    "审批",
    "验收",
    "查询",
    "证明开具",
    "补贴申领",
    "等级评定",
]


def names(size: int) -> Iterator[tuple[ItemCode, str]]:
    """The base directory, and after it generated names, as many in all."""
    base = [(one.code, one.name) for one in Seed().base_items()]
    yield from base[:size]
    generated = (f"{field}{thing}{act}" for act, thing, field in product(_ACTS, _OBJECTS, _FIELDS))
    for number, name in enumerate(islice(generated, max(0, size - len(base)))):
        yield ItemCode(f"{900_000_000_000 + number}"), name


def build(size: int) -> SearchIndex:
    """The index as the service builds it."""
    words: dict[ItemCode, list[tuple[str, RegionCode]]] = defaultdict(list)
    terms: dict[str, list[str]] = defaultdict(list)
    for one in Seed().words():
        if one.item is not None:
            words[one.item].append((one.word, one.region))
        elif one.means is not None:
            terms[one.word].append(one.means)
    return SearchIndex(names(size), words=words, terms=terms, edition=(0, 0))


def main() -> None:
    """Print a table."""
    with QUERIES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    print(f"{'names':>7} {'build s':>8} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'hit@1':>6} {'peak MB':>8}   CPU of {len(rows)} queries")
    for size in SIZES:
        began = time.process_time()
        index = build(size)
        built = time.process_time() - began
        spent, first = [], 0
        for row in rows:
            began = time.process_time()
            found = index.find(row["query"], limit=10)
            spent.append((time.process_time() - began) * 1000)
            first += bool(found) and found[0].item_code == row["best"]
        cuts = statistics.quantiles(spent, n=100)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{size:>7} {built:>8.2f} {cuts[49]:>7.2f} {cuts[98]:>7.2f} {max(spent):>7.2f} {first / len(rows):>6.3f} {peak:>8.0f}")


if __name__ == "__main__":
    main()
