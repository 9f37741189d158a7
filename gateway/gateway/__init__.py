"""The one API in front of the services; keeps no database."""
