use super::*;

const KINDS: &str = r#"[{"fqn": "x_account", "bases": ["account"]}, {"fqn": "x_region", "bases": ["region"]},
    {"fqn": "account", "bases": ["resource"]}, {"fqn": "region", "bases": ["phantom_resource"]},
    {"fqn": "x_type", "bases": ["phantom_resource"]}, {"fqn": "volume", "bases": ["resource"]}]"#;

/// A node of cloud `x`, account `a`: `extra` changes or adds top-level keys.
fn node(id: &str, kind: &str, extra: &str) -> String {
    let line = serde_json::json!({
        "id": id, "type": "node", "reported": {"id": id, "name": id, "kind": kind},
        "ancestors": {"cloud": {"reported": {"id": "x", "name": "x"}},
            "account": {"reported": {"id": "a", "name": "Account A"}},
            "region": {"reported": {"id": "r", "name": "r"}}},
    });
    let mut line = line.as_object().unwrap().clone();
    let extra: serde_json::Value = serde_json::from_str(extra).unwrap();
    line.extend(extra.as_object().unwrap().clone());
    serde_json::to_string(&line).unwrap()
}

const MARKED: &str = r#"{"desired": {"clean": true}}"#;

fn volume(id: &str) -> String {
    node(id, "volume", MARKED)
}

fn places() -> Vec<String> {
    vec![node("a", "x_account", "{}"), node("r", "x_region", "{}")]
}

fn edge(from: &str, to: &str, kind: &str) -> String {
    format!(r#"{{"type": "edge", "from": "{from}", "to": "{to}", "edge_type": "{kind}"}}"#)
}

fn work_of(lines: impl IntoIterator<Item = String>) -> Work {
    let mut found = Found::default();
    places().into_iter().chain(lines).for_each(|line| found.line(&line).unwrap());
    let kinds = crate::kinds::read([KINDS]).unwrap();
    let collectors = BTreeMap::from([("x".to_owned(), "x_collector".to_owned())]);
    let is_ours = |_: &str, account: &str| account != "foreign";
    select(found, Scope { collectors: &collectors, kinds: &kinds, is_ours: &is_ours })
}

/// What is decided before anything is tried, as the planner gets it.
fn fate_of(work: &Work, id: &str) -> Option<Fate> {
    let number = (0..work.resources.len()).find(|number| work.node(*number).id == id).unwrap();
    work.items().swap_remove(number).fate
}

fn dependents(work: &Work, id: &str) -> Vec<String> {
    let number = (0..work.resources.len()).find(|number| work.node(*number).id == id).unwrap();
    work.resources[number].hold.dependents.iter().map(|other| work.node(*other).id.clone()).collect()
}

#[test]
fn only_marked_resources_and_delete_edges_between_them_count() {
    let unmarked = node("u", "volume", "{}");
    let cleaned = node("c", "volume", r#"{"desired": {"clean": true}, "metadata": {"cleaned": true}}"#);
    let lines = [volume("v"), volume("w"), unmarked, cleaned];
    let edges = [
        ("v", "w", "delete"),
        ("v", "w", "delete"),
        ("v", "u", "delete"),
        ("v", "c", "delete"),
        ("w", "v", "default"),
    ];
    let work = work_of(lines.into_iter().chain(edges.map(|(from, to, kind)| edge(from, to, kind))));
    assert_eq!(work.resources.len(), 2);
    assert_eq!((dependents(&work, "v"), dependents(&work, "w")), (vec!["w".to_owned()], vec![]));
    assert_eq!((fate_of(&work, "v"), fate_of(&work, "w")), (None, None));
    assert_eq!(work.hint(0).unwrap(), "not marked for cleanup, but depending on it: volume u");
    assert_eq!(work.hint(1), None);
    let account = &work.accounts[0];
    assert_eq!(
        (account.collector.as_str(), account.cloud.as_str(), account.name.as_str()),
        ("x_collector", "x", "Account A")
    );
}

#[test]
fn what_must_not_be_deleted_is_refused_with_a_reason() {
    let protected = node("p", "volume", r#"{"desired": {"clean": true}, "metadata": {"protected": true}}"#);
    let homeless = node(
        "h",
        "volume",
        r#"{"desired": {"clean": true}, "ancestors": {"cloud": {"reported": {"id": "x"}}}}"#,
    );
    let lost = r#"{"desired": {"clean": true}, "ancestors": {"cloud": {"reported": {"id": "x"}}, "account": {"reported": {"id": "b"}}}}"#;
    let lines = [
        node("t", "x_type", MARKED),
        node("r2", "x_region", MARKED),
        protected,
        homeless,
        node("l", "volume", lost),
    ];
    let work = work_of(lines);
    for (id, why) in
        [("t", "x_type"), ("r2", "x_region"), ("p", "protected"), ("h", "account"), ("l", "account b")]
    {
        let Some(Fate::Refused(reason)) = fate_of(&work, id) else { panic!("{id} is refused") };
        assert!(reason.contains(why), "{id}: {reason}");
    }
}

#[test]
fn other_clouds_and_the_accounts_of_other_workers_are_left_alone() {
    let cloud = r#"{"desired": {"clean": true}, "ancestors": {"cloud": {"reported": {"id": "y"}}, "account": {"reported": {"id": "a"}}}}"#;
    let shard = r#"{"desired": {"clean": true}, "ancestors": {"cloud": {"reported": {"id": "x"}}, "account": {"reported": {"id": "foreign"}}}}"#;
    let root = r#"{"desired": {"clean": true}, "ancestors": {}}"#;
    let lines = [
        node("y", "volume", cloud),
        node("f", "volume", shard),
        node("root", "graph_root", root),
        volume("v"),
    ];
    let work = work_of(lines.into_iter().chain([edge("v", "f", "delete")]));
    assert_eq!(work.resources.len(), 1);
    let Some(Fate::Skipped(reason)) = fate_of(&work, "v") else { panic!("v waits for another worker") };
    assert!(reason.contains("volume f") && reason.contains("another worker"), "{reason}");
}

#[test]
fn a_protected_dependent_keeps_what_it_depends_on() {
    let protected = node("p", "volume", r#"{"metadata": {"protected": true}}"#);
    let work = work_of([volume("v"), protected, edge("v", "p", "delete")]);
    let Some(Fate::Skipped(reason)) = fate_of(&work, "v") else { panic!("v stays") };
    assert!(reason.contains("volume p") && reason.contains("protected"), "{reason}");
}

#[test]
fn a_job_has_the_places_and_the_neighbours() {
    let other_region =
        node("elsewhere", "x_region", r#"{"reported": {"id": "q", "name": "q", "kind": "x_region"}}"#);
    let unmarked = node("u", "volume", "{}");
    let lines = [volume("v"), volume("w"), unmarked, other_region];
    let edges = [("v", "w", "delete"), ("u", "v", "default"), ("r", "v", "default"), ("r", "w", "default")];
    let work = work_of(lines.into_iter().chain(edges.map(|(from, to, kind)| edge(from, to, kind))));
    let job = work.job(0, &[1, 0], Secret::new("{}".to_owned()), true, 3);
    let id = |json: &str| {
        serde_json::from_str::<serde_json::Value>(json).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let ids: Vec<_> = job.resources.iter().map(|resource| id(&resource.node_json)).collect();
    assert_eq!(ids, ["w", "v"], "in the order asked for");
    assert_eq!(job.ancestors_json.iter().map(|json| id(json)).collect::<Vec<_>>(), ["a", "r"]);
    let related: Vec<_> = job.resources[1]
        .related_json
        .iter()
        .map(|one| (one.edge, one.outgoing, id(&one.node_json)))
        .collect();
    assert_eq!(
        related,
        [(EdgeType::Delete, true, "w".to_owned()), (EdgeType::Default, false, "u".to_owned())]
    );
    assert_eq!((job.account.id.as_str(), job.account.node_id.as_str()), ("a", "a"));
    assert_eq!((job.dry_run, job.parallel), (true, 3));
}
