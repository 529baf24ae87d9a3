//! What the kind tables of Google Cloud cannot say; see [`engine::hooks`].

mod findings;
mod instance_groups;
mod prices;
mod quotas;
mod types;

use engine::hooks::Hooks;

/// All hooks.
pub(crate) fn all() -> Hooks {
    Hooks::new(vec![
        Box::new(instance_groups::InstanceGroups),
        Box::new(quotas::RegionQuotas),
        Box::new(types::MACHINE_TYPES),
        Box::new(types::DISK_TYPES),
        Box::new(findings::Findings),
        Box::new(prices::Prices),
    ])
}

/// The part of a link or path behind a word: `a` of `.../zones/a/disks/b` and `zones`.
fn part<'l>(link: &'l str, word: &str) -> Option<&'l str> {
    let mut parts = link.split('/');
    parts.by_ref().find(|part| *part == word)?;
    parts.next().filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_of_links_are_found_by_the_word_before() {
        let link = "https://host/compute/v1/projects/p/zones/a-b/disks/d";
        assert_eq!((part(link, "zones"), part(link, "disks")), (Some("a-b"), Some("d")));
        assert_eq!((part(link, "regions"), part("zones/", "zones")), (None, None));
    }
}
