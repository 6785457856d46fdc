"""What a row of the formats says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a record's body.

    Attributes:
        name: What `Format` says, and what a sender may give as a hint.
        check: SQL over `line`: true where a line looks like this format. It must be cheap; what
            passes it and then does not parse becomes `unparsed`.
        files: Its SELECTs in `sql/format/`, the innermost first.
        closed: Whether its attributes are the SELECT's backquoted columns (true), or an array of
            (key, value) named `pairs`, as open as the line is (false).
        mesh: Whether it is recognised inside OpenTelemetry bodies too.
        title: What it is, for the reference page.
        positional: So many of a row's attributes are the format's own fields, in their order; the
            others are kept as they are.
        select: Where it was made from an Envoy format string (`shape.custom`): its innermost SELECT
            over `raw`, in the place of a first file.
        attributes: Which attributes that SELECT gives as columns.
        extra: Whether its SELECT gives an array `pairs` beside its columns: what of the line has no
            column, such as keys that a user has added.
        hinted: As `check`, for a line whose sender says that it is of this format; '' is `check`.
        resource: Whether its SELECT gives an array `resource_pairs`: attributes of what produced
            the record.
        silent: Whether its SELECT gives no attributes by itself where a line does not parse. For
            the others that is seen to, which costs a tenth of the time.
        telling: Texts of which every line of it holds one, and hardly a line of another format. All
            formats' are looked for in one pass over the line, so that such a format's `check` runs
            only where it is likely to hold (`shape.recognise`).
        starts: Without a telling text, the ASCII characters that its lines begin with; where it is
            empty, `check` runs on every line that no other format claims.
        kind: Which mesh its records come from, where a user said so: their `mesh.kind`.
        reads: Names of a row's own attributes that the SELECT reads where the body is no JSON: what
            it makes of them takes their place.
    """

    name: str
    check: str
    files: tuple[str, ...]
    closed: bool
    mesh: bool
    title: str
    positional: int = 0
    select: str = ""
    attributes: tuple[str, ...] = ()
    extra: bool = False
    hinted: str = ""
    resource: bool = False
    silent: bool = False
    reads: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    starts: str = ""
    kind: str = ""
