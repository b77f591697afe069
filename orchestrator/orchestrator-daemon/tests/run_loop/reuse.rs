//! Reuse and its reasons, retries, and what a plan tells of them beforehand.
