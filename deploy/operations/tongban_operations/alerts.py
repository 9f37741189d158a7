"""Writes the alerts of ``deploy/watching/rules.yml`` as the Prometheus operator takes them: ``python -m tongban_operations.alerts``."""

import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

MANIFEST = Path("kubernetes", "overlays", "watched", "rules.yaml")

_HEADING = "# Written by `python -m tongban_operations.alerts` from deploy/watching/rules.yml; a test compares.\n"


def manifest(rules: str) -> str:
    """A PrometheusRule with the same groups.

    Args:
        rules: The file that a Prometheus of one's own reads, YAML.
    """
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "tongban"},
        "spec": {"groups": yaml.safe_load(rules)["groups"]},
    }
    return _HEADING + yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=1000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write it where the overlay looks for it."""
    chosen = sys.argv[1:] if arguments is None else arguments
    deploy = Path(chosen[0]) if chosen else Path("deploy")
    (deploy / MANIFEST).write_text(manifest((deploy / "watching" / "rules.yml").read_text(encoding="utf-8")), encoding="utf-8")
    print(deploy / MANIFEST)
    return 0


if __name__ == "__main__":
    sys.exit(main())
