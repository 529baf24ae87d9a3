//! Which accounts are ours when several workers share them.

use fixworker_settings::Shard;

/// Whether the account falls to this worker: rendezvous hashing, so that one more worker takes over accounts
/// from all others, and no account moves between the others.
///
/// The hash is part of the contract between workers of different versions: FNV-1a over `cloud`, a zero byte
/// and `id`, mixed with the number of the worker by the finalizer of SplitMix64.
pub fn is_ours(shard: Option<Shard>, cloud: &str, id: &str) -> bool {
    let Some(shard) = shard else { return true };
    let account = fnv1a(cloud.bytes().chain([0]).chain(id.bytes()));
    let best = (1..=shard.count.get()).max_by_key(|worker| mix(account ^ mix(u64::from(*worker))));
    best == Some(shard.index.get())
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(count: u32, id: u32) -> u32 {
        let id = format!("{id:012}");
        let owners: Vec<u32> = (1..=count)
            .filter(|index| is_ours(Shard::parse(&format!("{index}/{count}")), "aws", &id))
            .collect();
        assert_eq!(owners.len(), 1, "every account belongs to exactly one worker");
        owners[0]
    }

    #[test]
    fn without_shard_everything_is_ours() {
        assert!(is_ours(None, "aws", "1"));
    }

    #[test]
    fn accounts_are_spread_evenly_and_stay_when_a_worker_is_added() {
        let before: Vec<u32> = (0..1000).map(|id| owner(3, id)).collect();
        for worker in 1..=3 {
            let share = before.iter().filter(|owner| **owner == worker).count();
            assert!((250..420).contains(&share), "worker {worker} has {share} of 1000 accounts");
        }
        for (id, owner_before) in (0..1000).zip(before) {
            let now = owner(4, id);
            assert!(now == owner_before || now == 4, "account {id} moved from {owner_before} to {now}");
        }
    }

    #[test]
    fn the_hash_never_changes() {
        let owners: Vec<u32> = (0..12).map(|id| owner(5, id)).collect();
        assert_eq!(owners, SAVED, "workers of different versions would collect accounts twice or not at all");
    }

    const SAVED: [u32; 12] = [5, 1, 3, 2, 5, 1, 2, 3, 3, 5, 2, 1];
}
