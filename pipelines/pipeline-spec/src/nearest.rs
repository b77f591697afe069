//! Nearest names, for "did you mean".

/// The candidate that a mistyped name most likely means, if one is near enough.
///
/// Case and the difference between `-` and `_` do not count; otherwise one of every three letters may
/// be wrong.
///
/// ```
/// use pipeline_spec::nearest;
/// assert_eq!(nearest("exampels", ["examples", "schema"]), Some("examples"));
/// assert_eq!(nearest("model", ["examples", "schema"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = normal(name);
    let allowed = wanted.chars().count() / 3;
    candidates
        .into_iter()
        .filter(|c| c.len().abs_diff(name.len()) <= 4 * allowed)
        .map(|c| (strsim::osa_distance(&wanted, &normal(c)), c))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// A hint that names the nearest candidate, else all of them if they are few.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    /// More names than this are no help in one line.
    const LISTED_MAX: usize = 16;
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(found) = nearest(name, candidates.iter().copied()) {
        return format!("did you mean `{found}`?");
    }
    if candidates.is_empty() || candidates.len() > LISTED_MAX {
        return String::new();
    }
    let quoted: Vec<String> = candidates.iter().map(|c| format!("`{c}`")).collect();
    format!("known here: {}", quoted.join(", "))
}

fn normal(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}
