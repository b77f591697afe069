//! Wire documents and a typed client.
