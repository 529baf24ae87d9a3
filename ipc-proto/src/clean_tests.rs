use super::*;
use crate::codec;
use crate::job::{Job, Start, Variable};
use crate::message::{JobId, Order, ToChild};

fn resource(node: usize, related: &[usize]) -> CleanResource {
    let related_json = related
        .iter()
        .map(|len| Related { edge: EdgeType::Delete, outgoing: true, node_json: "r".repeat(*len) })
        .collect();
    CleanResource { node_json: "n".repeat(node), related_json, related_cut: false }
}

fn job(resources: Vec<CleanResource>) -> CleanJob {
    let part = || "a".repeat(200);
    CleanJob {
        collector: "aws".to_owned(),
        config: "c".repeat(1000).into(),
        account: Account {
            cloud: part(),
            id: part(),
            name: part(),
            node_id: part(),
            scope: vec![0; 300].into(),
        },
        ancestors_json: vec!["{}".to_owned(), part()],
        resources,
        dry_run: true,
        parallel: 16,
    }
}

/// The bytes of the largest Start that a job can travel in.
fn frame_of(job: &CleanJob) -> usize {
    let value = "v".repeat(START_RESERVE - 200).into();
    let start = Start {
        job: Job::Clean(Box::new(job.clone())),
        remaining: Some(std::time::Duration::MAX),
        environment: vec![Variable { name: "AWS_PROFILE".to_owned(), value }],
    };
    let mut bytes = Vec::new();
    codec::encode_into(&ToChild { job: JobId(u32::MAX), body: Order::Start(Box::new(start)) }, &mut bytes)
        .expect("it can be encoded");
    bytes.len()
}

#[test]
fn a_small_job_stays_whole() {
    let whole = job(vec![resource(100, &[10, 20]), resource(5, &[])]);
    let split = whole.clone().split(MAX_FRAME);
    assert_eq!(split, SplitJob { jobs: vec![whole], too_large: Vec::new() });
    assert_eq!(job(Vec::new()).split(MAX_FRAME), SplitJob::default());
}

#[test]
fn every_part_fits_its_frame_and_nothing_is_lost_or_reordered() {
    let sizes: Vec<usize> = (0..300).map(|n| n * 7919 % 60_000).collect();
    let resources: Vec<_> = sizes.iter().map(|size| resource(*size, &[*size / 3, 17])).collect();
    for cap in [MAX_FRAME, 1 << 20, START_RESERVE + 90_000] {
        let split = job(resources.clone()).split(cap);
        assert!(split.jobs.len() > 1 && split.too_large.is_empty(), "{cap}");
        for part in &split.jobs {
            assert!(frame_of(part) <= cap && !part.resources.is_empty());
            assert_eq!(CleanJob { resources: Vec::new(), ..part.clone() }, job(Vec::new()));
        }
        let again: Vec<_> = split.jobs.into_iter().flat_map(|part| part.resources).collect();
        assert_eq!(again, resources, "{cap}");
    }
}

#[test]
fn neighbours_give_way_to_the_node_and_a_node_over_the_cap_is_handed_back() {
    let cap = START_RESERVE + 10_000;
    let large = resource(20_000, &[1]);
    let split = job(vec![resource(10, &[]), resource(3000, &[2000, 2000, 2000]), large]).split(cap);
    let [part] = &split.jobs[..] else { panic!("{} jobs", split.jobs.len()) };
    assert!(frame_of(part) <= cap);
    let kept: Vec<_> = part.resources.iter().map(|one| (one.related_json.len(), one.related_cut)).collect();
    assert_eq!(kept, [(0, false), (2, true)]);
    assert_eq!(split.too_large, [CleanResource { related_cut: true, ..resource(20_000, &[]) }]);
    let split = job(vec![resource(MAX_NODE_JSON + 1, &[])]).split(usize::MAX);
    assert_eq!((split.jobs.len(), split.too_large.len()), (0, 1));
}

#[test]
fn outcomes_say_their_reason() {
    let reason = || "why".to_owned();
    let outcomes = [
        (CleanOutcome::Gone, "gone", None),
        (CleanOutcome::Later { reason: reason() }, "later", Some("why")),
        (CleanOutcome::Failed { reason: reason() }, "failed", Some("why")),
        (CleanOutcome::Refused { reason: reason() }, "refused", Some("why")),
        (CleanOutcome::Planned, "planned", None),
    ];
    for (outcome, name, reason) in outcomes {
        assert_eq!((outcome.name(), outcome.reason()), (name, reason));
    }
}
