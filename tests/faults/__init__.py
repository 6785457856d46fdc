"""Tests that really kill processes, fill disks and tear files."""
