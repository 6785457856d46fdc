"""Tests of what everyone speaks."""
