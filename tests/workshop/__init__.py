"""Tests of what is around the program: pages, tools, the package."""
