//! The variables from which a run's attempts start: nothing else of the client's environment reaches
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

/// What programs commonly need to find themselves, their libraries and the user's things.
const VARIABLES: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TZ",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
];

/// The common variables and those that the pipeline names, as far as they are set and are text.
pub(crate) fn environment(named: &BTreeSet<String>) -> BTreeMap<String, String> {
    let names = VARIABLES
        .into_iter()
        .chain(named.iter().map(String::as_str));
    let set = names.filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
    set.collect()
}
