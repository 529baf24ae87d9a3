//! Whole plans, as the build script writes them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use tables::plan::FilePlan;

#[test]
fn follow_up_calls_tags_and_deletion() {
    insta::assert_snapshot!(golden(include_str!("tables/kms.toml")));
}

#[test]
fn edges_and_keys() {
    insta::assert_snapshot!(golden(include_str!("tables/ec2.toml")));
}

/// The plan as readable JSON; written and read again it is the same plan.
fn golden(text: &str) -> String {
    let compiled = support::compiled(text);
    assert_eq!(compiled.mistakes, []);
    let plan = &compiled.plans[0];
    let json = serde_json::to_string_pretty(plan).unwrap();
    let again: FilePlan = serde_json::from_str(&json).unwrap();
    assert_eq!(again, *plan);
    json
}
