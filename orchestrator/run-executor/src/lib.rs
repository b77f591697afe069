//! Preparing attempts and launching them.
