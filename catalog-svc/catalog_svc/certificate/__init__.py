"""The list of certificates 证明事项清单: what organs may ask for beside the law's own documents, and what they may no longer ask for."""
