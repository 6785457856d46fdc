"""Generated message classes; `tools/protos` makes them anew."""
