"""Cases as they were received: check, receipt, supplements, and what is shown of their handling."""
