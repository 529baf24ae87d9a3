//! Facts about types of instances that EC2 does not tell, and those that it does, for where it is not to be asked: names
//! for people, processors, cores, prices on demand with Linux.
//!
//! The table is made by `scripts/export_instance_types.py`, which says where the facts come from; its first line says of
//! which day they are. It is unpacked when it is asked for the first time.

use std::collections::HashMap;
use std::io::Read;
use std::sync::LazyLock;

/// What is known about a type of instances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct InstanceFacts<'t> {
    /// Virtual processors.
    pub(crate) cores: Option<u64>,
    /// Memory in MiB.
    pub(crate) memory: Option<u64>,
    /// Compute units of EC2.
    pub(crate) ecu: Option<f64>,
    /// The name for people, for example `M5 General Purpose Large`.
    pub(crate) pretty_name: Option<&'t str>,
    /// The processor, for example `Intel Xeon Platinum 8175`.
    pub(crate) processor: Option<&'t str>,
    /// The graphics or other accelerator.
    pub(crate) gpu: Option<&'t str>,
    /// Prices in the order of the regions.
    prices: &'t str,
    regions: &'t [&'t str],
}

impl InstanceFacts<'_> {
    /// US dollars for an hour on demand with Linux; `None` where the type or its price is not known.
    pub(crate) fn on_demand(&self, region: &str) -> Option<f64> {
        let place = self.regions.iter().position(|known| *known == region)?;
        self.prices.split('\t').nth(place)?.parse().ok()
    }
}

/// What is known about a type of instances.
pub(crate) fn instance_facts(instance_type: &str) -> Option<InstanceFacts<'static>> {
    let table = &*TABLE;
    let mut fields = table.types.get(instance_type)?.splitn(7, '\t');
    let mut text = || fields.next().filter(|text| !text.is_empty());
    Some(InstanceFacts {
        cores: text().and_then(|number| number.parse().ok()),
        memory: text().and_then(|number| number.parse().ok()),
        ecu: text().and_then(|number| number.parse().ok()),
        pretty_name: text(),
        processor: text(),
        gpu: text(),
        prices: text().unwrap_or_default(),
        regions: &table.regions,
    })
}

#[derive(Debug, Default)]
struct Table {
    regions: Vec<&'static str>,
    /// By name: the rest of the line.
    types: HashMap<&'static str, &'static str>,
}

static PACKED: &[u8] = include_bytes!("../data/instance_types.gz");
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    // A test looks that it can be read.
    let read = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text);
    if read.is_err() { String::new() } else { text }
});
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    let Some(regions) = lines.next() else { return Table::default() };
    Table {
        regions: regions.split('\t').collect(),
        types: lines.filter_map(|l| l.split_once('\t')).collect(),
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_plausible() {
        assert!(TEXT.starts_with("# source: ") && TEXT.lines().next().unwrap().contains("sha256"));
        assert!(TABLE.types.len() > 700 && TABLE.regions.len() > 25, "{:?}", TABLE.regions);
        for name in TABLE.types.keys() {
            let facts = instance_facts(name).unwrap();
            assert!(facts.cores.is_some_and(|cores| (1..2_000).contains(&cores)), "{name} {facts:?}");
            assert!(facts.memory.is_some() && facts.pretty_name.is_some(), "{name} {facts:?}");
            let prices = TABLE.regions.iter().filter_map(|region| facts.on_demand(region));
            assert!(prices.into_iter().all(|price| (0.001..1_000.0).contains(&price)), "{name}");
        }
    }

    #[test]
    fn facts_are_those_of_the_type_and_prices_those_of_the_region() {
        let facts = instance_facts("m5.large").unwrap();
        assert_eq!((facts.cores, facts.memory, facts.ecu), (Some(2), Some(8192), Some(10.0)));
        assert_eq!(facts.pretty_name, Some("M5 General Purpose Large"));
        assert_eq!(facts.processor, Some("Intel Xeon Platinum 8175"));
        assert_eq!((facts.on_demand("us-east-1"), facts.on_demand("eu-west-1")), (Some(0.096), Some(0.107)));
        assert_eq!(facts.on_demand("xx-north-1"), None);
        assert_eq!(instance_facts("g4dn.xlarge").unwrap().gpu, Some("NVIDIA T4 Tensor Core"));
        assert_eq!(instance_facts("t3.micro").unwrap().ecu, None, "it varies");
        assert_eq!(instance_facts("x9.huge"), None);
    }
}
