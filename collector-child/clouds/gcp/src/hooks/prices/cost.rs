//! What a type costs, from the prices of its parts.
//!
//! Where the list does not say it without doubt, nothing is told: machines with accelerators or disks of their own, whose
//! prices are others, and families whose price has further parts.

use serde_json::{Map, Value};

use super::sku::{DISKS, Family, For, Sku, regional};

/// Families whose machines cost more than their processors and memory.
const WITH_MORE: [&str; 2] = ["m2", "z3"];
/// Processors of machines that share them, as they are charged.
const SHARED: [(&str, f64); 3] = [("micro", 0.25), ("small", 0.5), ("medium", 1.0)];
/// GiB of memory for each processor, from which on memory of types of one's own making is dearer.
const USUAL_MEMORY: [(&str, f64); 3] = [("n1", 6.5), ("n2", 8.0), ("n2d", 8.0)];

/// What something costs, and the prices it is made of, by their place in the list.
#[derive(Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) value: f64,
    pub(super) of: Vec<usize>,
}

/// A type of machines.
#[derive(Debug)]
pub(super) struct Machine {
    name: String,
    cores: f64,
    memory: f64,
}

impl Machine {
    /// By the properties of its node; `None` if its cost cannot be told.
    pub(super) fn of(properties: &Map<String, Value>) -> Option<Self> {
        let name = properties.get("name")?.as_str()?.to_owned();
        let accelerators = properties.get("accelerators").and_then(Value::as_array);
        let further = accelerators.is_some_and(|list| !list.is_empty()) || name.ends_with("-lssd");
        let number = |name: &str| properties.get(name).and_then(Value::as_f64).filter(|number| *number > 0.0);
        let (cores, memory) = (number("instance_cores")?, number("instance_memory")?);
        (!further).then_some(Self { name, cores, memory })
    }

    /// For an hour.
    pub(super) fn cost(&self, region: &str, skus: &[&Sku]) -> Option<Cost> {
        if ["f1-micro", "g1-small"].contains(&self.name.as_str()) {
            let is = |what: &For| matches!(what, For::Machine(name) if *name == self.name);
            return only(skus, region, is).map(|at| sum(skus, &[(at, 1.0)]));
        }
        let (first, rest) = self.name.split_once('-')?;
        let custom = first == "custom" || rest.starts_with("custom-");
        let name = if first == "custom" { "n1" } else { first };
        if WITH_MORE.contains(&name) {
            return None;
        }
        let size = rest.trim_start_matches("custom-").split('-').next().unwrap_or_default();
        let shared = SHARED.iter().find(|(shared, _)| name == "e2" && *shared == size);
        let cores = shared.map_or(self.cores, |(_, cores)| *cores);
        let price = |memory: bool, extended: bool| {
            let wanted = |custom| Family { name: name.to_owned(), custom, extended };
            let find = |custom| {
                only(skus, region, |what| match what {
                    For::Core(family) => !memory && *family == wanted(custom),
                    For::Memory(family) => memory && *family == wanted(custom),
                    For::Machine(_) | For::Disk(_) => false,
                })
            };
            // Some families cost the same in all sizes, and have one price for them.
            find(custom).or_else(|| find(false).filter(|_| !extended))
        };
        let mut parts = vec![(price(false, false)?, cores)];
        let usual = USUAL_MEMORY.iter().find(|(family, _)| custom && *family == name);
        let usual = usual.map_or(self.memory, |(_, memory)| self.memory.min(memory * self.cores));
        parts.push((price(true, false)?, usual));
        if self.memory > usual {
            parts.push((price(true, true)?, self.memory - usual));
        }
        Some(sum(skus, &parts))
    }
}

/// A type of disks.
#[derive(Debug)]
pub(super) struct Disk<'t> {
    pub(super) name: &'t str,
    /// It is in two zones.
    pub(super) regional: bool,
}

impl Disk<'_> {
    /// For a month of a GiB.
    pub(super) fn cost(&self, region: &str, skus: &[&Sku]) -> Option<Cost> {
        let (_, begin) = DISKS.iter().find(|(name, _)| *name == self.name)?;
        let begin = if self.regional { regional(begin) } else { begin };
        let is = |what: &For| matches!(what, For::Disk(described) if *described == begin);
        only(skus, region, is).map(|at| sum(skus, &[(at, 1.0)]))
    }
}

/// The one price in a region of which this is true; with several nobody knows which.
fn only(skus: &[&Sku], region: &str, is: impl Fn(&For) -> bool) -> Option<usize> {
    let here = |sku: &Sku| sku.regions.iter().any(|name| name == region) && is(&sku.what);
    let mut found = skus.iter().enumerate().filter(|(_, sku)| here(sku));
    let first = found.next()?;
    found.next().is_none().then_some(first.0)
}

fn sum(skus: &[&Sku], parts: &[(usize, f64)]) -> Cost {
    #[expect(clippy::cast_precision_loss, reason = "a price is far below 2^52 billionths")]
    let value: f64 = parts.iter().map(|(at, many)| skus[*at].nanos as f64 * many).sum();
    // Billionths are what the list has.
    Cost { value: value.round() / 1e9, of: parts.iter().map(|(at, _)| *at).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sku(what: For, nanos: i64) -> Sku {
        Sku { what, regions: vec!["r".to_owned()], nanos }
    }

    fn family(name: &str, custom: bool, extended: bool) -> Family {
        Family { name: name.to_owned(), custom, extended }
    }

    fn cost(name: &str, cores: u32, memory: f64, skus: &[Sku]) -> Option<f64> {
        let properties = json!({"name": name, "instance_cores": cores, "instance_memory": memory});
        let machine = Machine::of(properties.as_object().unwrap()).unwrap();
        let skus: Vec<&Sku> = skus.iter().collect();
        machine.cost("r", &skus).map(|cost| cost.value)
    }

    #[test]
    fn machines_cost_their_processors_and_memory() {
        let skus = [
            sku(For::Core(family("e2", false, false)), 21_811_590),
            sku(For::Memory(family("e2", false, false)), 2_923_530),
            sku(For::Core(family("n2", false, false)), 31_611_000),
            sku(For::Memory(family("n2", false, false)), 4_237_000),
            sku(For::Core(family("n2", true, false)), 33_190_000),
            sku(For::Memory(family("n2", true, false)), 4_450_000),
            sku(For::Memory(family("n2", true, true)), 9_550_000),
            sku(For::Machine("f1-micro"), 7_600_000),
        ];
        // A processor that is shared by two is charged once.
        assert_eq!(cost("e2-medium", 2, 4.0, &skus), Some(0.033_505_71));
        assert_eq!(cost("e2-standard-2", 2, 8.0, &skus), Some(0.067_011_42));
        assert_eq!(cost("e2-custom-2-8192", 2, 8.0, &skus), Some(0.067_011_42), "no price of their own");
        assert_eq!(cost("n2-custom-2-4096", 2, 4.0, &skus), Some(0.08418));
        assert_eq!(cost("n2-custom-2-20480-ext", 2, 20.0, &skus), Some(0.17578));
        assert_eq!(cost("f1-micro", 1, 0.6, &skus), Some(0.0076));
        assert_eq!(cost("n1-standard-1", 1, 3.75, &skus), None);
        assert_eq!(cost("m2-ultramem-208", 208, 5888.0, &skus), None);
        let twice = [&skus[..], &skus[..1]].concat();
        assert_eq!(cost("e2-medium", 2, 4.0, &twice), None, "nobody knows which");
    }

    #[test]
    fn machines_with_accelerators_have_no_price_here() {
        let properties = json!({"name": "a2-highgpu-1g", "instance_cores": 12, "instance_memory": 85.0, "accelerators": [{}]});
        assert!(Machine::of(properties.as_object().unwrap()).is_none());
    }

    #[test]
    fn disks_cost_what_their_places_do() {
        let skus = [
            sku(For::Disk("Storage PD Capacity"), 40_000_000),
            sku(For::Disk("Regional Storage PD Capacity"), 80_000_000),
        ];
        let skus: Vec<&Sku> = skus.iter().collect();
        let disk =
            |name, regional| Disk { name, regional }.cost("r", &skus).map(|cost| (cost.value, cost.of));
        assert_eq!(disk("pd-standard", false), Some((0.04, vec![0])));
        assert_eq!(disk("pd-standard", true), Some((0.08, vec![1])));
        assert_eq!(disk("pd-ssd", false), None);
        assert_eq!(disk("of-tomorrow", false), None);
    }
}
