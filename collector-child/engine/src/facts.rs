//! What is the same for all accounts of a cloud.

use std::fmt;

use collector::Kinds;
use inventory::NodeKey;
use ipc_proto::job::{Account, Described, Section};
use ipc_proto::secret::Secret;
use shapes::Catalog;

use crate::graph::{Graph, NodeIndex};

/// Whether a resource of a graph was made by the cloud itself.
pub type MadeByCloud<'g> = Box<dyn Fn(NodeIndex) -> bool + 'g>;

/// When a collection asks whether the credentials work ([`Client::still_valid`](crate::Client::still_valid)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Before anything else: of wrong ones all calls would be refused.
    First,
    /// Together with the first calls: whoever knows whose they are ([`Way::identity`](crate::Way::identity)) has used them already.
    WithFirstCalls,
}

/// What is asked for at once of what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measuring {
    /// So many metrics of one region.
    InRegion(usize),
    /// All metrics of the account.
    All,
}

/// What is the same for all accounts of a cloud: a static of its crate.
pub struct CloudFacts {
    /// Its id: of its node, of its collector, and what the names of its kinds begin with.
    pub cloud: &'static str,
    /// The id that it has in the ids of what is below an account, where that is another one.
    pub below_accounts: Option<&'static str>,
    /// What people call it.
    pub name: &'static str,
    /// The kind of its accounts.
    pub account_kind: &'static str,
    /// What the key of the node of an account has besides, with `{id}` for that of the account; empty if that is nothing.
    pub account_key: &'static str,
    /// The kind of its regions.
    pub region_kind: &'static str,
    /// The kind of its zones, if it has such.
    pub zone_kind: Option<&'static str>,
    /// The kind that all its resources are.
    pub resource_kind: &'static str,
    /// Every account has a region for what belongs to no region; else that hangs below the account.
    pub has_global_region: bool,
    /// What is in a zone hangs below the region of that.
    pub below_region: bool,
    /// Regions tell whether they are in use, and others are left out.
    pub drops_unused: bool,
    /// When the credentials are checked.
    pub check: Check,
    /// The setting that names regions, for people; empty if there is none.
    pub region_setting: &'static str,
    /// The setting that says whether accounts with holes are given up, for people.
    pub holes_setting: &'static str,
    /// Its operations, if they have shapes.
    pub catalog: Option<&'static Catalog>,
    /// Operations that no other call about the same item is made beside: their answer decides where those go.
    pub alone: &'static [&'static str],
    /// Codes of denials that are errors; others are only worth knowing, as a role that may not see a service is mostly
    /// meant to be that way.
    pub denials_told: &'static [&'static str],
    /// Services that the cloud lists for regions where they have no host. The host of any other one that does not resolve
    /// is a trouble of the name servers.
    pub without_host: &'static [&'static str],
    /// Kinds that everybody sees: kept only with something below them.
    pub only_above: &'static [&'static str],
    /// Whether the cloud has made a resource by itself, so that it does not keep its region in the graph.
    pub made_by_cloud: fn(&Graph) -> MadeByCloud<'_>,
    /// What one call of [`Client::measure`](crate::Client::measure) is about.
    pub measuring: Measuring,
}

impl CloudFacts {
    /// A cloud without anything of its own: what the others begin with. Names and kinds are empty.
    pub const PLAIN: Self = Self {
        cloud: "",
        below_accounts: None,
        name: "",
        account_kind: "",
        account_key: "",
        region_kind: "",
        zone_kind: None,
        resource_kind: "",
        has_global_region: false,
        below_region: false,
        drops_unused: false,
        check: Check::First,
        region_setting: "",
        holes_setting: "",
        catalog: None,
        alone: &[],
        denials_told: &[],
        without_host: &[],
        only_above: &[],
        made_by_cloud: |_| Box::new(|_| false),
        measuring: Measuring::InRegion(1),
    };

    /// An account of the cloud, under the node id that the rule gives it.
    pub fn account(&self, id: String, name: String, scope: Vec<u8>) -> Account {
        let mut key = NodeKey::of(self.account_kind, Some(self.cloud), Some(&id), None, None, &id);
        if let Some(part) = self.key_of_account(&id) {
            key.push(&part);
        }
        let node_id = key.id().to_string();
        Account { cloud: self.cloud.to_owned(), id, name, node_id, scope: Secret::new(scope) }
    }

    /// What the key of the node of an account has besides ([`TopNode::key`](crate::TopNode::key)).
    pub fn key_of_account(&self, id: &str) -> Option<String> {
        (!self.account_key.is_empty()).then(|| self.account_key.replace("{id}", id))
    }

    /// What a collector of the cloud is, as far as it is the same for all: nothing else in the environment, no tasks, no
    /// paths, never on by itself. `noun` is what the cloud calls an account.
    pub fn described(&self, noun: &str, kinds: &Kinds, section: Section) -> Described {
        Described {
            collector: self.cloud.to_owned(),
            clouds: vec![self.cloud.to_owned()],
            account_noun: noun.to_owned(),
            kinds_json: kinds.model(),
            section: Some(section),
            pool_setting: None,
            tasks_json: "[]".to_owned(),
            environment: Vec::new(),
            paths: Vec::new(),
            auto_enable: Vec::new(),
            account_kinds: vec![[self.account_kind, self.account_key].join(" ").trim().to_owned()],
        }
    }
}

impl fmt::Debug for CloudFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloudFacts").field(&self.cloud).finish()
    }
}
