use super::*;

const KINDS: &str = r#"[{"fqn": "account"}, {"fqn": "region"}, {"fqn": "disk"}]"#;

/// Disks of accounts `a` and `b`; `edges` are pairs of names, the first can go only after the second.
fn plan(disks: &[&str], edges: &[(&str, &str)]) -> Plan {
    let mut lines = Vec::new();
    for disk in disks {
        let account = disk.chars().next().unwrap();
        lines.push(format!(
            r#"{{"id": "{disk}", "reported": {{"id": "{disk}", "kind": "disk"}},
            "metadata": {{"protected": {}}}, "ancestors": {{"account": {{"reported": {{"id": "{account}"}}}}}}}}"#,
            disk.contains("protected")
        ));
    }
    for (from, to) in edges {
        lines.push(format!(r#"{{"from": "{from}", "to": "{to}", "edge_type": "delete"}}"#));
    }
    let text: Vec<_> = lines.iter().map(|line| line.replace('\n', " ")).collect();
    let graph = Graph::read(text.join("\n").as_bytes()).unwrap();
    let levels = Levels::of_kinds(KINDS).unwrap();
    // What is called so is not to be deleted.
    let chosen: Vec<usize> = (0..disks.len()).filter(|one| !disks[*one].ends_with("stays")).collect();
    Plan::new(&graph, &chosen, &levels, &|node| (node.id == "a-no").then(|| "no".to_owned())).unwrap()
}

fn answer(plan: &mut Plan, id: &str, outcome: CleanOutcome) -> bool {
    plan.settle(Cleaned { node_id: id.to_owned(), outcome, log: vec![CleanEvent::done("step")] })
}

fn later() -> CleanOutcome {
    CleanOutcome::Later { reason: "terminating".to_owned() }
}

fn state(plan: &Plan) -> Vec<String> {
    let items = plan.items.iter().map(|item| match &item.answer {
        Some(Answer { pass, outcome, .. }) => {
            format!("{} {} {} {}", item.node.id, pass, outcome.name(), outcome.reason().unwrap_or_default())
        }
        None => format!("{} open", item.node.id),
    });
    items.map(|text| text.trim_end().to_owned()).collect()
}

#[test]
fn what_has_to_wait_is_asked_for_again_before_what_waits_for_it() {
    let mut plan = plan(&["a-net", "a-vm"], &[("a-net", "a-vm")]);
    assert_eq!(plan.sequence(), [1, 0]);
    for _ in 0..2 {
        assert_eq!(plan.next_pass(), [1]);
        assert!(!answer(&mut plan, "a-vm", later()));
        plan.end_pass(&[1]);
        assert!(plan.is_waiting());
    }
    assert_eq!(plan.next_pass(), [1]);
    assert!(answer(&mut plan, "a-vm", CleanOutcome::Gone));
    assert!(!plan.is_waiting());
    assert_eq!(plan.next_pass(), [0]);
    assert!(answer(&mut plan, "a-net", CleanOutcome::Gone));
    assert!(plan.next_pass().is_empty() && plan.is_complete());
    assert_eq!(state(&plan), ["a-net 4 gone", "a-vm 3 gone"]);
}

#[test]
fn giving_up_keeps_the_reason_and_what_waits_stays() {
    let mut plan = plan(&["a-net", "a-vm", "a-other"], &[("a-net", "a-vm")]);
    assert_eq!(plan.next_pass(), [1, 2]);
    answer(&mut plan, "a-vm", later());
    answer(&mut plan, "a-other", CleanOutcome::Failed { reason: "denied".to_owned() });
    plan.end_pass(&[1, 2]);
    plan.give_up_waiting();
    assert!(plan.next_pass().is_empty() && !plan.is_complete());
    let blocked = "a-net 1 refused disk a-vm has to go first, and stays";
    assert_eq!(state(&plan), [blocked, "a-vm 1 later terminating", "a-other 1 failed denied"]);
}

#[test]
fn an_account_that_fails_costs_only_itself() {
    let mut plan = plan(&["a-1", "a-2", "b-1", "a-3"], &[("a-3", "a-2"), ("b-1", "a-2")]);
    assert_eq!(plan.next_pass(), [0, 1]);
    assert!(answer(&mut plan, "a-1", CleanOutcome::Gone));
    plan.give_up_account("a", "the key has expired");
    let expired = |id| format!("{id} 1 failed the key has expired");
    let state = state(&plan);
    assert_eq!((&state[0], &state[1]), (&"a-1 1 gone".to_owned(), &expired("a-2")));
    assert_eq!(state[2], "b-1 1 refused disk a-2 has to go first, and stays");
    assert_eq!(state[3], "a-3 1 refused disk a-2 has to go first, and stays");
}

#[test]
fn an_answer_that_never_comes_is_a_failure_and_a_strange_one_is_nothing() {
    let mut plan = plan(&["a-1", "a-no", "a-2"], &[("a-2", "a-no")]);
    assert_eq!(plan.next_pass(), [0], "what is refused is never tried, nor what waits for it");
    assert!(!answer(&mut plan, "nobody", CleanOutcome::Gone));
    plan.end_pass(&[0]);
    assert!(plan.next_pass().is_empty());
    let expected = [
        "a-1 1 failed the collector did not say what became of it",
        "a-no 0 refused no",
        "a-2 0 refused disk a-no has to go first, and stays",
    ];
    assert_eq!(state(&plan), expected);
}

#[test]
fn the_account_is_named_as_far_as_it_is_known() {
    let plan = plan(&["a-1"], &[]);
    let known = StoredNode::parse(r#"{"id": "n-a", "reported": {"id": "a", "kind": "account"}}"#).unwrap();
    let account = account_of(&plan.items[0].node, "x", &[known]).unwrap();
    assert_eq!((account.cloud, account.id, account.name), ("x".into(), "a".into(), "a".into()));
    assert_eq!(account.node_id, "n-a");
    assert!(account_of(&StoredNode::default(), "x", &[]).is_none());
}

#[test]
fn what_goes_with_another_one_ends_as_it_does() {
    let with = || CleanOutcome::GoesWith { node_id: "a-net".to_owned() };
    let failed = || CleanOutcome::Failed { reason: "in use".to_owned() };
    let ended = [
        (CleanOutcome::Gone, ["a-net 2 gone", "a-first 2 gone"]),
        (failed(), ["a-net 2 failed in use", "a-first 2 refused it goes with disk a-net, which stays"]),
    ];
    for (outcome, expected) in ended {
        let mut plan = plan(&["a-net", "a-first"], &[("a-net", "a-first")]);
        assert_eq!(plan.next_pass(), [1]);
        assert!(answer(&mut plan, "a-first", with()));
        plan.end_pass(&[1]);
        assert_eq!(state(&plan), ["a-net open", "a-first open"]);
        assert_eq!(plan.next_pass(), [0], "it holds nothing up");
        answer(&mut plan, "a-net", outcome);
        assert_eq!(state(&plan), expected);
        assert!(plan.next_pass().is_empty());
    }
    let mut alone = plan(&["a-first"], &[]);
    answer(&mut alone, "a-first", with());
    assert_eq!(state(&alone), ["a-first 0 refused it goes with a-net, which is not to be deleted"]);
}

#[test]
fn order_goes_through_what_is_not_to_be_deleted() {
    let edges = [("a-group", "a-interface-stays"), ("a-interface-stays", "a-vm")];
    let mut plan = plan(&["a-group", "a-interface-stays", "a-vm"], &edges);
    assert_eq!(plan.sequence(), [1, 0], "the machine, then the group");
    assert_eq!(plan.next_pass(), [1]);
    answer(&mut plan, "a-vm", CleanOutcome::Failed { reason: "denied".to_owned() });
    plan.end_pass(&[1]);
    assert!(plan.next_pass().is_empty(), "the group is not even asked to go");
    assert_eq!(state(&plan)[0], "a-group 1 refused disk a-vm has to go first, and stays");
}

#[test]
fn what_is_protected_holds_through_what_is_not_to_be_deleted() {
    let edges = [("a-group", "a-interface-stays"), ("a-interface-stays", "a-protected-stays")];
    let mut plan = plan(&["a-group", "a-interface-stays", "a-protected-stays"], &edges);
    assert!(plan.next_pass().is_empty());
    let reason = "disk a-protected-stays holds disk a-interface-stays, and is protected";
    assert_eq!(state(&plan), [format!("a-group 0 refused {reason}")]);
}
