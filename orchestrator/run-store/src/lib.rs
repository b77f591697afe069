//! What is remembered of runs, in sled.
