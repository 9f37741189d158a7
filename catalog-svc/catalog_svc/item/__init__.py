"""Service items 实施清单: what one organ offers, in versions."""
