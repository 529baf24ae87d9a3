//! Facts about regions that no API tells: their names for people and where they are.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What is known about a region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RegionFacts {
    /// The name in the console, for example `Europe (Frankfurt)`.
    pub(crate) long_name: &'static str,
    /// Degrees north.
    pub(crate) latitude: f64,
    /// Degrees east.
    pub(crate) longitude: f64,
}

/// The day AWS began: the time of creation of regions, which have none.
pub(crate) const LAUNCH_DAY: &str = "2006-03-19T00:00:00Z";

/// `{region: [name, latitude, longitude]}`, the public regions of the partition `aws`. Names are those of the
/// console; places are those of the city or county in the name.
static FACTS: LazyLock<HashMap<&'static str, (&'static str, f64, f64)>> =
    LazyLock::new(|| serde_json::from_str(include_str!("regions.json")).unwrap_or_default());

/// The facts about a region, if it is known.
pub(crate) fn region_facts(region: &str) -> Option<RegionFacts> {
    let (long_name, latitude, longitude) = FACTS.get(region).copied()?;
    Some(RegionFacts { long_name, latitude, longitude })
}

/// How the price list calls a region: as the console, but for Europe.
pub(crate) fn pricing_location(region: &str) -> Option<String> {
    region_facts(region).map(|facts| facts.long_name.replace("Europe", "EU"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_is_read_and_plausible() {
        assert_eq!(FACTS.len(), 29);
        for (region, (name, latitude, longitude)) in &*FACTS {
            assert!(region.rsplit('-').next().is_some_and(|number| number.parse::<u8>().is_ok()), "{region}");
            assert!(name.ends_with(')') && name.contains(" ("), "{name}");
            assert!((-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude));
        }
        assert!(region_facts("xx-north-1").is_none());
    }

    #[test]
    fn the_price_list_says_eu() {
        assert_eq!(pricing_location("eu-central-1").as_deref(), Some("EU (Frankfurt)"));
        assert_eq!(pricing_location("us-east-1").as_deref(), Some("US East (N. Virginia)"));
    }
}
