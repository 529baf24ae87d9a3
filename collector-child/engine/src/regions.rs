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

/// The regions of the account: first that of what belongs to no region, then those that are collected.
#[derive(Debug)]
pub struct Regions(Vec<Region>);

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
        Self(regions)
    }

    /// One of them.
    pub fn get(&self, index: RegionIndex) -> &Region {
        &self.0[usize::from(index.0)]
    }

    /// All, the global one first.
    pub fn all(&self) -> impl Iterator<Item = (RegionIndex, &Region)> {
        (0..).map(RegionIndex).zip(&self.0)
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
        self.0.len()
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
}
