"""A site whose users are of its own kind."""
