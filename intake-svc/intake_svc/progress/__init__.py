"""Progress: what a case shows of the handling that routing and credential own."""
