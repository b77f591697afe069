//! The loop and the HTTP API.
