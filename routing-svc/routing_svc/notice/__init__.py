"""Notice 文书: what an organ writes to an applicant, numbered, sealed, kept."""
