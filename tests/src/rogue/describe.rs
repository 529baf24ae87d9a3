//! What the rogue collector says about itself.

use anyhow::Context as _;
use ipc_proto::job::{Account, AccountsJob, Described, Section};
use ipc_proto::message::{JobId, Report};
use serde_json::{Value, json};

use super::answer;
use super::link::Link;
use crate::expect::ids;

/// The name of the collector and of its cloud.
pub(super) const NAME: &str = "rogue";
/// The kinds of the peer's example collector, with all base kinds.
const KINDS: &str = include_str!("../../data/example-model.json");

pub(super) fn describe(link: &mut Link, job: JobId) -> anyhow::Result<Option<u8>> {
    let property =
        |name: &str, kind: &str| json!({"name": name, "kind": kind, "required": true, "description": name});
    let section_kinds = json!([{
        "fqn": NAME, "bases": [], "allow_unknown_props": false,
        "properties": [property("modes", "string[]"), property("markers", "string")],
    }]);
    let described = Described {
        collector: NAME.into(),
        cloud: Some(NAME.into()),
        account_noun: "account".into(),
        kinds_json: KINDS.into(),
        section: Some(Section {
            name: NAME.into(),
            kinds_json: section_kinds.to_string(),
            defaults_json: json!({"modes": ["good"], "markers": ""}).to_string(),
        }),
        pool_setting: None,
        tasks_json: super::tasks::definitions(),
        environment: Vec::new(),
        paths: Vec::new(),
        auto_enable: Vec::new(),
        account_kinds: vec!["example_account".into()],
    };
    answer(link, job, Report::Described(Box::new(described)))
}

pub(super) fn accounts(link: &mut Link, id: JobId, job: &AccountsJob) -> anyhow::Result<Option<u8>> {
    let config: Value = serde_json::from_str(job.config.expose()).context("the config section")?;
    let modes = config["modes"].as_array().context("modes")?;
    let modes = modes.iter().filter_map(Value::as_str);
    let accounts = modes.map(|mode| Account {
        cloud: NAME.into(),
        id: mode.into(),
        name: format!("Rogue {mode}"),
        node_id: ids::account(mode),
        scope: Vec::new().into(),
    });
    answer(link, id, Report::Accounts(accounts.collect()))
}
