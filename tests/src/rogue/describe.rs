//! What the rogue collector says about itself.

use anyhow::Context as _;
use ipc_proto::job::{Account, AccountsJob, AutoEnable, Described, PathAccess, PathGrant, Section};
use ipc_proto::message::{JobId, Report};
use serde_json::{Value, json};

use super::flood::HUGE;
use super::link::Link;
use super::{answer, done};
use crate::expect::{self, Mode, ids};

/// The name of the collector and of its cloud.
pub(super) const NAME: &str = "rogue";
/// The kinds of the peer's example collector, with all base kinds.
const KINDS: &str = include_str!("../../data/example-model.json");

pub(super) fn describe(link: &mut Link, job: JobId) -> anyhow::Result<Option<u8>> {
    let property =
        |name: &str, kind: &str| json!({"name": name, "kind": kind, "required": true, "description": name});
    let section_kinds = json!([{
        "fqn": NAME, "bases": [], "allow_unknown_props": false,
        "properties": [property("modes", "string[]"), property("markers", "string"), property("key", "string")],
    }]);
    let mut described = Described {
        collector: NAME.into(),
        clouds: vec![NAME.into()],
        account_noun: "account".into(),
        kinds_json: KINDS.into(),
        section: Some(Section {
            name: NAME.into(),
            kinds_json: section_kinds.to_string(),
            defaults_json: json!({"modes": ["good"], "markers": "", "key": ""}).to_string(),
        }),
        pool_setting: None,
        tasks_json: super::tasks::definitions(),
        environment: Vec::new(),
        // Where the tests and the children meet.
        paths: vec![PathGrant { path: "config:markers".into(), access: PathAccess::Write }],
        auto_enable: Vec::new(),
        account_kinds: vec!["example_account".into()],
    };
    match order().as_deref() {
        Some("star") => described.environment.push("*".into()),
        Some("psk") => described.environment.push("FIXWORKER_PSK".into()),
        Some("section") => described.section.as_mut().context("its section")?.name = "supervisor".into(),
        Some("sign") => described.auto_enable.push(AutoEnable::Variable("HOME".into())),
        Some("kinds") => described.kinds_json = redefined()?,
        Some("tasks") => {
            described.tasks_json = json!([{"name": "tag", "filter": {"cloud": ["aws"]}}]).to_string();
        }
        Some("many") => return many(link, job, &described),
        _ => {}
    }
    if order().is_some_and(|order| order.starts_with("broker")) {
        return super::broker::describe(link, job, described);
    }
    answer(link, job, Report::Described(Box::new(described)))
}

/// How it lies about itself: there is no configuration yet, so the name of the program says it.
pub(super) fn order() -> Option<String> {
    let program = std::env::args().next()?;
    Some(program.rsplit_once("describe-")?.1.to_owned())
}

/// Accounts are not what they are.
fn redefined() -> anyhow::Result<String> {
    let mut kinds: Vec<Value> = serde_json::from_str(KINDS)?;
    let account = kinds.iter_mut().find(|kind| kind["fqn"] == "account").context("accounts")?;
    account["bases"] = json!([]);
    Ok(Value::from(kinds).to_string())
}

fn many(link: &mut Link, job: JobId, one: &Described) -> anyhow::Result<Option<u8>> {
    link.send(job, Report::Ready)?;
    for number in 0..60 {
        let kinds_json = format!("[{}]", " ".repeat(HUGE));
        let collector = format!("rogue{number}");
        let (section, tasks_json) = (None, "[]".to_owned());
        let described = Described { collector, kinds_json, section, tasks_json, ..one.clone() };
        link.send(job, Report::Described(Box::new(described)))?;
    }
    link.send(job, done())?;
    Ok(None)
}

pub(super) fn accounts(link: &mut Link, id: JobId, job: &AccountsJob) -> anyhow::Result<Option<u8>> {
    let config: Value = serde_json::from_str(job.config.expose()).context("the config section")?;
    let modes = config["modes"].as_array().context("modes")?;
    let modes = modes.iter().filter_map(Value::as_str);
    link.send(id, Report::Ready)?;
    for account in modes.flat_map(several) {
        link.send(id, Report::Accounts(vec![listed(&account)]))?;
    }
    link.send(id, done())?;
    Ok(None)
}

/// The accounts that an entry means: `hold-1..3` is `hold-1`, `hold-2`, `hold-3`.
fn several(entry: &str) -> Vec<String> {
    let range = entry.rsplit_once('-').and_then(|(name, numbers)| {
        let (first, last) = numbers.split_once("..")?;
        Some((name, first.parse::<u32>().ok()?..=last.parse().ok()?))
    });
    match range {
        Some((name, numbers)) => numbers.map(|number| format!("{name}-{number}")).collect(),
        None => vec![entry.to_owned()],
    }
}

fn listed(id: &str) -> Account {
    let mode = expect::of(id).map(|row| row.mode);
    let cloud = if mode == Some(Mode::ListingOtherCloud) { "example" } else { NAME };
    let node_of = if mode == Some(Mode::ListingOtherNode) { "good" } else { id };
    let fill = if mode == Some(Mode::BigAccountName) { "n".repeat(HUGE) } else { String::new() };
    let markup = if mode == Some(Mode::Script) { expect::MARKUP } else { "" };
    Account {
        cloud: cloud.into(),
        id: id.into(),
        name: format!("Rogue {id}{fill}{markup}"),
        node_id: ids::account(node_of),
        scope: Vec::new().into(),
    }
}
