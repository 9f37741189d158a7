"""Writes Grafana's dashboards from the short list in ``deploy/watching/dashboards.yaml``: ``python -m tongban_operations.dashboards``.

A dashboard exported by hand is a thousand lines that nobody reviews; the list is what it shows, and the rest is the same for every panel.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

WIDTH = 24
"""Columns of Grafana's grid."""
ACROSS = 3
"""Panels side by side; four where three would leave a gap."""
HEIGHT = 8

_SOURCE = {"type": "prometheus", "uid": "${source}"}


def dashboards(listed: str) -> dict[str, str]:
    """JSON by file name.

    Args:
        listed: The list, YAML.
    """
    return {
        f"{each['uid'].removeprefix('tongban-')}.json": json.dumps(_dashboard(each), ensure_ascii=False, indent=1) + "\n"
        for each in yaml.safe_load(listed)
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write them beside the list."""
    chosen = sys.argv[1:] if arguments is None else arguments
    folder = Path(chosen[0]) if chosen else Path("deploy/watching")
    for name, text in dashboards((folder / "dashboards.yaml").read_text(encoding="utf-8")).items():
        (folder / "dashboards" / name).write_text(text, encoding="utf-8")
        print(folder / "dashboards" / name)
    return 0


def _dashboard(listed: dict[str, Any]) -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    top = 0
    for row in listed["rows"]:
        panels.append(_row(row["title"], number=len(panels) + 1, top=top))
        top += 1
        across = 4 if len(row["panels"]) % ACROSS else ACROSS
        for place, panel in enumerate(row["panels"]):
            width = WIDTH // across
            grid = {"x": place % across * width, "y": top + place // across * HEIGHT, "w": width, "h": HEIGHT}
            panels.append(_panel(panel, number=len(panels) + 1, grid=grid))
        top += -(-len(row["panels"]) // across) * HEIGHT
    return {
        "uid": listed["uid"],
        "title": listed["title"],
        "tags": ["tongban"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]},
        "panels": panels,
    }


def _row(title: str, *, number: int, top: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        "panels": [],
    }


def _panel(listed: dict[str, Any], *, number: int, grid: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": listed["title"],
        "datasource": _SOURCE,
        "gridPos": grid,
        "fieldConfig": {"defaults": {"unit": listed["unit"], "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query["expr"], "legendFormat": query["legend"]}
            for place, query in enumerate(listed["queries"])
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
