//! One price of the list.

use std::collections::BTreeSet;

use serde_json::Value;

/// What a price is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum For {
    /// An hour of a virtual processor of machines of a family.
    Core(Family),
    /// An hour of a GiB of memory.
    Memory(Family),
    /// An hour of a machine that is sold as a whole: `f1-micro`, `g1-small`.
    Machine(&'static str),
    /// A month of a GiB of disks: the beginning of the description, which tells the type.
    Disk(&'static str),
}

/// Machines of the same price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family {
    /// `n2d`; of machines whose description has no such word, the one of their types.
    pub(super) name: String,
    /// Sizes that somebody has chosen cost more.
    pub(super) custom: bool,
    /// Memory beyond what a processor has.
    pub(super) extended: bool,
}

/// A price on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sku {
    pub(super) what: For,
    pub(super) regions: Vec<String>,
    /// Billionths of the currency for one unit.
    pub(super) nanos: i64,
}

/// Types of disks and how their price begins.
pub(super) const DISKS: [(&str, &str); 10] = [
    ("pd-standard", "Storage PD Capacity"),
    ("pd-balanced", "Balanced PD Capacity"),
    ("pd-ssd", "SSD backed PD Capacity"),
    ("pd-extreme", "Extreme PD Capacity"),
    ("local-ssd", "SSD backed Local Storage"),
    ("hyperdisk-balanced", "Hyperdisk Balanced Capacity"),
    ("hyperdisk-balanced-high-availability", "Hyperdisk Balanced High Availability Capacity"),
    ("hyperdisk-extreme", "Hyperdisk Extreme Capacity"),
    ("hyperdisk-ml", "Hyperdisk ML Capacity"),
    ("hyperdisk-throughput", "Hyperdisk Throughput Capacity"),
];

/// Families whose description does not begin with the word of their types.
const DESCRIBED: [(&str, &str); 2] = [("Compute optimized", "c2"), ("Memory-optimized", "m1")];

impl Sku {
    /// The price of a machine or disk in one of these regions; `None` for everything else in the list.
    pub(super) fn of(told: &Value, wanted: &BTreeSet<String>) -> Option<Self> {
        let category = &told["category"];
        if category["usageType"] != "OnDemand" {
            return None;
        }
        let regions = told["serviceRegions"].as_array()?.iter().filter_map(Value::as_str);
        let regions: Vec<String> = regions.filter(|name| wanted.contains(*name)).map(str::to_owned).collect();
        let description = told["description"].as_str()?;
        let what = match (category["resourceFamily"].as_str()?, category["resourceGroup"].as_str()?) {
            ("Compute", "F1Micro") => For::Machine("f1-micro"),
            ("Compute", "G1Small") => For::Machine("g1-small"),
            ("Compute", "CPU" | "RAM" | "N1Standard") => of_machine(description)?,
            ("Storage", _) => For::Disk(of_disk(description)?),
            _ => return None,
        };
        let nanos = price(&told["pricingInfo"][0]["pricingExpression"])?;
        (!regions.is_empty()).then_some(Self { what, regions, nanos })
    }
}

/// `N2D AMD Custom Extended Instance Ram running in Milan`.
fn of_machine(description: &str) -> Option<For> {
    let (what, _) = description.split_once(" running in ")?;
    let (what, last) = what.rsplit_once(' ')?;
    let mut words: Vec<&str> = what.split(' ').collect();
    let mut take = |word: &str| {
        let there = words.last() == Some(&word);
        words.truncate(words.len() - usize::from(there));
        there
    };
    take("Instance");
    let extended = take("Extended");
    let custom = take("Custom");
    let name = family(&words)?;
    let family = Family { name, custom, extended };
    match last {
        "Core" => Some(For::Core(family)),
        "Ram" | "RAM" => Some(For::Memory(family)),
        _ => None,
    }
}

/// The word that the names of its types begin with.
fn family(words: &[&str]) -> Option<String> {
    let whole = words.join(" ");
    if let Some((_, name)) = DESCRIBED.iter().find(|(described, _)| *described == whole) {
        return Some((*name).to_owned());
    }
    match words {
        // Custom types of the first generation have no word of their own.
        [] | ["N1", "Predefined"] => Some("n1".to_owned()),
        [one] | [one, "AMD" | "Arm"] => Some(one.to_lowercase()),
        _ => None,
    }
}

/// `Regional Balanced PD Capacity in Zurich`: the beginning that tells the type, with `Regional` if it is.
fn of_disk(description: &str) -> Option<&'static str> {
    let begins = |begin: &str| {
        let rest = description.strip_prefix(begin);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" in "))
    };
    DISKS.iter().flat_map(|(_, begin)| [*begin, regional(begin)]).find(|begin| begins(begin))
}

/// How the price of a disk in two zones begins.
pub(super) fn regional(begin: &str) -> &'static str {
    match begin {
        "Storage PD Capacity" => "Regional Storage PD Capacity",
        "Balanced PD Capacity" => "Regional Balanced PD Capacity",
        "SSD backed PD Capacity" => "Regional SSD backed PD Capacity",
        // There is none for one zone.
        "Hyperdisk Balanced High Availability Capacity" => "Hyperdisk Balanced High Availability Capacity",
        _ => "-",
    }
}

/// The price of one unit: of several tiers the first that costs something.
fn price(expression: &Value) -> Option<i64> {
    let tiers = expression["tieredRates"].as_array()?.iter();
    let nanos = |tier: &Value| {
        let price = &tier["unitPrice"];
        let units: i64 = price["units"].as_str().map_or(Some(0), |units| units.parse().ok())?;
        units.checked_mul(1_000_000_000)?.checked_add(price["nanos"].as_i64().unwrap_or_default())
    };
    tiers.filter_map(nanos).find(|nanos| *nanos > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn machine(name: &str, custom: bool, extended: bool) -> Family {
        Family { name: name.to_owned(), custom, extended }
    }

    #[test]
    fn descriptions_tell_what_is_sold() {
        for (description, what) in [
            ("E2 Instance Core running in Americas", For::Core(machine("e2", false, false))),
            (
                "N2D AMD Custom Extended Instance Ram running in Milan",
                For::Memory(machine("n2d", true, true)),
            ),
            ("N1 Predefined Instance Ram running in Paris", For::Memory(machine("n1", false, false))),
            ("Custom Instance Core running in Paris", For::Core(machine("n1", true, false))),
            ("Compute optimized Core running in Paris", For::Core(machine("c2", false, false))),
            ("Memory-optimized Instance Ram running in Paris", For::Memory(machine("m1", false, false))),
            ("C4A Arm Instance Core running in Paris", For::Core(machine("c4a", false, false))),
        ] {
            assert_eq!(of_machine(description), Some(what), "{description}");
        }
        for other in [
            "N2 Sole Tenancy Instance Core running in Paris",
            "Nvidia Tesla T4 GPU running in Paris",
            "Memory Optimized Upgrade Premium for Memory-optimized Instance Core running in Paris",
            "Network Internet Egress from Paris to Paris",
        ] {
            assert_eq!(of_machine(other), None, "{other}");
        }
        assert_eq!(of_disk("Balanced PD Capacity in Zurich"), Some("Balanced PD Capacity"));
        assert_eq!(of_disk("Regional Storage PD Capacity"), Some("Regional Storage PD Capacity"));
        assert_eq!(of_disk("Storage PD Snapshot in Zurich"), None);
    }

    #[test]
    fn prices_are_those_of_the_wanted_regions_on_demand() {
        let rate = |amount: f64, units: &str, nanos: i64| json!({"startUsageAmount": amount, "unitPrice": {"units": units, "nanos": nanos}});
        let told = json!({
            "description": "E2 Instance Core running in Americas",
            "category": {"resourceFamily": "Compute", "resourceGroup": "CPU", "usageType": "OnDemand"},
            "serviceRegions": ["us-east1", "us-west1"],
            "pricingInfo": [{"pricingExpression": {"tieredRates": [rate(0.0, "0", 0), rate(1.0, "2", 5)]}}],
        });
        let wanted = BTreeSet::from(["us-east1".to_owned()]);
        let sku = Sku::of(&told, &wanted).unwrap();
        assert_eq!((sku.nanos, sku.regions), (2_000_000_005, vec!["us-east1".to_owned()]));
        assert_eq!(Sku::of(&told, &BTreeSet::from(["us-east2".to_owned()])), None);
        let mut spot = told.clone();
        spot["category"]["usageType"] = "Preemptible".into();
        assert_eq!(Sku::of(&spot, &wanted), None);
        let mut free = told;
        free["pricingInfo"][0]["pricingExpression"]["tieredRates"] = json!([rate(0.0, "0", 0)]);
        assert_eq!(Sku::of(&free, &wanted), None);
    }
}
