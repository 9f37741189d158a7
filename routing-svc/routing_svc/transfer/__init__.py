"""Transfer 转办: one hop of one case to one organ."""
