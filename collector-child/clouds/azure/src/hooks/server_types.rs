//! The types of database servers. A location offers hundreds of combinations of tier, version and size: those that servers are of
//! are made.

use std::collections::{BTreeMap, BTreeSet};

use engine::hooks::prelude::*;

/// Locations asked at once; the budget of the client bounds the calls.
const AT_ONCE: usize = 8;
const MIB_OF_GIB: u64 = 1024;

/// Types of one kind of server.
#[derive(Debug)]
pub(super) struct ServerTypes {
    hook: &'static str,
    kind: &'static str,
    servers: &'static [&'static str],
    operation: &'static str,
    version: &'static str,
    /// Codes of a location that does not offer such servers.
    expected: &'static [&'static str],
    /// The documents of an edition that some server is of.
    types: fn(&Value, &Value, &BTreeSet<Size>) -> Vec<Value>,
}

pub(super) const MYSQL: ServerTypes = ServerTypes {
    hook: "mysql_types",
    kind: "azure_mysql_server_type",
    servers: &["azure_mysql_server"],
    operation: "GET /subscriptions/{subscription}/providers/Microsoft.DBforMySQL/locations/{location}/capabilities",
    version: "2023-12-30",
    expected: &[],
    types: of_mysql,
};

pub(super) const POSTGRESQL: ServerTypes = ServerTypes {
    hook: "postgresql_types",
    kind: "azure_postgresql_server_type",
    servers: &["azure_postgresql_server"],
    operation: "GET /subscriptions/{subscription}/providers/Microsoft.DBforPostgreSQL/locations/{location}/capabilities",
    version: "2022-12-01",
    expected: &["InternalServerError"],
    types: of_postgresql,
};

/// What a server is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    tier: String,
    version: String,
    sku: String,
    /// The name of its storage, where types have one.
    storage: Option<String>,
}

impl Hook for ServerTypes {
    fn name(&self) -> &'static str {
        self.hook
    }

    fn completes(&self) -> Option<&'static [&'static str]> {
        Some(self.servers)
    }

    /// The name that types have for the storage of a server.
    fn prepare<'a>(
        &'a self,
        _context: Context<'a>,
        _plan: &'static KindPlan,
        document: &'a mut Value,
        _parent: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Verdict, Failure>> {
        if let Some(size) = document["properties"]["storage"]["storageSizeGB"].as_u64() {
            document["type_storage"] = (size * MIB_OF_GIB).to_string().into();
        }
        Box::pin(async { Ok(Verdict::Keep) })
    }

    fn complete<'a>(&'a self, context: Context<'a>) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if !context.wanted().collects_child(self.kind) {
                return Ok(());
            }
            let used: Vec<_> = self.used(context).into_iter().collect();
            each(AT_ONCE, used, |(region, sizes)| {
                Box::pin(async move { self.make(context.at(region), &sizes).await })
            })
            .await
        })
    }
}

impl ServerTypes {
    /// What servers are of, by location.
    fn used(&self, context: Context<'_>) -> BTreeMap<RegionIndex, BTreeSet<Size>> {
        let mut used: BTreeMap<RegionIndex, BTreeSet<Size>> = BTreeMap::new();
        context.graph(|graph| {
            for node in self.servers.iter().flat_map(|kind| graph.of_kind(kind)).collect::<Vec<_>>() {
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let size = graph.property(node, "server_sku").and_then(|sku| {
                    let version = text(&graph.property(node, "db_version")?)?;
                    let gib = graph.property(node, "storage_size_gb").and_then(|gib| gib.as_u64());
                    let storage = gib.map(|gib| (gib * MIB_OF_GIB).to_string());
                    Some(Size { tier: text(&sku["tier"])?, sku: text(&sku["name"])?, version, storage })
                });
                if let Some((region, size)) = graph.region_of(node).zip(size) {
                    used.entry(region).or_default().insert(size);
                }
            }
        });
        used
    }

    async fn make(&self, context: Context<'_>, sizes: &BTreeSet<Size>) -> Result<(), Failure> {
        let location = context.region().name.as_str();
        let path = json!({"subscription": context.account().id, "location": location});
        let ask = context.ask("arm", self.operation).with("path", path).expecting(self.expected);
        let ask = ask.with("query", json!({"api-version": self.version}));
        // Each zone tells what it offers, which is the same for most. The first one counts.
        let mut made = BTreeSet::new();
        for offer in ask.all("value").await? {
            for edition in list(&offer["supportedFlexibleServerEditions"]) {
                for mut document in (self.types)(&offer, edition, sizes) {
                    if made.insert(document["id"].as_str().unwrap_or_default().to_owned()) {
                        document["location"] = location.into();
                        context.make(self.kind, document).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Versions and sizes of an edition, with what servers of them need.
fn chosen<'v>(edition: &'v Value, member: &str, sizes: &BTreeSet<Size>) -> Vec<(&'v Value, &'v Value, Size)> {
    let is_of = |size: &Size, version: &Value, sku: &Value| {
        edition["name"] == size.tier && version["name"] == size.version && sku["name"] == size.sku
    };
    let mut all = Vec::new();
    for version in list(&edition["supportedServerVersions"]) {
        for sku in list(&version[member]) {
            let used = sizes.iter().filter(|size| is_of(size, version, sku));
            all.extend(used.map(|size| (version, sku, size.clone())));
        }
    }
    all
}

/// Cores and memory in GiB of a size.
fn add_size(document: &mut Value, sku: &Value, memory_of_core: &str) {
    document["cores"] = sku["vCores"].as_u64().unwrap_or_default().into();
    document["memory"] = (sku[memory_of_core].as_u64().unwrap_or_default() / MIB_OF_GIB).into();
}

/// The id is that of the Python worker: the size alone.
fn of_mysql(offer: &Value, edition: &Value, sizes: &BTreeSet<Size>) -> Vec<Value> {
    let mut types = Vec::new();
    for storage in list(&edition["supportedStorageEditions"]) {
        for (version, sku, _) in chosen(edition, "supportedSkus", sizes) {
            let mut document = offer.clone();
            let tier = edition["name"].as_str().unwrap_or_default();
            let name = sku["name"].as_str().unwrap_or_default();
            (document["id"], document["name"]) = (name.into(), format!("{tier}_{name}").into());
            document["edition"] = edition["name"].clone();
            document["storage"] = storage.clone();
            document["version"] = version["name"].clone();
            document["sku"] = json!({
                "name": sku["name"], "vCores": sku["vCores"], "supportedIops": sku["supportedIops"],
                "supportedMemoryPerVCoreMB": sku["supportedMemoryPerVCoreMB"],
            });
            add_size(&mut document, sku, "supportedMemoryPerVCoreMB");
            types.push(document);
        }
    }
    types
}

fn of_postgresql(offer: &Value, edition: &Value, sizes: &BTreeSet<Size>) -> Vec<Value> {
    let mut types = Vec::new();
    for (version, sku, size) in chosen(edition, "supportedVcores", sizes) {
        let storages = list(&edition["supportedStorageEditions"]).iter();
        for storage in storages.flat_map(|storage| list(&storage["supportedStorageMB"])) {
            if storage["name"].as_str() != size.storage.as_deref() {
                continue;
            }
            let mut document = offer.clone();
            let parts =
                [edition, version, sku, storage].map(|part| part["name"].as_str().unwrap_or_default());
            document["id"] = parts.join("_").into();
            document["name"] = document["id"].clone();
            document["sku"] = json!({"name": sku["name"], "tier": edition["name"]});
            document["iops"] = storage["supportedIops"].clone();
            document["size"] = (storage["storageSizeMB"].as_u64().unwrap_or_default() / MIB_OF_GIB).into();
            add_size(&mut document, sku, "supportedMemoryPerVcoreMB");
            types.push(document);
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_servers_are_of_is_made() {
        let size = |tier: &str, sku: &str| Size {
            tier: tier.into(),
            version: "8".into(),
            sku: sku.into(),
            storage: None,
        };
        let sizes = BTreeSet::from([size("Burstable", "B1")]);
        let sku = |name: &str| json!({"name": name, "vCores": 2, "supportedMemoryPerVCoreMB": 2048});
        let edition = |name: &str| {
            json!({
                "name": name, "supportedStorageEditions": [{"name": "Premium"}, {"name": "Other"}],
                "supportedServerVersions": [
                    {"name": "8", "supportedSkus": [sku("B1"), sku("B2")]}, {"name": "5", "supportedSkus": [sku("B1")]},
                ],
            })
        };
        let made = of_mysql(&json!({"zone": "1"}), &edition("Burstable"), &sizes);
        assert_eq!(made.len(), 2);
        let one = &made[0];
        let told = (&one["id"], &one["name"], &one["zone"], &one["version"], &one["cores"], &one["memory"]);
        assert_eq!(json!(told), json!(["B1", "Burstable_B1", "1", "8", 2, 2]));
        assert!(of_mysql(&json!({}), &edition("General"), &sizes).is_empty());
    }

    #[test]
    fn types_of_postgresql_have_their_storage_in_the_id() {
        let size = |storage: &str| Size {
            tier: "General".into(),
            version: "16".into(),
            sku: "D2".into(),
            storage: Some(storage.into()),
        };
        let sizes = BTreeSet::from([size("32768"), size("131072")]);
        let edition = json!({
            "name": "General",
            "supportedServerVersions": [{"name": "16", "supportedVcores": [{"name": "D2", "supportedMemoryPerVcoreMB": 4096, "vCores": 2}]}],
            "supportedStorageEditions": [{"supportedStorageMB": [{"name": "32768", "storageSizeMB": 32768, "supportedIops": 120}, {"name": "65536"}]}],
        });
        let made = of_postgresql(&json!({}), &edition, &sizes);
        assert_eq!(made.len(), 1);
        assert_eq!(made[0]["id"], "General_16_D2_32768");
        assert_eq!(json!([made[0]["size"], made[0]["iops"], made[0]["memory"]]), json!([32, 120, 4]));
    }
}
