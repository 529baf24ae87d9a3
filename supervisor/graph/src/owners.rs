//! Which account of the run owns which node id.

use thiserror::Error;

use crate::account::AccountName;
use crate::id::{CompactId, IdMap};

/// Part of the table that grows by itself, so that growing never doubles the whole.
const SHARDS: usize = 16;
/// The owner of ids above the accounts: root, clouds, organizations.
const SHARED: u32 = 0;

/// The ids of all accounts that were committed in a run: 21 bytes each, plus the slack of a hash table.
///
/// The first account to claim an id owns it. Shared nodes may be in any number of accounts, but never be a
/// resource in one and shared in another.
#[derive(Debug)]
pub struct Owners {
    shards: [IdMap<u32>; SHARDS],
    accounts: Vec<AccountName>,
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
}

impl Default for Owners {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| IdMap::default()), accounts: Vec::new() }
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

    /// Gives all `ids` to `account`, or none of them. The flag tells shared nodes.
    pub(crate) fn claim(
        &mut self,
        account: &AccountName,
        ids: impl Iterator<Item = (CompactId, bool)> + Clone,
    ) -> Result<(), Taken> {
        const EXAMPLES: usize = 3;
        let known = self.accounts.iter().position(|owner| owner.key == account.key);
        let number = number_of(known.unwrap_or(self.accounts.len()));
        let owner_for = |shared: bool| if shared { SHARED } else { number };

        let mut taken: Option<Taken> = None;
        for (id, shared) in ids.clone() {
            match self.shards[shard_of(id)].get(&id) {
                Some(owner) if *owner != owner_for(shared) => {
                    let owner = self.owner_name(*owner, account);
                    let taken = taken.get_or_insert(Taken { owner, count: 0, examples: Vec::new() });
                    taken.count += 1;
                    if taken.examples.len() < EXAMPLES {
                        taken.examples.push(id);
                    }
                }
                _ => {}
            }
        }
        if let Some(taken) = taken {
            return Err(taken);
        }
        if known.is_none() {
            self.accounts.push(account.clone());
        }
        for (id, shared) in ids {
            self.shards[shard_of(id)].insert(id, owner_for(shared));
        }
        Ok(())
    }

    fn owner_name(&self, number: u32, claimant: &AccountName) -> String {
        match number.checked_sub(1).and_then(|index| self.accounts.get(index as usize)) {
            Some(owner) if owner.key == claimant.key => "the resources of the account itself".to_owned(),
            Some(owner) => owner.to_string(),
            None => "the shared part above all accounts".to_owned(),
        }
    }
}

/// Accounts count from 1: 0 is shared.
fn number_of(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn shard_of(id: CompactId) -> usize {
    id.first_byte() % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountKey;

    fn account(id: &str) -> AccountName {
        AccountName { key: AccountKey { cloud: "x".into(), id: id.into() }, name: format!("name of {id}") }
    }

    fn ids(resources: &[&str], shared: &[&str]) -> Vec<(CompactId, bool)> {
        let list = |names: &[&str], shared| {
            names.iter().map(move |name| (CompactId::parse(name).unwrap(), shared)).collect::<Vec<_>>()
        };
        [list(resources, false), list(shared, true)].concat()
    }

    #[test]
    fn the_first_owns_and_nothing_of_a_refused_claim_remains() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), ids(&["a", "b"], &["cloud"]).into_iter()).unwrap();
        let refused = owners.claim(&account("2"), ids(&["c", "b", "a"], &["cloud"]).into_iter()).unwrap_err();
        assert_eq!((refused.owner.as_str(), refused.count), ("x account name of 1 (1)", 2));
        assert_eq!(owners.len(), 3);
        owners.claim(&account("3"), ids(&["c"], &["cloud"]).into_iter()).unwrap();
        assert_eq!(owners.len(), 4);
    }

    #[test]
    fn shared_and_own_do_not_mix() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), ids(&["a"], &["cloud"]).into_iter()).unwrap();
        let as_resource = owners.claim(&account("2"), ids(&["cloud"], &[]).into_iter()).unwrap_err();
        assert_eq!(as_resource.owner, "the shared part above all accounts");
        let as_shared = owners.claim(&account("2"), ids(&[], &["a"]).into_iter()).unwrap_err();
        assert_eq!(as_shared.owner, "x account name of 1 (1)");
    }

    #[test]
    fn an_account_may_claim_its_own_again() {
        let mut owners = Owners::new();
        owners.claim(&account("1"), ids(&["a"], &[]).into_iter()).unwrap();
        owners.claim(&account("1"), ids(&["a", "b"], &[]).into_iter()).unwrap();
        assert!(owners.claim(&account("2"), ids(&["b"], &[]).into_iter()).is_err());
    }
}
