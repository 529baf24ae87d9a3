use std::time::Duration;

use decisions::attempt::Policy;
use serde_json::Value;

use super::super::input::{Graph, Levels};
use super::super::table;
use super::*;

const KINDS: &str = r#"[{"fqn": "account"}, {"fqn": "region"}, {"fqn": "disk"}]"#;

/// Nothing is waited for.
const RULES: Rules = Rules {
    pool: 1,
    policy: Policy { max_attempts: 1, backoff_initial: Duration::ZERO, backoff_max: Duration::ZERO },
    pause: Duration::ZERO,
    pause_max: Duration::ZERO,
    patience: Duration::from_hours(1),
    give_up_held: false,
    dry_run: false,
};

/// Disks of accounts `a` and `b`, by the first letter; `edges` are pairs of names, the first can go only after the
/// second. What is called so is protected, refused, or not to be deleted.
fn work(disks: &[&str], edges: &[(&str, &str)]) -> Work {
    let mut lines = vec![r#"{"id": "n-a", "reported": {"id": "a", "kind": "account"}}"#.to_owned()];
    for disk in disks {
        let account = disk.chars().next().unwrap();
        let node = format!(r#""id": "{disk}", "reported": {{"id": "{disk}", "kind": "disk"}}"#);
        let above = format!(r#""ancestors": {{"account": {{"reported": {{"id": "{account}"}}}}}}"#);
        let protected = disk.contains("protected");
        lines.push(format!(r#"{{{node}, {above}, "metadata": {{"protected": {protected}}}}}"#));
    }
    for (from, to) in edges {
        lines.push(format!(r#"{{"from": "{from}", "to": "{to}", "edge_type": "delete"}}"#));
    }
    let graph = Graph::read(lines.join("\n").as_bytes()).unwrap();
    let chosen = disks.iter().filter(|disk| !disk.ends_with("stays"));
    let chosen: Vec<usize> = chosen.flat_map(|disk| graph.named(disk)).collect();
    let levels = Levels::of_kinds(KINDS).unwrap();
    let refusal = |node: &collector::node::StoredNode| (node.id == "a-no").then(|| "no".to_owned());
    Work::new(&graph, &chosen, &levels, "x", &refusal).unwrap()
}

fn run(disks: &[&str], edges: &[(&str, &str)]) -> Run {
    Run::new(work(disks, edges), RULES)
}

/// The names of what is asked for.
fn asked(run: &Run) -> Vec<&str> {
    let items = run.pass.iter().flat_map(|(_, items)| items);
    items.map(|item| run.work.resources[*item].node.id.as_str()).collect()
}

fn answer(run: &mut Run, id: &str, outcome: CleanOutcome) {
    run.cleaned(Cleaned { node_id: id.to_owned(), outcome, log: vec![CleanEvent::done("step")] });
}

fn later() -> CleanOutcome {
    CleanOutcome::Later { reason: "terminating".to_owned() }
}

fn failed() -> CleanOutcome {
    CleanOutcome::Failed { reason: "denied".to_owned() }
}

/// Name, pass, outcome and reason of each line.
fn told(run: &Run) -> Vec<String> {
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}: {}", text("id"), line["pass"], text("outcome"), text("reason"))
    };
    table::lines(run).lines().map(line).collect()
}

#[test]
fn what_has_to_wait_is_asked_for_again_before_what_waits_for_it() {
    let mut run = run(&["a-net", "a-vm"], &[("a-net", "a-vm")]);
    assert_eq!(run.work.sequence(RULES), [1, 0]);
    for _ in 0..2 {
        assert_eq!(asked(&run), ["a-vm"]);
        answer(&mut run, "a-vm", later());
        run.done();
    }
    answer(&mut run, "a-vm", CleanOutcome::Gone);
    run.done();
    assert_eq!(asked(&run), ["a-net"]);
    answer(&mut run, "a-net", CleanOutcome::Gone);
    run.done();
    assert!(run.is_over() && run.is_complete());
    assert_eq!(told(&run), ["a-vm 3 gone: -", "a-net 4 gone: -"]);
}

#[test]
fn what_something_that_is_not_to_be_deleted_holds_is_tried_as_long_as_patience_lasts() {
    let mut run = run(&["a-net", "a-vm-stays"], &[("a-net", "a-vm-stays")]);
    for _ in 0..4 {
        assert_eq!(asked(&run), ["a-net"]);
        answer(&mut run, "a-net", later());
        run.done();
        run.tick();
    }
    answer(&mut run, "a-net", CleanOutcome::Gone);
    run.done();
    assert!(run.is_over() && run.is_complete());
}

#[test]
fn without_patience_what_has_to_wait_is_told_as_such_and_what_waits_for_it_stays() {
    let work = work(&["a-net", "a-vm", "a-other"], &[("a-net", "a-vm")]);
    let mut run = Run::new(work, Rules { patience: Duration::ZERO, ..RULES });
    assert_eq!(asked(&run), ["a-vm", "a-other"]);
    answer(&mut run, "a-vm", later());
    answer(&mut run, "a-other", failed());
    run.done();
    assert!(run.is_over() && !run.is_complete());
    let blocked = "a-net 1 refused: disk a-vm depends on it and could not be deleted";
    let waits = "a-vm 1 later: terminating (tried 1 times)";
    assert_eq!(told(&run), [blocked, waits, "a-other 1 failed: denied"]);
    assert_eq!(
        table::sentence(&run, false),
        "0 deleted, 1 refused, 1 failed, 1 still waiting, 0 not answered"
    );
}

#[test]
fn an_account_that_gives_up_costs_itself_and_what_waits_for_it() {
    let edges = [("a-3", "a-2"), ("b-1", "a-2")];
    let mut run = run(&["a-1", "a-2", "b-1", "a-3", "b-2"], &edges);
    assert_eq!(asked(&run), ["a-1", "a-2"]);
    answer(&mut run, "a-1", CleanOutcome::Gone);
    assert!(run.gave_up(Class::Lasting, "the key has expired".to_owned()));
    assert_eq!(asked(&run), ["b-2"], "the other account goes on");
    let waits = "refused: disk a-2 depends on it and could not be deleted";
    let why =
        "the key has expired; no further attempt: it would end the same until somebody changes something";
    let expected = [
        // Its account was not asked yet.
        format!("b-1 0 {waits}"),
        "a-1 1 gone: -".to_owned(),
        format!("a-2 1 failed: {why}"),
        format!("a-3 1 {waits}"),
        "b-2 null -: -".to_owned(),
    ];
    assert_eq!(told(&run), expected);
}

#[test]
fn a_passing_trouble_ends_the_account_unless_something_was_done() {
    let mut run = run(&["a-1", "a-2"], &[]);
    answer(&mut run, "a-1", later());
    answer(&mut run, "a-2", CleanOutcome::Gone);
    assert!(!run.gave_up(Class::Passing, "no answer".to_owned()));
    assert_eq!(asked(&run), ["a-1"]);
    assert!(run.gave_up(Class::Passing, "no answer".to_owned()) && run.is_over());
    let why = "no answer; no further attempt: all attempts are used up";
    assert_eq!(told(&run), ["a-2 1 gone: -".to_owned(), format!("a-1 2 failed: {why}")]);
}

#[test]
fn an_answer_that_never_comes_is_a_failure_and_a_strange_one_is_nothing() {
    let mut run = run(&["a-1", "a-no", "a-2"], &[("a-2", "a-no")]);
    assert_eq!(asked(&run), ["a-1"], "what is refused is never tried, nor what waits for it");
    answer(&mut run, "nobody", CleanOutcome::Gone);
    answer(&mut run, "a-2", CleanOutcome::Gone);
    run.done();
    let expected = [
        "a-no 0 refused: no",
        "a-2 0 refused: disk a-no depends on it and cannot be deleted",
        "a-1 1 failed: the collector did not say what became of it",
    ];
    assert_eq!((run.is_over(), told(&run)), (true, expected.map(str::to_owned).to_vec()));
}

#[test]
fn what_goes_with_another_one_ends_as_it_does() {
    let with = || CleanOutcome::GoesWith { node_id: "a-net".to_owned() };
    let stays = "a-first 2 refused: it goes with disk a-net, which could not be deleted";
    let ended = [
        (CleanOutcome::Gone, ["a-net 2 gone: -", "a-first 2 gone: -"]),
        (failed(), ["a-net 2 failed: denied", stays]),
    ];
    for (outcome, expected) in ended {
        let mut run = run(&["a-net", "a-first"], &[("a-net", "a-first")]);
        answer(&mut run, "a-first", with());
        run.done();
        assert_eq!(asked(&run), ["a-net"], "it holds nothing up");
        answer(&mut run, "a-net", outcome);
        run.done();
        assert_eq!((told(&run), run.is_over()), (expected.map(str::to_owned).to_vec(), true));
    }
    let mut alone = run(&["a-first"], &[]);
    answer(&mut alone, "a-first", with());
    assert_eq!(told(&alone), ["a-first 1 refused: it goes with a-net, which is not to be deleted"]);
}

#[test]
fn an_interrupted_run_says_how_far_it_was() {
    let mut run = run(&["a-1", "a-2", "a-3", "a-4"], &[("a-4", "a-3")]);
    answer(&mut run, "a-1", CleanOutcome::Gone);
    answer(&mut run, "a-2", later());
    run.stop();
    let expected = [
        "a-1 1 gone: -",
        "a-2 1 later: it could not go before the run ended: terminating",
        "a-3 null -: it was in work when the run ended, and may be deleted",
        "a-4 null -: disk a-3 depends on it and was not deleted in time",
    ];
    assert_eq!((run.is_over(), told(&run)), (true, expected.map(str::to_owned).to_vec()));
    assert!(table::text(&run).contains("not answered"));
    let sentence = table::sentence(&run, false);
    assert_eq!(sentence, "1 deleted, 0 refused, 0 failed, 1 still waiting, 2 not answered");
}

#[test]
fn the_input_says_what_holds_what_and_where_it_is() {
    let edges = [("a-group", "a-interface-stays"), ("a-interface-stays", "a-vm")];
    let order = work(&["a-group", "a-interface-stays", "a-vm"], &edges);
    assert_eq!(order.sequence(RULES), [1, 0], "the machine, then the group");
    let [account] = &order.accounts[..] else { panic!("{:?}", order.accounts) };
    let named =
        (account.cloud.as_str(), account.id.as_str(), account.name.as_str(), account.node_id.as_str());
    assert_eq!(named, ("x", "a", "a", "n-a"));
    let edges = [("a-group", "a-interface-stays"), ("a-interface-stays", "a-protected-stays")];
    let held = run(&["a-group", "a-interface-stays", "a-protected-stays"], &edges);
    let reason = "disk a-protected-stays holds disk a-interface-stays, which depends on it, and is protected";
    assert_eq!((held.is_over(), told(&held)), (true, vec![format!("a-group 0 refused: {reason}")]));
}
