"""What services agree on: words, events, envelopes, catalogue documents. Standard library only."""
