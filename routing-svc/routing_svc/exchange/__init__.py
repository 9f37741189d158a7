"""Exchange: signed receipts of the steps of a transfer, chained per case."""
