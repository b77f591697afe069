//! Artifact types, component manifests and the worker contract.
