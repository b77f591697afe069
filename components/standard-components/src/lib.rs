//! The components that ship with the binary.
