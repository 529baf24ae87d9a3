//! Whether a node is of the account that sends it, told by its id: the rule of [`crate::rule`] is tried with the
//! places of the account, of which few are tried in practice, since nodes come region by region.
//!
//! Some kinds add parts of their own to the key. Their ids stay unexplained: nothing is wrong with them, but two
//! accounts may claim the same one, and nobody can say whose it is.

use ipc_proto::graph::Role;

use crate::id::CompactId;
use crate::rule::{Key, UNDEFINED};

/// Places of one account that are tried.
const MOST_PLACES: usize = 256;
/// After so many unexplained nodes of one account, only the likely places are tried.
const PATIENCE: u32 = 10_000;

/// What of a node goes into its id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) kind: &'a str,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    /// What its cloud calls it, if it has such a name: most kinds add it.
    pub(crate) arn: Option<&'a str>,
}

/// The places of an account, as far as they have come.
#[derive(Debug)]
pub(crate) struct Places {
    cloud: String,
    account: String,
    /// Region and zone, the last one that fitted in front.
    known: Vec<[String; 2]>,
    unexplained: u32,
    key: Key,
}

impl Places {
    pub(crate) fn new(cloud: &str, account: &str) -> Self {
        let nowhere = [UNDEFINED.to_owned(), UNDEFINED.to_owned()];
        let (cloud, account) = (cloud.to_owned(), account.to_owned());
        Self { cloud, account, known: vec![nowhere], unexplained: 0, key: Key::default() }
    }

    /// Whether `id` can only be that of a node of this account.
    pub(crate) fn explain(&mut self, id: CompactId, role: Role, parts: Parts<'_>) -> bool {
        let found = match role {
            Role::Region => self.region(id, parts) || self.zone(id, parts) || self.resource(id, parts),
            Role::Organization => self.organization(id, parts),
            Role::Root | Role::Cloud | Role::Account | Role::Resource => self.resource(id, parts),
        };
        self.unexplained += u32::from(!found);
        found
    }

    fn resource(&mut self, id: CompactId, Parts { kind, id: own, arn, .. }: Parts<'_>) -> bool {
        let (cloud, account, key) = (&self.cloud, &self.account, &mut self.key);
        let tries = if self.unexplained > PATIENCE { 2 } else { MOST_PLACES };
        let fits = |[region, zone]: &[String; 2]| key.is(id, &[kind, cloud, account, region, zone, own], arn);
        let Some(at) = self.known.iter().take(tries).position(fits) else { return false };
        self.known.swap(0, at);
        true
    }

    fn region(&mut self, id: CompactId, Parts { kind, id: own, name, arn }: Parts<'_>) -> bool {
        let parts = [kind, &self.cloud, &self.account, own, UNDEFINED, own, name];
        let found = self.key.is(id, &parts, arn);
        if found {
            self.learn(own, UNDEFINED);
        }
        found
    }

    fn zone(&mut self, id: CompactId, Parts { kind, id: own, arn, .. }: Parts<'_>) -> bool {
        let (cloud, account, key) = (&self.cloud, &self.account, &mut self.key);
        let fits = |[region, _]: &&[String; 2]| key.is(id, &[kind, cloud, account, region, own, own], arn);
        let Some([region, _]) = self.known.iter().find(fits).cloned() else { return false };
        self.learn(&region, own);
        true
    }

    fn organization(&mut self, id: CompactId, Parts { kind, id: own, arn, .. }: Parts<'_>) -> bool {
        let parts = [kind, &self.cloud, UNDEFINED, UNDEFINED, UNDEFINED, own];
        self.key.is(id, &parts, arn)
    }

    fn learn(&mut self, region: &str, zone: &str) {
        if self.known.len() < MOST_PLACES {
            self.known.push([region.to_owned(), zone.to_owned()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(parts: &[&str]) -> CompactId {
        Key::default().of(parts).id().unwrap()
    }

    fn parts<'a>(kind: &'a str, id: &'a str, name: &'a str) -> Parts<'a> {
        Parts { kind, id, name, arn: None }
    }

    #[test]
    fn only_nodes_of_the_account_are_explained() {
        let mut places = Places::new("aws", "1");
        let region = id(&["r", "aws", "1", "us", "undefined", "us", "US"]);
        let in_region = |account| id(&["v", "aws", account, "us", "undefined", "x"]);
        assert!(!places.explain(in_region("1"), Role::Resource, parts("v", "x", "")), "no region yet");
        assert!(places.explain(region, Role::Region, parts("r", "us", "US")));
        assert!(places.explain(in_region("1"), Role::Resource, parts("v", "x", "")));
        assert!(!places.explain(in_region("2"), Role::Resource, parts("v", "x", "")));
        let zone = id(&["z", "aws", "1", "us", "us-a", "us-a"]);
        assert!(places.explain(zone, Role::Region, parts("z", "us-a", "")));
        let in_zone = id(&["v", "aws", "1", "us", "us-a", "x"]);
        assert!(places.explain(in_zone, Role::Resource, parts("v", "x", "")));
        let global = id(&["v", "aws", "1", "undefined", "undefined", "x"]);
        assert!(places.explain(global, Role::Resource, parts("v", "x", "")));
        assert!(!places.explain(global, Role::Resource, parts("v", "y", "")));
    }

    #[test]
    fn what_the_cloud_calls_a_resource_is_part_of_its_id() {
        let mut places = Places::new("aws", "100000000001");
        let arn = "arn:aws:ec2:us-east-1:100000000001:instance/i-48b11f45de04d6198";
        let parts = Parts { kind: "aws_ec2_instance", id: "i-48b11f45de04d6198", name: "x", arn: Some(arn) };
        let region = Parts { kind: "aws_region", id: "us-east-1", name: "global", arn: None };
        let id = |text: &str| CompactId::parse(text).unwrap();
        assert!(places.explain(id("GBy84m9g2JaOG7ti4KGGuQ"), Role::Region, region));
        assert!(places.explain(id("ATsYZHwJTyF8EO3DS6Elcg"), Role::Resource, parts));
        assert!(!places.explain(id("ATsYZHwJTyF8EO3DS6Elcg"), Role::Resource, Parts { arn: None, ..parts }));
    }

    #[test]
    fn an_account_cannot_pass_for_something_of_another_one() {
        let account = id(&["a", "aws", "2", "undefined", "undefined", "2"]);
        let mut places = Places::new("aws", "1");
        for role in [Role::Resource, Role::Region, Role::Organization] {
            assert!(!places.explain(account, role, parts("a", "2", "2")), "{role:?}");
        }
        let unit = id(&["ou", "aws", "undefined", "undefined", "undefined", "o"]);
        assert!(places.explain(unit, Role::Organization, parts("ou", "o", "")));
        assert!(!places.explain(unit, Role::Resource, parts("ou", "o", "")));
    }
}
