//! The run state machine.
