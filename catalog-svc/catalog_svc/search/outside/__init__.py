"""The search index and how it reads what people type."""

from catalog_svc.search.outside.index import SearchIndex

__all__ = ["SearchIndex"]
