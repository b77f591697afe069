//! The persisted types: what rows and objects hold.
//!
//! A set of their own, so that neither the engine's types nor the API's can change what lies on
//! disk. Added fields take `#[serde(default)]`; whatever an older binary would misread raises the
//! number in the file `format`. Golden bytes of every version are fixtures of the tests.

pub(crate) mod approval;
pub(crate) mod artifact;
pub(crate) mod block;
pub(crate) mod codec;
pub(crate) mod digest;
pub(crate) mod event;
pub(crate) mod execution;
pub(crate) mod index;
pub(crate) mod reason;
pub(crate) mod reuse;
pub(crate) mod run;
pub(crate) mod time;
