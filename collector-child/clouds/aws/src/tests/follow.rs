//! Follow-up calls.

use crate::cloud::FACTS;

/// How many calls of a kind are made at a time.
fn steps(kind: &str) -> Vec<usize> {
    let mut rest = crate::built_in::plans().unwrap().get(kind).unwrap().calls.as_slice();
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let now = engine::calls_at_once(rest, FACTS.alone);
        steps.push(now);
        rest = &rest[now..];
    }
    steps
}

#[test]
fn calls_wait_for_what_they_need_only() {
    // What says where the bucket is, then all the rest.
    assert_eq!(steps("aws_s3_bucket"), [1, 8]);
    // Without an answer of the first one there is no trail.
    assert_eq!(steps("aws_cloud_trail"), [1, 4]);
    assert_eq!(steps("aws_backup_vault"), [2]);
}
