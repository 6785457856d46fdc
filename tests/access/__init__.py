"""Tests of keys, credentials and state."""
