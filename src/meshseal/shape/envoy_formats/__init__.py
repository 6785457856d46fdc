"""Envoy's access-log formats: read from their definition, and the SQL that reads their lines.

```
grammar    the text of a definition -> literals and commands
operators  what Envoy's commands are: their arguments, what they write, where it goes
documents  a json_format -> the places of its values
expressions  SQL expressions that share parts -> nested SELECTs, each part computed once
text       how a line of text is cut into the values of its commands
times      what the patterns of START_TIME mean
meaning    values of commands -> attributes of the record
literals   the only place where text of a definition becomes part of a statement
```
"""
