"""Real PostgreSQL and Kafka without containers, and the one-command runs."""
