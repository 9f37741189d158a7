"""Parts: form, situations, checklist and texts, each under the digest of its content and shared by every version that says the same."""
