"""Timeline: what happened to a case, as both counties and the applicant see it."""
