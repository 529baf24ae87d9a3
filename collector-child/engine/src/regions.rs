//! The regions of an account, by position.

use tables::plan::Place;

/// Names a region of the account: its position in [`Regions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionIndex(u16);

impl RegionIndex {
    /// What belongs to no region.
    pub const GLOBAL: Self = Self(0);
}

/// A region of the account.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Its id. What belongs to no region may have that of one of the others.
    pub id: String,
    /// Its name: the id, or `global` for what belongs to no region.
    pub name: String,
    /// The same for templates of kind tables.
    pub place: Place,
}

/// Names a zone of the account: its position among the zones of [`Regions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneIndex(u16);

/// A zone: a part of a region.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The region that it is in.
    pub region: RegionIndex,
    /// The same for templates of kind tables.
    pub place: Place,
}

/// The regions of the account: first that of what belongs to no region, then those that are collected; and their zones.
#[derive(Debug)]
pub struct Regions {
    regions: Vec<Region>,
    zones: Vec<Zone>,
}

impl Regions {
    /// These regions, each once, in their order, behind the one for what belongs to no region.
    pub fn new(global: Region, regional: impl IntoIterator<Item = Region>) -> Self {
        let mut regions = vec![global];
        // More regions than fit an index do not exist by far.
        for region in regional.into_iter().take(usize::from(u16::MAX) - 1) {
            if !regions.iter().skip(1).any(|known| known.id == region.id) {
                regions.push(region);
            }
        }
        Self { regions, zones: Vec::new() }
    }

    /// With these zones of them.
    #[must_use]
    pub fn with_zones(mut self, zones: impl IntoIterator<Item = Zone>) -> Self {
        self.zones = zones.into_iter().take(usize::from(u16::MAX)).collect();
        self
    }

    /// All zones.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneIndex, &Zone)> {
        (0..).map(ZoneIndex).zip(&self.zones)
    }

    /// One of the zones.
    pub fn zone(&self, index: ZoneIndex) -> &Zone {
        &self.zones[usize::from(index.0)]
    }

    /// The zone or region that a text names: by id or name, whole or with its last segment; with `fold` in any case of
    /// letters. The global region is found by its name only.
    pub fn named(&self, text: &str, fold: bool) -> Option<Named> {
        let same =
            |known: &str, text: &str| known == text || fold && known.to_lowercase() == text.to_lowercase();
        let last = text.rsplit('/').next().unwrap_or(text);
        [text, last].into_iter().filter(|text| !text.is_empty()).find_map(|text| {
            let zone = self.zones().find(|(_, zone)| same(&zone.id, text) || same(&zone.name, text));
            let region = || {
                let own =
                    self.regional().find(|(_, region)| same(&region.id, text) || same(&region.name, text));
                own.or_else(|| self.all().find(|(_, region)| same(&region.name, text)))
            };
            zone.map(|(index, _)| Named::Zone(index))
                .or_else(|| region().map(|(index, _)| Named::Region(index)))
        })
    }

    /// One of them.
    pub fn get(&self, index: RegionIndex) -> &Region {
        &self.regions[usize::from(index.0)]
    }

    /// All, the global one first.
    pub fn all(&self) -> impl Iterator<Item = (RegionIndex, &Region)> {
        (0..).map(RegionIndex).zip(&self.regions)
    }

    /// All but the global one.
    pub fn regional(&self) -> impl Iterator<Item = (RegionIndex, &Region)> {
        self.all().skip(1)
    }

    /// The region with this id, unless it is not collected. Never the global one.
    pub fn find(&self, id: &str) -> Option<RegionIndex> {
        self.regional().find(|(_, region)| region.id == id).map(|(index, _)| index)
    }

    /// How many there are, with the global one.
    #[expect(clippy::len_without_is_empty, reason = "the global one is always there")]
    pub fn len(&self) -> usize {
        self.regions.len()
    }
}

/// A place that a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A zone.
    Zone(ZoneIndex),
    /// A region.
    Region(RegionIndex),
}

impl ZoneIndex {
    /// The position.
    pub fn position(self) -> usize {
        usize::from(self.0)
    }
}

impl RegionIndex {
    /// The position.
    pub fn position(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_region_comes_first_and_is_not_found_by_its_id() {
        let region = |id: &str, name: &str| Region {
            id: id.to_owned(),
            name: name.to_owned(),
            place: Place::new("1", id, name, ""),
        };
        let ids = ["eu-west-1", "us-east-1", "eu-west-1"];
        let regions = Regions::new(region("us-east-1", "global"), ids.map(|id| region(id, id)));
        let names: Vec<_> =
            regions.all().map(|(_, region)| (region.id.as_str(), region.name.as_str())).collect();
        assert_eq!(names, [("us-east-1", "global"), ("eu-west-1", "eu-west-1"), ("us-east-1", "us-east-1")]);
        assert_eq!(regions.find("us-east-1").unwrap().position(), 2);
        assert_eq!(regions.find("ap-south-1"), None);
        assert_eq!(regions.get(RegionIndex::GLOBAL).place.region_name(), "global");
    }

    #[test]
    fn places_are_found_by_what_names_them() {
        let place = Place::new("1", "", "", "");
        let region =
            |id: &str, name: &str| Region { id: id.to_owned(), name: name.to_owned(), place: place.clone() };
        let regions = Regions::new(region("", "global"), [region("europe-west1", "Europe")]);
        let europe = regions.find("europe-west1").unwrap();
        let zone =
            Zone { id: "europe-west1-b".into(), name: "b".into(), region: europe, place: place.clone() };
        let regions = regions.with_zones([zone]);
        let zone = Some(Named::Zone(ZoneIndex(0)));
        for (text, fold, expected) in [
            ("https://cloud.example/zones/europe-west1-b", false, zone),
            ("zones/b", false, zone),
            ("EUROPE-WEST1-B", false, None),
            ("EUROPE-WEST1-B", true, zone),
            ("regions/europe-west1", false, Some(Named::Region(europe))),
            ("Europe", false, Some(Named::Region(europe))),
            ("global", false, Some(Named::Region(RegionIndex::GLOBAL))),
            ("", false, None),
            ("mars", false, None),
        ] {
            assert_eq!(regions.named(text, fold), expected, "{text}");
        }
    }
}
