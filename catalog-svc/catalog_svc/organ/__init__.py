"""Organs 机构: who decides, by unified social credit code."""
