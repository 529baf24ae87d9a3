//! What a random account consists of, decided before anything is made.

use super::rng::Rng;

/// What decides about an estate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estate {
    /// Other seeds, other estates.
    pub(super) seed: i64,
    /// Multiplies the number of things on each level.
    pub(super) size: f64,
    /// The number of accounts, if it is given.
    pub(super) accounts: Option<u32>,
    /// The number of nodes below each account, if it is given.
    pub(super) resources: Option<u64>,
}

/// One account.
#[derive(Debug, PartialEq)]
pub(super) struct AccountPlan {
    pub(super) regions: Vec<RegionPlan>,
}

/// One region with its networks.
#[derive(Debug, PartialEq)]
pub(super) struct RegionPlan {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) networks: Vec<NetworkPlan>,
}

/// A network with the instances in it: they serve one purpose and look alike.
#[derive(Debug, PartialEq)]
pub(super) struct NetworkPlan {
    pub(super) cost_center: &'static str,
    pub(super) owner: Option<&'static str>,
    /// What the instances are called; followed by their number.
    pub(super) prefix: &'static str,
    pub(super) load_balancer: bool,
    pub(super) instance_type: (&'static str, i64, i64),
    pub(super) instance_status: &'static str,
    pub(super) volume_status: &'static str,
    pub(super) volume_size: i64,
    /// For each instance the number of its volumes.
    pub(super) instances: Vec<u64>,
}

const REGIONS: [(&str, &str); 10] = [
    ("ap-northeast-", "Asia Pacific North East"),
    ("ap-southeast-", "Asia Pacific South East"),
    ("ap-south-", "Asia Pacific South"),
    ("ca-central-", "Canada Central"),
    ("eu-central-", "EU Central"),
    ("eu-north-", "EU North"),
    ("eu-west-", "EU West"),
    ("sa-east-", "South America East"),
    ("us-east-", "US East"),
    ("us-west-", "US West"),
];
const WEB: (&str, &str) = ("web", "Webserver");
const PURPOSES: [(&str, &str); 12] = [
    ("bus", "Business"),
    ("cloud", "Cloud"),
    ("db", "Database"),
    ("dev", "Development"),
    ("edu", "Education"),
    ("fin", "Finance"),
    ("host", "Hosting"),
    ("office", "Office"),
    ("res", "Research"),
    ("shop", "Shopping"),
    ("stor", "Storage"),
    WEB,
];
const OWNERS: [&str; 16] = [
    "Ada", "Barbara", "Claude", "Dennis", "Edsger", "Frances", "Grace", "Hedy", "Ivan", "John", "Ken",
    "Leslie", "Margaret", "Niklaus", "Ole", "Radia",
];
/// Name, cores, memory in GiB; and how often.
const INSTANCE_TYPES: [((&str, i64, i64), u64); 8] = [
    (("rnd2.tiny", 2, 2), 10),
    (("rnd2.micro", 2, 4), 10),
    (("rnd2.medium", 4, 8), 20),
    (("rnd2.large", 8, 16), 50),
    (("rnd2.xlarge", 8, 32), 20),
    (("rnd2.2xlarge", 16, 64), 10),
    (("rnd2.mega", 32, 128), 5),
    (("rnd2.ultra", 64, 256), 5),
];
const INSTANCE_STATUS: [(&str, u64); 4] = [("busy", 3), ("running", 85), ("terminated", 1), ("stopped", 11)];
const VOLUME_STATUS: [(&str, u64); 5] =
    [("busy", 3), ("available", 15), ("in-use", 80), ("deleted", 1), ("error", 1)];
const VOLUME_SIZES: [(i64, u64); 7] =
    [(20, 70), (100, 40), (200, 30), (400, 5), (800, 5), (1000, 20), (4000, 1)];

/// How many nodes a region holds when their number is given, about.
const RESOURCES_PER_REGION: u64 = 60;
const MOST_REGIONS: u64 = 8;
/// How many instances a network holds when the number of nodes is given, at most.
const MOST_INSTANCES: u64 = 50;

impl Estate {
    /// The number of accounts: as given, else 1 to 10.
    pub(super) fn accounts(&self) -> u32 {
        let drawn = || u32::try_from(Rng::new(self.seed, u64::MAX).between(1, 10)).unwrap_or(1);
        self.accounts.unwrap_or_else(drawn)
    }

    /// The account with this index. It depends on seed and index only, not on the other accounts.
    pub(super) fn account(&self, index: u32) -> AccountPlan {
        let mut rng = Rng::new(self.seed, u64::from(index));
        let regions = match self.resources {
            None => self.by_size(&mut rng),
            Some(resources) => by_count(&mut rng, resources),
        };
        AccountPlan { regions }
    }

    fn by_size(&self, rng: &mut Rng) -> Vec<RegionPlan> {
        let count = self.scaled(rng, 1, 4).max(1);
        let mut regions = name_regions(rng, count);
        for region in &mut regions {
            for _ in 0..self.scaled(rng, 1, 4) {
                let mut network = NetworkPlan::draw(rng);
                let volumes = rng.between(1, 5);
                network.instances = vec![volumes; usize::try_from(self.scaled(rng, 0, 50)).unwrap_or(0)];
                region.networks.push(network);
            }
        }
        regions
    }

    /// A number between two that grow with the size.
    fn scaled(&self, rng: &mut Rng, low: u32, high: u32) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "settings limit the size; a cast of a float saturates"
        )]
        let times = |count: u32| (f64::from(count) * self.size).round_ties_even() as u64;
        rng.between(times(low), times(high))
    }
}

/// Exactly `resources` nodes below the account, regions included.
fn by_count(rng: &mut Rng, resources: u64) -> Vec<RegionPlan> {
    let wanted = (resources / RESOURCES_PER_REGION).clamp(1, MOST_REGIONS).min(resources);
    let mut regions = name_regions(rng, wanted);
    let count = regions.len() as u64;
    for (index, region) in (0..).zip(&mut regions) {
        let below = resources - count;
        let share = below * (index + 1) / count - below * index / count;
        fill_region(rng, region, share);
    }
    regions
}

fn fill_region(rng: &mut Rng, region: &mut RegionPlan, mut left: u64) {
    while left > 0 {
        let mut network = NetworkPlan::draw(rng);
        left -= 1;
        network.load_balancer &= left > 0;
        left -= u64::from(network.load_balancer);
        let volumes = rng.between(1, 5);
        for _ in 0..rng.between(1, MOST_INSTANCES) {
            if left == 0 {
                break;
            }
            let volumes = volumes.min(left - 1);
            network.instances.push(volumes);
            left -= 1 + volumes;
        }
        region.networks.push(network);
    }
}

fn name_regions(rng: &mut Rng, count: u64) -> Vec<RegionPlan> {
    // Ten places with a few numbers each, and more numbers if many regions are wanted.
    let numbers = 1..=count.div_ceil(REGIONS.len() as u64) + 3;
    let names =
        numbers.flat_map(|number| REGIONS.iter().map(move |(id, name)| (*id, *name, number))).collect();
    rng.sample(names, usize::try_from(count).unwrap_or(usize::MAX))
        .into_iter()
        .map(|(id, name, number)| RegionPlan {
            id: format!("{id}{number}"),
            name: format!("{name} {number}"),
            networks: Vec::new(),
        })
        .collect()
}

impl NetworkPlan {
    fn draw(rng: &mut Rng) -> Self {
        let purpose = *rng.pick(&PURPOSES);
        let owner = (rng.between(0, 99) < 90).then(|| *rng.pick(&OWNERS));
        Self {
            cost_center: purpose.0,
            owner,
            // What belongs to nobody has no name either.
            prefix: owner.map_or("Instance", |_| purpose.1),
            load_balancer: purpose == WEB,
            instance_type: rng.weighted(&INSTANCE_TYPES),
            instance_status: rng.weighted(&INSTANCE_STATUS),
            volume_status: rng.weighted(&VOLUME_STATUS),
            volume_size: rng.weighted(&VOLUME_SIZES),
            instances: Vec::new(),
        }
    }

    /// The number of nodes: network, load balancer, instances, volumes.
    fn nodes(&self) -> u64 {
        let instances: u64 = self.instances.iter().map(|volumes| 1 + volumes).sum();
        1 + u64::from(self.load_balancer) + instances
    }
}

impl AccountPlan {
    /// The number of nodes below the account.
    pub(super) fn nodes(&self) -> u64 {
        let networks = |region: &RegionPlan| region.networks.iter().map(NetworkPlan::nodes).sum::<u64>();
        self.regions.iter().map(|region| 1 + networks(region)).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn estate(seed: i64, resources: Option<u64>) -> Estate {
        Estate { seed, size: 1.0, accounts: None, resources }
    }

    proptest! {
        #[test]
        fn a_given_number_is_met_exactly(seed: i64, index: u32, resources in 0..3000_u64) {
            let account = estate(seed, Some(resources)).account(index);
            prop_assert_eq!(account.nodes(), resources);
            prop_assert!(account.regions.len() as u64 <= resources);
        }

        #[test]
        fn regions_of_an_account_differ(seed: i64, index: u32) {
            let account = estate(seed, Some(2000)).account(index);
            let mut ids: Vec<_> = account.regions.iter().map(|region| &region.id).collect();
            ids.sort();
            ids.dedup();
            prop_assert_eq!(ids.len(), account.regions.len());
            prop_assert_eq!(ids.len() as u64, MOST_REGIONS);
        }
    }

    #[test]
    fn seeds_and_accounts_make_the_difference() {
        let of = |seed, index| estate(seed, None).account(index);
        assert_eq!(of(0, 0), of(0, 0));
        assert_ne!(of(0, 0), of(0, 1));
        assert_ne!(of(0, 0), of(1, 0));
        let accounts: Vec<u32> = (0..50).map(|seed| estate(seed, None).accounts()).collect();
        assert!(
            accounts.iter().all(|count| (1..=10).contains(count)) && accounts.iter().any(|count| *count > 5)
        );
        assert_eq!(Estate { accounts: Some(1000), ..estate(0, None) }.accounts(), 1000);
    }

    #[test]
    fn size_scales() {
        let nodes = |size| {
            (0..20).map(|index| Estate { size, ..estate(0, None) }.account(index).nodes()).sum::<u64>()
        };
        assert!(nodes(2.0) > 4 * nodes(1.0), "{} {}", nodes(2.0), nodes(1.0));
        // Nothing but the one region that every account has.
        assert_eq!(nodes(0.0), 20);
    }
}
