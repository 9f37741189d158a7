"""An OpenID provider for development: real authorization code and PKCE, people from a file, loopback only."""
