//! Facts about regions that no API tells: their names for people and where they are.

use std::collections::HashMap;
use std::sync::LazyLock;

/// `{region: [name, latitude, longitude]}`. Names are those of the documentation; places are those of the city or county in
/// the name.
static FACTS: LazyLock<HashMap<&'static str, (&'static str, f64, f64)>> =
    LazyLock::new(|| serde_json::from_str(include_str!("regions.json")).unwrap_or_default());

/// Name, latitude and longitude of a region, if it is known.
pub(crate) fn region_facts(region: &str) -> Option<(&'static str, f64, f64)> {
    FACTS.get(region).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_read_and_plausible() {
        assert_eq!(FACTS.len(), 40);
        for (region, (name, latitude, longitude)) in &*FACTS {
            assert!(region.ends_with(|last: char| last.is_ascii_digit()) && !name.is_empty(), "{region}");
            assert!((-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude));
        }
        assert!(region_facts("xx-north1").is_none());
    }
}
