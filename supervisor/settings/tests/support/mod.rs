//! Collectors with settings, as a child would describe them, and short ways to load settings.
#![allow(dead_code, reason = "each test file uses a part of it")]

use fixworker_settings::{Environment, Facts, Inputs, Overrides, Running, Sections};
use ipc_proto::job::{AutoEnable, Described, Section};
use serde_json::{Map, Value};

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

pub(crate) fn sections_of_the_peer() -> Value {
    json(include_str!("../vectors/sections.json"))
}

pub(crate) fn described(collector: &str, section: Option<Section>) -> Described {
    Described {
        collector: collector.to_owned(),
        clouds: vec![collector.to_owned()],
        account_noun: "account".to_owned(),
        kinds_json: "[]".to_owned(),
        pool_setting: section.as_ref().map(|_| "account_pool_size".to_owned()),
        section,
        tasks_json: "[]".to_owned(),
        environment: Vec::new(),
        paths: Vec::new(),
        auto_enable: vec![AutoEnable::Variable(format!("{}_KEY", collector.to_uppercase()))],
        account_kinds: Vec::new(),
    }
}

/// The collectors aws and random, with the peer's sections, and one without settings.
pub(crate) fn collectors() -> Vec<Described> {
    let peer = sections_of_the_peer();
    let section = |name: &str| Section {
        name: name.to_owned(),
        kinds_json: peer[name]["kinds"].to_string(),
        defaults_json: peer[name]["defaults"].to_string(),
    };
    vec![
        described("aws", Some(section("aws"))),
        described("random", Some(section("random"))),
        described("example", None),
    ]
}

pub(crate) fn sections() -> Sections {
    let facts = Facts { cpus: 2, auto_collectors: Vec::new() };
    let (sections, errors) = Sections::new(&facts, &collectors());
    assert!(errors.is_empty(), "{errors:?}");
    sections
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

pub(crate) struct Load<'a> {
    pub(crate) document: Value,
    pub(crate) overrides: &'a [&'a str],
    pub(crate) variables: &'a [(&'a str, &'a str)],
}

impl Load<'_> {
    pub(crate) fn run(&self, previous: Option<&Running>) -> Running {
        let environment: Environment = self.variables.iter().copied().collect();
        let inputs = Inputs {
            sections: &sections(),
            document: &object(&self.document),
            overrides: &Overrides::parse(self.overrides),
            environment: &environment,
        };
        Running::load(inputs, previous)
    }
}

pub(crate) fn load(document: Value) -> Running {
    Load { document, overrides: &[], variables: &[] }.run(None)
}

pub(crate) fn problems(running: &Running) -> Vec<String> {
    running.problems().iter().map(ToString::to_string).collect()
}
