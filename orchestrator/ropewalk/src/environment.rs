//! What of the client's environment reaches a run's attempts: the variables from which they start, and
//! the secrets that they name. Nothing else does.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use orchestrator_daemon::secret_of_environment;

use crate::error::CliError;

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

/// Those of these secrets that this process has. The daemon looks for the others itself.
pub(crate) fn secrets<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, String>, CliError> {
    let mut found = BTreeMap::new();
    for name in names {
        let secret = secret_of_environment(name).map_err(|error| {
            CliError::usage(format!("the file that {name}_FILE names cannot be read"))
                .because(error)
        })?;
        found.extend(secret.map(|secret| (name.to_owned(), secret)));
    }
    Ok(found)
}
