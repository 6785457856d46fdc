"""Floor 6: the seal. Trees, the transparency log, checkpoints, manifests, proofs."""
