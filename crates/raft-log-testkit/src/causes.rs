//! The chain of an error's causes, for tests of what reaches those who are above a log.

use std::error::Error;

/// What an error says, and then each of its sources, down to the one that has none.
pub fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut links = Vec::new();
    let mut next = Some(error);
    while let Some(link) = next {
        links.push(link.to_string());
        next = link.source();
    }
    links
}

/// Of the [`causes`] of an error: the last says what the `system` said, in a link of its own behind what the `log` said.
///
/// # Panics
/// When it does not.
pub fn assert_caused_by(causes: &[String], system: &str, log: &str) {
    let Some((root, above)) = causes.split_last() else { panic!("no error at all") };
    assert!(root.contains(system) && !root.contains(log), "not caused by {system:?}: {causes:#?}");
    assert!(above.iter().any(|link| link.contains(log)), "no {log:?} above it: {causes:#?}");
}
