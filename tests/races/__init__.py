"""Databases that fail in the middle, and sessions that many processes issue, reuse, cancel and expire at once."""
