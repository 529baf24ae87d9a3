//! What the tests of the language share.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::LazyLock;

use inventory::KindTable;
use serde_json::{Map, Value};
use tables::compile::{Compiled, Dialect, SourceFile, cloud, compile};
use tables::plan::{CloudPlan, KindPlan, Place, Properties, Scope};

pub(crate) static KINDS: LazyLock<KindTable> = LazyLock::new(|| KindTable::load(&["base", "aws"]).unwrap());

pub(crate) static AWS: LazyLock<CloudPlan> = LazyLock::new(|| {
    let text = include_str!("../../../clouds/aws/cloud.toml");
    cloud(&SourceFile { name: "cloud", path: "cloud.toml", text }).unwrap()
});

/// Compiles one file.
pub(crate) fn compiled(text: &str) -> Compiled {
    compile(
        &[SourceFile { name: "test", path: "test.toml", text }],
        &KINDS,
        Dialect { cloud: &AWS, catalog: Some(&aws_shapes::CATALOG) },
    )
}

/// The plan of a kind in a file without mistakes.
pub(crate) fn plan(text: &str, kind: &str) -> KindPlan {
    let compiled = compiled(text);
    assert_eq!(compiled.mistakes, [], "mistakes");
    compiled.plans[0].kinds.iter().find(|plan| plan.kind == kind).unwrap().clone()
}

/// The mistakes of a file as texts.
pub(crate) fn mistakes(text: &str) -> Vec<String> {
    compiled(text).mistakes.iter().map(ToString::to_string).collect()
}

pub(crate) fn place() -> Place {
    Place::new("123456789012", "eu-west-1", "eu-west-1", "aws")
}

/// The properties that a plan makes of a document.
pub(crate) fn properties(plan: &KindPlan, document: &Value) -> Map<String, Value> {
    let place = place();
    let scope = Scope::new(document, &place);
    plan.properties(&scope).map(Properties::into_object).unwrap_or_default()
}
