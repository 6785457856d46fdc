"""Tests of the shapes: payloads in, records out, through the real engine."""
