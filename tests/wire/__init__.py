"""Tests of the protocols' files."""
