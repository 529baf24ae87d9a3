//! The config section `random`.

use collector::{ConfigSection, Failure, FaultExt, fault};
use ipc_proto::fault::FaultKind;
use ipc_proto::job::Section;
use serde::Deserialize;
use serde_json::json;

use super::plan::Estate;

/// The largest `size`: a network has fifty times as many instances at most.
const MOST_SIZE: f64 = 1000.0;
/// The largest `resources_per_account`.
const MOST_RESOURCES: u64 = 10_000_000;
/// The longest `seconds_per_account`: ten days.
const MOST_SECONDS: f64 = 864_000.0;

/// The settings. Of `seed` and `size` the Python worker has the same.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct RandomConfig {
    pub(super) seed: i64,
    pub(super) size: f64,
    pub(super) accounts: Option<u32>,
    pub(super) resources_per_account: Option<u64>,
    pub(super) seconds_per_account: f64,
}

impl Default for RandomConfig {
    fn default() -> Self {
        Self { seed: 0, size: 1.0, accounts: None, resources_per_account: None, seconds_per_account: 0.0 }
    }
}

impl RandomConfig {
    /// Reads and checks a section.
    pub(super) fn read(section: &ConfigSection) -> Result<Self, Failure> {
        let config: Self = section.to()?;
        let within = |name: &str, value: f64, most: f64| {
            if (0.0..=most).contains(&value) {
                return Ok(());
            }
            let message = format!("{}.{name} is {value}, but must be between 0 and {most}", section.name());
            Err(Failure::from(fault(FaultKind::Config, message).scope_service(section.name())))
        };
        within("size", config.size, MOST_SIZE)?;
        within("seconds_per_account", config.seconds_per_account, MOST_SECONDS)?;
        #[expect(clippy::cast_precision_loss, reason = "only compared with a limit far below 2^52")]
        let resources = config.resources_per_account.unwrap_or(0).min(2 * MOST_RESOURCES) as f64;
        #[expect(clippy::cast_precision_loss, reason = "a small constant")]
        within("resources_per_account", resources, MOST_RESOURCES as f64)?;
        Ok(config)
    }

    /// What decides about the estate.
    pub(super) fn estate(&self) -> Estate {
        Estate {
            seed: self.seed,
            size: self.size,
            accounts: self.accounts,
            resources: self.resources_per_account,
        }
    }

    /// The section as fixcore's config model takes it.
    pub(super) fn describe() -> Section {
        let property = |name: &str, kind: &str, required: bool, description: &str| json!({"name": name, "kind": kind, "required": required, "description": description});
        let kinds = json!([{
            "fqn": "random",
            "bases": [],
            "properties": [
                property("seed", "int64", true, "Random seed"),
                property("size", "double", true, "Multiplies the number of things on each level; 0.5 to 2 is reasonable"),
                property("accounts", "int64", false, "Number of accounts. Default: 1 to 10, drawn by the seed"),
                property(
                    "resources_per_account",
                    "int64",
                    false,
                    "Number of resources in each account, regions included. Default: drawn, by size",
                ),
                property("seconds_per_account", "double", true, "Time that the collection of an account takes at least"),
            ],
            "allow_unknown_props": false,
            "successor_kinds": null,
            "aggregate_root": true,
            "metadata": {"source": "random"},
        }]);
        let Self { seed, size, accounts, resources_per_account, seconds_per_account } = Self::default();
        let defaults = json!({
            "seed": seed,
            "size": size,
            "accounts": accounts,
            "resources_per_account": resources_per_account,
            "seconds_per_account": seconds_per_account,
        });
        Section {
            name: "random".to_owned(),
            kinds_json: kinds.to_string(),
            defaults_json: defaults.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn read(config: &str) -> Result<RandomConfig, Failure> {
        RandomConfig::read(&ConfigSection::parse("random", config)?)
    }

    #[test]
    fn the_defaults_are_described() {
        let section = RandomConfig::describe();
        assert_eq!(read(&section.defaults_json).unwrap(), RandomConfig::default());
        let kinds: Value = serde_json::from_str(&section.kinds_json).unwrap();
        let defaults: Value = serde_json::from_str(&section.defaults_json).unwrap();
        for property in kinds[0]["properties"].as_array().unwrap() {
            let default = &defaults[property["name"].as_str().unwrap()];
            assert_eq!(property["required"], !default.is_null(), "{property}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (config, name) in [
            (r#"{"size": -1}"#, "random.size is -1, but must be between 0 and 1000"),
            (r#"{"seconds_per_account": 1e9}"#, "random.seconds_per_account is 1000000000"),
            (r#"{"resources_per_account": 99999999999}"#, "random.resources_per_account is"),
            (r#"{"accounts": -1}"#, "the setting random.accounts does not accept an integer"),
        ] {
            let error = read(config).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
