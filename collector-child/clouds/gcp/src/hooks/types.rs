//! The types of machines and disks that are in use. There are hundreds in each zone, so they are asked for by name.

use std::collections::{BTreeMap, BTreeSet};

use engine::hooks::prelude::*;

use super::part;

/// Names in one filter: the address of a request has a limit.
const NAMES: usize = 50;
/// Zones asked at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 16;

/// Types, and who says which of them are in use.
#[derive(Debug)]
pub(super) struct Types {
    hook: &'static str,
    kind: &'static str,
    /// The word in links.
    word: &'static str,
    used_by: &'static [&'static str],
    /// The property with the link.
    property: &'static str,
    zonal: &'static str,
    regional: Option<&'static str>,
    /// Asks for one that no listing has: machine types of one's own making.
    custom: Option<&'static str>,
}

pub(super) const MACHINE_TYPES: Types = Types {
    hook: "machine_types",
    kind: "gcp_machine_type",
    word: "machineTypes",
    used_by: &["gcp_instance"],
    property: "machine_type",
    zonal: "machineTypes.list",
    regional: None,
    custom: Some("machineTypes.get"),
};

pub(super) const DISK_TYPES: Types = Types {
    hook: "disk_types",
    kind: "gcp_disk_type",
    word: "diskTypes",
    used_by: &["gcp_disk"],
    property: "volume_type",
    zonal: "diskTypes.list",
    regional: Some("regionDiskTypes.list"),
    custom: None,
};

/// Where types are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    Zone(String),
    Region(String),
}

type Used = BTreeMap<Where, BTreeSet<String>>;

impl Hook for Types {
    fn name(&self) -> &'static str {
        self.hook
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(self.used_by)
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects_child(self.kind) {
                return Ok(());
            }
            let calls = self.calls(&self.used(context));
            each(AT_ONCE, calls, |call| Box::pin(async move { self.make(context, call).await })).await
        })
    }
}

/// A request for some types.
#[derive(Debug, PartialEq)]
struct Call {
    operation: &'static str,
    params: Vec<(&'static str, String)>,
    /// What the answer is: a listing or one type.
    lists: bool,
}

impl Types {
    fn used(&self, context: Context<'_>) -> Used {
        let links: Vec<Value> = context.graph(|graph| {
            let nodes = self.used_by.iter().flat_map(|kind| graph.of_kind(kind)).collect::<Vec<_>>();
            nodes.into_iter().filter_map(|node| graph.property(node, self.property)).collect()
        });
        let mut used = Used::new();
        for link in links.iter().filter_map(Value::as_str) {
            if let Some((place, name)) = self.named(link) {
                used.entry(place).or_default().insert(name.to_owned());
            }
        }
        used
    }

    fn named<'l>(&self, link: &'l str) -> Option<(Where, &'l str)> {
        let name = part(link, self.word)?;
        let place = match (part(link, "zones"), part(link, "regions")) {
            (Some(zone), _) => Where::Zone(zone.to_owned()),
            (None, Some(region)) => Where::Region(region.to_owned()),
            (None, None) => return None,
        };
        Some((place, name))
    }

    fn calls(&self, used: &Used) -> Vec<Call> {
        let mut calls = Vec::new();
        for (place, names) in used {
            let (operation, place) = match (place, self.regional) {
                (Where::Zone(zone), _) => (self.zonal, ("zone", zone.clone())),
                (Where::Region(region), Some(operation)) => (operation, ("region", region.clone())),
                (Where::Region(_), None) => continue,
            };
            let is_custom = |name: &&String| self.custom.is_some() && name.contains("custom");
            let (custom, listed): (Vec<&String>, Vec<&String>) = names.iter().partition(is_custom);
            for names in listed.chunks(NAMES) {
                let params = vec![place.clone(), ("filter", filter(names))];
                calls.push(Call { operation, params, lists: true });
            }
            for (name, operation) in custom.into_iter().zip(self.custom.into_iter().cycle()) {
                let params = vec![place.clone(), ("machineType", name.clone())];
                calls.push(Call { operation, params, lists: false });
            }
        }
        calls
    }

    async fn make(&self, context: Context<'_>, call: Call) -> Result<(), Failure> {
        let project = context.account().id.as_str();
        let ask = context.ask("compute", call.operation).with("project", project);
        let ask = call.params.into_iter().fold(ask, |ask, (name, value)| ask.with(name, value));
        let found = if call.lists { ask.all("items").await? } else { Vec::from_iter(ask.answer().await?) };
        for mut document in found {
            self.complete_document(&mut document);
            context.make(self.kind, document).await?;
        }
        Ok(())
    }

    /// Accelerators are told by name; those of the same zone are meant.
    fn complete_document(&self, document: &mut Value) {
        let link = document["selfLink"].as_str().unwrap_or_default();
        let Some((zone, _)) = link.split_once(&format!("/{}/", self.word)) else { return };
        let link = |told: &Value| {
            Some(Value::from(format!("{zone}/acceleratorTypes/{}", told["guestAcceleratorType"].as_str()?)))
        };
        if let Some(told) = document["accelerators"].as_array() {
            let links: Value = told.iter().filter_map(link).collect();
            document["acceleratorLinks"] = links;
        }
    }
}

/// `(name = "a") OR (name = "b")`
fn filter(names: &[&String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("(name = \"{name}\")")).collect();
    names.join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(types: &Types, links: &[&str]) -> Used {
        let mut used = Used::new();
        for (place, name) in links.iter().filter_map(|link| types.named(link)) {
            used.entry(place).or_default().insert(name.to_owned());
        }
        used
    }

    #[test]
    fn types_are_asked_for_by_name_where_they_are_used() {
        let links =
            ["x/zones/a-b/diskTypes/ssd", "x/zones/a-b/diskTypes/hdd", "x/regions/a/diskTypes/ssd", "hdd"];
        let calls = DISK_TYPES.calls(&used(&DISK_TYPES, &links));
        let told: Vec<_> = calls.iter().map(|call| (call.operation, call.params[0].1.as_str())).collect();
        assert_eq!(told, [("diskTypes.list", "a-b"), ("regionDiskTypes.list", "a")]);
        assert_eq!(calls[0].params[1].1, r#"(name = "hdd") OR (name = "ssd")"#);
    }

    #[test]
    fn custom_machine_types_are_in_no_listing() {
        let links = ["x/zones/a-b/machineTypes/e2-custom-4-8192", "x/zones/a-b/machineTypes/e2-medium"];
        let calls = MACHINE_TYPES.calls(&used(&MACHINE_TYPES, &links));
        let told: Vec<_> = calls.iter().map(|call| (call.operation, call.params[1].1.as_str())).collect();
        let names =
            [("machineTypes.list", r#"(name = "e2-medium")"#), ("machineTypes.get", "e2-custom-4-8192")];
        assert_eq!(told, names);
    }

    #[test]
    fn accelerators_are_those_of_the_zone() {
        let mut document = json!({
            "selfLink": "https://h/zones/a-b/machineTypes/m",
            "accelerators": [{"guestAcceleratorType": "t4"}],
        });
        MACHINE_TYPES.complete_document(&mut document);
        assert_eq!(document["acceleratorLinks"], json!(["https://h/zones/a-b/acceleratorTypes/t4"]));
    }
}
