"""Labels that every mesh's records have in common, made of what is stored when they are read.

The columns of a record are sealed, so what a record means in common with others is no column: it is
a function of columns (`shape/sql/meaning.sql`). A label of the same name that the record came with
goes before.
"""

from __future__ import annotations

MESH, MESH_KIND = "mesh", "mesh_kind"
DERIVED: dict[str, str] = {
    MESH: "meshseal_mesh(Format, UpstreamCluster, ResourceAttributes, OtherAttributes)",
    "platform": "meshseal_platform(ResourceAttributes)",
    "cluster": "meshseal_cluster(ResourceAttributes)",
    "namespace": "meshseal_namespace(ResourceAttributes, OtherAttributes)",
    "reporter": "toString(Reporter)",
    "peer_service": "toString(PeerService)",
    "peer_namespace": "toString(PeerNamespace)",
}
"""The labels, and the SQL of each over `logs`."""

OF_RESOURCE: dict[str, str] = {
    "platform": "meshseal_platform({resource})",
    "cluster": "meshseal_cluster({resource})",
    "namespace": "meshseal_namespace({resource}, CAST(map(), 'Map(String, String)'))",
}
"""Those that a resource's attributes tell alone, over a map of them."""

AT_ONCE: dict[str, str] = {
    MESH: "meshseal_mesh(Format, UpstreamCluster, CAST(map(), 'Map(String, String)'), "
    "CAST(map(), 'Map(String, String)'))",
    "reporter": DERIVED["reporter"],
    "peer_service": DERIVED["peer_service"],
    "peer_namespace": DERIVED["peer_namespace"],
}
"""Those whose values, or most of them, small columns tell, so that all records can be asked."""


UNKNOWN_OF_STREAMS = frozenset(DERIVED) - frozenset(OF_RESOURCE)
"""Those that only a record tells: of a question about streams, conditions on them are left out."""


def shown() -> str:
    """Return the SQL of a record's labels of this kind, as a map without empty ones."""
    pairs = ", ".join(f"'{name}', {sql}" for name, sql in DERIVED.items())
    return f"mapFilter((name, value) -> value != '', map({pairs}))"
