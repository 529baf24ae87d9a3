//! What paths and templates can see.

use serde_json::{Map, Value};

use super::mapping::Properties;
use super::path::Root;

/// Where a kind is being collected.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    account: Value,
    region: Value,
    region_name: Value,
    partition: Value,
    /// What else the cloud says of it, and the zone.
    more: Map<String, Value>,
}

/// What [`Root::Place`] knows in every cloud.
#[cfg(feature = "compiler")]
pub(crate) const PLACE_NAMES: [&str; 5] = ["account", "region", "region_name", "zone", "partition"];

impl Place {
    /// `region_name` is `global` for what belongs to no region, else the same as `region`.
    pub fn new(account: &str, region: &str, region_name: &str, partition: &str) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
            region_name: region_name.into(),
            partition: partition.into(),
            more: Map::new(),
        }
    }

    /// With something else that `$place.NAME` tells.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The same in a region.
    #[must_use]
    pub fn in_region(&self, id: &str, name: &str) -> Self {
        Self { region: id.into(), region_name: name.into(), ..self.clone() }
    }

    /// Something that is told of it by this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match name {
            "account" => Some(&self.account),
            "region" => Some(&self.region),
            "region_name" => Some(&self.region_name),
            "partition" => Some(&self.partition),
            other => self.more.get(other),
        }
    }

    /// Id of the account.
    pub fn account(&self) -> &str {
        self.account.as_str().unwrap_or_default()
    }

    /// The same place as the owner of a resource sees it.
    #[must_use]
    pub fn of_owner(&self, account: &str) -> Self {
        Self { account: account.into(), ..self.clone() }
    }

    /// Id of the region.
    pub fn region(&self) -> &str {
        self.region.as_str().unwrap_or_default()
    }

    /// Name of the region.
    pub fn region_name(&self) -> &str {
        self.region_name.as_str().unwrap_or_default()
    }

    /// The partition.
    pub fn partition(&self) -> &str {
        self.partition.as_str().unwrap_or_default()
    }
}

/// What paths, templates and conditions can see. Parts that do not exist where it is used are `None`; paths
/// into them find nothing.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'d> {
    /// `.` and names: the document of the item, or inside a nested kind the object that becomes it. When nodes
    /// are tagged or deleted: what the node reports.
    pub item: &'d Value,
    /// `$doc`: the document of the item.
    pub document: &'d Value,
    /// `$parent`: the document of the parent.
    pub parent: Option<&'d Value>,
    /// `$parent@NAME`: the properties of the node of the parent.
    pub parent_properties: Option<&'d Map<String, Value>>,
    /// `@NAME`: the properties that are mapped already.
    pub properties: Option<&'d Properties<'d>>,
    /// `$each`: the element that a call is made for.
    pub each: Option<&'d Value>,
    /// `$account`, `$region`, `$region_name`, `$partition`, `$place.NAME`.
    pub place: &'d Place,
    /// `$key` and `$value`: the tag to be set or removed.
    pub tag: Option<(&'d Value, &'d Value)>,
}

impl<'d> Scope<'d> {
    /// A document in a place.
    pub fn new(document: &'d Value, place: &'d Place) -> Self {
        Self {
            item: document,
            document,
            parent: None,
            parent_properties: None,
            properties: None,
            each: None,
            place,
            tag: None,
        }
    }

    /// With the document and the properties of the parent.
    #[must_use]
    pub fn with_parent(self, document: &'d Value, properties: &'d Map<String, Value>) -> Self {
        Self { parent: Some(document), parent_properties: Some(properties), ..self }
    }

    /// With the properties of the node.
    #[must_use]
    pub fn with_properties(self, properties: &'d Properties<'d>) -> Self {
        Self { properties: Some(properties), ..self }
    }

    /// For one element.
    #[must_use]
    pub fn with_each(self, element: &'d Value) -> Self {
        Self { each: Some(element), ..self }
    }

    /// With the tag to be set or removed; to remove one, its value is null.
    #[must_use]
    pub fn with_tag(self, key: &'d Value, value: &'d Value) -> Self {
        Self { tag: Some((key, value)), ..self }
    }

    /// What a path begins with.
    pub(crate) fn root(&self, root: &Root) -> Option<&'d Value> {
        match root {
            Root::Item => Some(self.item),
            Root::Document => Some(self.document),
            Root::Parent => self.parent,
            Root::ParentProperty(name) => self.parent_properties.and_then(|properties| properties.get(name)),
            Root::Property(name) => self.properties.and_then(|properties| properties.get(name)),
            Root::Each => self.each,
            Root::Account => Some(&self.place.account),
            Root::Region => Some(&self.place.region),
            Root::RegionName => Some(&self.place.region_name),
            Root::Partition => Some(&self.place.partition),
            Root::Place(name) => self.place.get(name),
            Root::TagKey => self.tag.map(|(key, _)| key),
            Root::TagValue => self.tag.map(|(_, value)| value),
        }
    }
}
