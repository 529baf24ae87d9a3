//! Which account of the run owns which node id.

use std::collections::HashMap;

use ipc_proto::account::{Account, AccountName};
use thiserror::Error;

use crate::account::AccountKey;
use crate::id::{CompactId, IdMap, ROOT_NODE_ID};
use crate::index::Claim;
use crate::rule::cloud_node_id;

/// Part of the table that grows by itself, so that growing never doubles the whole.
const SHARDS: usize = 16;
/// The owner of ids above the accounts: root, clouds, organizations.
const SHARED: u32 = 0;
/// Beside the number of an owner: its claim is no better than that of another account.
const DOUBT: u32 = 1 << 31;

/// The ids of all accounts that were committed in a run: 21 bytes each, plus the slack of a hash table.
///
/// What the run knows before a child starts is reserved: account nodes, clouds, the root. An id that the rule of
/// ids explains can be of one account only. Any other id belongs to the first account that claims it, until
/// another one does: then to neither. Shared nodes may be in any number of accounts, but never be a resource in
/// one and shared in another.
#[derive(Debug)]
pub struct Owners {
    shards: [IdMap<u32>; SHARDS],
    accounts: Vec<AccountName>,
    numbers: HashMap<AccountKey, u32>,
    /// Accounts whose doubtful ids were claimed by others, by number.
    contests: HashMap<u32, Contest>,
}

/// Ids that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} of {count} refused ids belongs to {owner}", .examples.len())]
pub(crate) struct Taken {
    /// Who owns the first of them.
    pub(crate) owner: String,
    /// How many there are.
    pub(crate) count: usize,
    /// Some of them.
    pub(crate) examples: Vec<CompactId>,
    /// Nothing tells whose they are.
    pub(crate) contested: bool,
}

/// Why an account that was committed must not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the graph holds {count} nodes that {by} claims as well; nothing tells whose they are, so that they are not sent"
)]
pub struct Contest {
    /// Who came later.
    pub by: String,
    /// How many nodes it is about.
    pub count: usize,
}

impl Default for Owners {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| IdMap::default()),
            accounts: Vec::new(),
            numbers: HashMap::new(),
            contests: HashMap::new(),
        }
    }
}

impl Owners {
    /// Nobody owns anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many ids are owned.
    pub fn len(&self) -> usize {
        self.shards.iter().map(IdMap::len).sum()
    }

    /// Whether no id is owned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps the ids that the run knows for those who have them: the root, and of each listed account, whoever
    /// collects it, its node and its cloud.
    pub fn reserve<'a>(&mut self, listed: impl Iterator<Item = &'a Account>) {
        self.keep(ROOT_NODE_ID, SHARED);
        for account in listed {
            if let Some(cloud) = cloud_node_id(&account.cloud) {
                self.keep(&cloud, SHARED);
            }
            let number = self.number_of(&AccountName::from(account));
            self.keep(&account.node_id, number);
        }
    }

    /// The first to come keeps it.
    fn keep(&mut self, id: &str, owner: u32) {
        if let Ok(id) = CompactId::parse(id) {
            self.shards[shard_of(id)].entry(id).or_insert(owner);
        }
    }

    /// Gives all ids to `account`, or none of them.
    pub(crate) fn claim(
        &mut self,
        account: &AccountName,
        claims: impl Iterator<Item = Claim> + Clone,
    ) -> Result<(), Taken> {
        let number = self.number_of(account);
        let (mut taken, mut contested) = (Found::default(), Found::default());
        for claim in claims.clone() {
            let Some(entry) = self.shards[shard_of(claim.id)].get(&claim.id).copied() else { continue };
            if entry & !DOUBT == owner_of(number, claim.shared) {
                continue;
            }
            if entry & DOUBT == 0 { &mut taken } else { &mut contested }.add(claim, entry & !DOUBT);
        }
        // Who takes what is not his is no witness against others.
        if let Some(owner) = taken.first {
            return Err(self.taken(taken, owner, account, false));
        }
        for (owner, count) in &contested.by_owner {
            let contest = Contest { by: account.to_string(), count: *count };
            self.contests.entry(*owner).or_insert(contest);
        }
        if let Some(owner) = contested.first.filter(|_| contested.doubtful) {
            return Err(self.taken(contested, owner, account, true));
        }
        for claim in claims {
            let doubt = if claim.sure { 0 } else { DOUBT };
            self.shards[shard_of(claim.id)].insert(claim.id, owner_of(number, claim.shared) | doubt);
        }
        Ok(())
    }

    /// Why `account`, which has claimed its ids, must not be sent after all. Final when all accounts have ended.
    pub fn contest(&self, account: &AccountName) -> Option<&Contest> {
        self.contests.get(self.numbers.get(&AccountKey::from(account))?)
    }

    fn taken(&self, found: Found, owner: u32, claimant: &AccountName, contested: bool) -> Taken {
        let owner = self.owner_name(owner, claimant);
        Taken { owner, count: found.count, examples: found.examples, contested }
    }

    /// Accounts count from 1: 0 is shared.
    fn number_of(&mut self, account: &AccountName) -> u32 {
        let key = AccountKey::from(account);
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        self.accounts.push(account.clone());
        let number = u32::try_from(self.accounts.len()).unwrap_or(DOUBT - 1);
        self.numbers.insert(key, number);
        number
    }

    fn owner_name(&self, number: u32, claimant: &AccountName) -> String {
        match number.checked_sub(1).and_then(|index| self.accounts.get(index as usize)) {
            Some(owner) if AccountKey::from(owner) == AccountKey::from(claimant) => {
                "the resources of the account itself".to_owned()
            }
            Some(owner) => owner.to_string(),
            None => "the shared part above all accounts".to_owned(),
        }
    }
}

/// Claims that met another owner.
#[derive(Debug, Default)]
struct Found {
    first: Option<u32>,
    count: usize,
    examples: Vec<CompactId>,
    by_owner: HashMap<u32, usize>,
    /// The claimant is not sure of one of them.
    doubtful: bool,
}

impl Found {
    fn add(&mut self, claim: Claim, owner: u32) {
        const EXAMPLES: usize = 3;
        self.first.get_or_insert(owner);
        self.count += 1;
        *self.by_owner.entry(owner).or_default() += 1;
        self.doubtful |= !claim.sure;
        if self.examples.len() < EXAMPLES {
            self.examples.push(claim.id);
        }
    }
}

fn owner_of(number: u32, shared: bool) -> u32 {
    if shared { SHARED } else { number }
}

fn shard_of(id: CompactId) -> usize {
    id.first_byte() % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> AccountName {
        AccountName { cloud: "x".into(), id: id.into(), name: format!("name of {id}") }
    }

    fn claims(resources: &[&str], shared: &[&str], sure: bool) -> std::vec::IntoIter<Claim> {
        let list = |names: &[&str], shared| {
            let claim = |name: &&str| Claim { id: CompactId::parse(name).unwrap(), shared, sure };
            names.iter().map(claim).collect::<Vec<_>>()
        };
        [list(resources, false), list(shared, true)].concat().into_iter()
    }

    fn ids(resources: &[&str], shared: &[&str]) -> std::vec::IntoIter<Claim> {
        claims(resources, shared, true)
    }

    fn doubtful(resources: &[&str]) -> std::vec::IntoIter<Claim> {
        claims(resources, &[], false)
    }

    #[test]
    fn the_first_owns_and_nothing_of_a_refused_claim_remains() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), ids(&["a", "b"], &["cloud"])).unwrap();
        let refused = owners.claim(&account("2"), ids(&["c", "b", "a"], &["cloud"])).unwrap_err();
        assert_eq!((refused.owner.as_str(), refused.count), ("x account name of 1 (1)", 2));
        assert_eq!(owners.len(), 3);
        owners.claim(&account("3"), ids(&["c"], &["cloud"])).unwrap();
        assert_eq!(owners.len(), 4);
    }

    #[test]
    fn shared_and_own_do_not_mix() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), ids(&["a"], &["cloud"])).unwrap();
        let as_resource = owners.claim(&account("2"), ids(&["cloud"], &[])).unwrap_err();
        assert_eq!(as_resource.owner, "the shared part above all accounts");
        let as_shared = owners.claim(&account("2"), ids(&[], &["a"])).unwrap_err();
        assert_eq!(as_shared.owner, "x account name of 1 (1)");
    }

    #[test]
    fn an_account_may_claim_its_own_again() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), ids(&["a"], &[])).unwrap();
        owners.claim(&account("1"), ids(&["a", "b"], &[])).unwrap();
        assert!(owners.claim(&account("2"), ids(&["b"], &[])).is_err());
    }

    #[test]
    fn what_the_run_knows_is_kept_for_its_owner() {
        let listed = |id: &str| Account {
            cloud: "x".into(),
            id: id.into(),
            name: format!("name of {id}"),
            node_id: format!("node-{id}"),
            scope: Vec::new().into(),
        };
        let mut owners = Owners::new();
        owners.reserve([listed("1"), listed("2")].iter());
        let cloud = cloud_node_id("x").unwrap();
        for stolen in
            [ids(&["node-2"], &[]), ids(&[], &["node-2"]), doubtful(&["node-2"]), ids(&[&cloud], &[])]
        {
            let refused = owners.claim(&account("1"), stolen).unwrap_err();
            assert!(!refused.contested && refused.count == 1, "{refused}");
        }
        owners.claim(&account("2"), ids(&["node-2", "a"], &[&cloud, ROOT_NODE_ID])).unwrap();
        owners.claim(&account("1"), ids(&["node-1"], &[&cloud])).unwrap();
    }

    #[test]
    fn a_doubtful_id_that_two_claim_is_of_neither() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), doubtful(&["a", "b"])).unwrap();
        assert_eq!(owners.contest(&account("1")), None);
        let refused = owners.claim(&account("2"), doubtful(&["b", "c"])).unwrap_err();
        assert!(refused.contested && refused.owner.contains("name of 1"), "{refused}");
        let contest = owners.contest(&account("1")).unwrap();
        assert_eq!((contest.by.as_str(), contest.count), ("x account name of 2 (2)", 1));
    }

    #[test]
    fn whoever_is_sure_wins_against_whoever_is_not() {
        let mut owners = Owners::new();
        owners.claim(&account("thief"), doubtful(&["a"])).unwrap();
        owners.claim(&account("victim"), ids(&["a"], &[])).unwrap();
        assert!(owners.contest(&account("thief")).is_some());
        assert_eq!(owners.contest(&account("victim")), None);
        let late = owners.claim(&account("late"), doubtful(&["a"])).unwrap_err();
        assert!(!late.contested && late.owner.contains("victim"), "{late}");
        assert_eq!(owners.contest(&account("victim")), None);
    }

    #[test]
    fn a_thief_contests_nothing() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), doubtful(&["a"])).unwrap();
        owners.claim(&account("2"), ids(&["b"], &[])).unwrap();
        assert!(!owners.claim(&account("3"), doubtful(&["a", "b"])).unwrap_err().contested);
        assert_eq!(owners.contest(&account("1")), None);
    }
}
