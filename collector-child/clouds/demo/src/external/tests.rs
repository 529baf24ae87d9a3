//! Programs as collectors: shell scripts that answer.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ipc_proto::fault::Retry;
use tempfile::TempDir;

use super::*;
use crate::testing::{collect_account, list, only_account, sentence};

const NODE: &str = r#"{"id": "%", "reported": {"kind": "own_%", "id": "%"}}"#;

/// The collector of a script, which begins with its request in `$request`.
fn program(dir: &TempDir, name: &str, script: &str, more: &Value) -> External {
    let path = dir.path().join(format!("{name}.sh"));
    fs::write(&path, format!("#!/bin/sh\nread -r request\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut description = json!({
        "protocol": 1, "collector": name, "command": ["/bin/sh", path], "clouds": [name],
        "account_kinds": ["own_account"],
        "kinds": [{"fqn": "own_account", "bases": ["account"]}, {"fqn": "own_cloud", "bases": ["base_cloud"]},
            {"fqn": "own_disk", "bases": ["resource"]}],
        "clean": ["own_disk"], "tag": ["own_disk"],
    });
    description.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    fs::write(dir.path().join(format!("{name}.json")), description.to_string()).unwrap();
    externals(dir.path(), &[]).into_iter().find(|external| external.name() == name).unwrap()
}

fn node(kind: &str) -> String {
    NODE.replace('%', kind)
}

#[tokio::test]
async fn a_program_is_asked_for_accounts_and_for_each_of_them() {
    let dir = TempDir::new().unwrap();
    let script = format!(
        r#"case "$request" in
        *'"do":"accounts"'*) echo '{{"account": {{"id": "account", "name": "One", "scope": "s"}}}}'; echo '{{"done": {{}}}}' ;;
        *'"scope":"s"'*) id=$(echo "$request" | sed 's/.*"node_id":"\([^"]*\)".*/\1/'); {{ echo '{{"step": "reading"}}'; echo; echo '{}'; echo '{}'; echo '{}'
            echo '{{"fault": {{"message": "a region is closed", "kind": "access_denied", "region": "r"}}}}'
            echo '{{"from": "cloud", "to": "ACCOUNT"}}'; echo '{{"from": "ACCOUNT", "to": "disk"}}'
            echo '{{"done": {{}}}}'; }} | sed "s/ACCOUNT/$id/" ;;
        esac"#,
        node("cloud"),
        node("account").replace("\"id\": \"account\", \"rep", "\"id\": \"ACCOUNT\", \"rep"),
        node("disk")
    );
    let own = program(&dir, "own", &script, &json!({}));
    let account = only_account(&own, json!({})).await;
    assert_eq!(
        (account.id.as_str(), account.name.as_str(), account.cloud.as_str()),
        ("account", "One", "own")
    );
    let by_rule = account.node_id.clone();
    let sent = collect_account(&own, json!({}), account).await.unwrap();
    let roles: Vec<_> = sent.nodes.iter().map(|node| (node.kind.as_str(), node.role)).collect();
    let expected = [
        ("graph_root", Role::Root),
        ("cloud", Role::Cloud),
        ("own_account", Role::Account),
        ("own_disk", Role::Resource),
    ];
    assert_eq!(roles, expected);
    let ends: Vec<_> = sent.edges.iter().map(|(_, to, _, _)| to.as_str()).collect();
    assert_eq!(ends[1..], [&by_rule, "disk"], "the edge of the cloud is ours, and there once");
    assert_eq!(sent.faults.len(), 1);
    assert_eq!(sent.faults[0].scope.region.as_deref(), Some("r"));
}

#[tokio::test]
async fn what_a_program_does_wrong_is_told_with_its_name_and_words() {
    let dir = TempDir::new().unwrap();
    for (name, script, told) in [
        ("ends", "echo sorry >&2; exit 3", "ended before it was done (exit status: 3): sorry"),
        ("half", "printf '{\"done\"'", "ended before it was done"),
        ("chats", "echo hello", "line 1 of the program of chats is not understood"),
        ("graphs", "echo '{\"from\": \"a\", \"to\": \"b\"}'", "was not asked: a part of a graph"),
        (
            "errs",
            r#"echo '{"error": {"message": "the token is over", "kind": "credentials"}}'"#,
            "the token is over",
        ),
        ("none", r#"echo '{"account": {"id": ""}}'"#, "without an id"),
        ("long", "head -c 20000000 /dev/zero | tr '\\0' x", "is longer than"),
    ] {
        let own = program(&dir, name, script, &json!({}));
        let (accounts, _) = list(&own, json!({})).await;
        let error = sentence(&accounts.unwrap_err());
        assert!(error.contains(told), "{name}: {error}");
    }
    let own = program(&dir, "dies", "kill -9 $$", &json!({}));
    let Err(Failure::Fault(fault)) = list(&own, json!({})).await.0 else { panic!() };
    assert_eq!(fault.retry, Retry::Later, "like any child that dies");
}

#[tokio::test]
async fn a_graph_without_its_account_or_with_another_is_none() {
    let dir = TempDir::new().unwrap();
    let lists = r#"echo '{"account": {"id": "a"}}'"#;
    for (name, sends, told) in [
        ("without", node("disk"), "did not send the node of the account"),
        ("another", node("account").replace("\"id\": \"account\"", "\"id\": \"b\""), "another account"),
    ] {
        let script = format!(
            "case \"$request\" in *accounts*) {lists};; *) echo '{sends}';; esac; echo '{{\"done\": {{}}}}'"
        );
        let own = program(&dir, name, &script, &json!({}));
        let account = only_account(&own, json!({})).await;
        let error = sentence(&collect_account(&own, json!({}), account).await.unwrap_err());
        assert!(error.contains(told), "{error}");
    }
}

fn disk() -> StoredNode {
    let text = r#"{"id": "disk", "reported": {"kind": "own_disk", "id": "d", "tags": {"old": "1"}},
        "ancestors": {"cloud": {"reported": {"id": "own"}}, "account": {"reported": {"id": "a", "name": "A"}}}}"#;
    StoredNode::parse(text).unwrap()
}

async fn cleaned(own: &External, dry_run: bool) -> (Result<CleanOutcome, Failure>, Vec<String>) {
    let account = Account {
        cloud: "own".into(),
        id: "a".into(),
        name: "A".into(),
        node_id: "account".into(),
        scope: Vec::new().into(),
    };
    let config = ConfigSection::new("own", Map::new());
    let request = CleanRequest { config, account, dry_run, remaining: None };
    let target = CleanTarget { node: disk(), related: Vec::new(), related_cut: false };
    let log = CleanLog::default();
    let sink = crate::testing::sink();
    let outcome = own.clean(&request, &target, &log, &*sink).await;
    (outcome, log.take().into_iter().map(|event| event.message).collect())
}

#[tokio::test]
async fn a_program_deletes_and_says_what_became_of_it() {
    let dir = TempDir::new().unwrap();
    let script = r#"case "$request" in
        *'"dry_run":true'*) echo '{"log": "would be deleted"}'; echo '{"cleaned": "planned"}' ;;
        *'"id":"disk"'*) echo '{"log": "deleted"}'; echo '{"cleaned": {"later": "in use"}}' ;;
        esac; echo '{"done": {}}'"#;
    let own = program(&dir, "own", script, &json!({}));
    assert_eq!(own.ability(Change::Clean, "own_disk"), Ability::Yes);
    assert_eq!(own.ability(Change::Clean, "own_account"), Ability::Phantom);
    assert_eq!(own.ability(Change::Tag, "other"), Ability::Unknown);
    let (outcome, log) = cleaned(&own, true).await;
    assert_eq!((outcome.unwrap(), log), (CleanOutcome::Planned, vec!["would be deleted".to_owned()]));
    let (outcome, _) = cleaned(&own, false).await;
    assert_eq!(outcome.unwrap(), CleanOutcome::Later { reason: "in use".to_owned() });
    let liar = program(&dir, "liar", r#"echo '{"cleaned": "gone"}'; echo '{"done": {}}'"#, &json!({}));
    assert!(sentence(&cleaned(&liar, true).await.0.unwrap_err()).contains("asked only what it would do"));
    let silent = program(&dir, "silent", r#"echo '{"done": {}}'"#, &json!({}));
    assert!(
        sentence(&cleaned(&silent, false).await.0.unwrap_err()).contains("did not say what became of it")
    );
}

#[tokio::test]
async fn nothing_is_changed_before_it_is_known_whose_account_that_is() {
    let dir = TempDir::new().unwrap();
    let config = ConfigSection::new("own", Map::new());
    let change =
        collector::node::TagChange { remove: vec!["old".into()], set: vec![("new".into(), "2".into())] };
    let request = TagRequest { config, node: disk(), change, remaining: None };
    let sink = crate::testing::sink();
    let says = r#"case "$request" in *identity*) echo '{"identity": {"id": "b"}}' ;;
        *'"remove":["old"]'*'"set":{"new":"2"}'*) ;; esac; echo '{"done": {}}'"#;
    for (identity, told) in [("unknown", None), ("trusted", Some(None)), ("asked", Some(Some("b")))] {
        let own = program(&dir, "own", says, &json!({"identity": identity}));
        let found = own.identity(&Errand::Tag(&request), &*sink).await;
        match (found, told) {
            (Err(error), None) => assert!(sentence(&error).contains("nothing is changed")),
            (Ok(Identity::NoCredentials), Some(None)) => {}
            (Ok(Identity::Of(owner)), Some(Some(account))) => assert_eq!(owner.account, account),
            (found, _) => panic!("{identity}: {found:?}"),
        }
        own.tag(&request, &*sink).await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_file_is_a_collector_that_says_why() {
    let dir = TempDir::new().unwrap();
    program(&dir, "own", "", &json!({}));
    fs::write(dir.path().join("broken.json"), "{}").unwrap();
    fs::write(dir.path().join("Odd Name.json"), "{}").unwrap();
    fs::write(dir.path().join("twin.json"), fs::read(dir.path().join("own.json")).unwrap()).unwrap();
    let all = externals(dir.path(), &["aws".into()]);
    let names: Vec<_> = all.iter().map(|one| one.name().into_owned()).collect();
    assert_eq!(names, ["broken", "own", "twin"], "a name that nobody can have is only logged");
    let told = sentence(&list(&all[0], json!({})).await.0.unwrap_err());
    assert!(told.contains("broken.json is no description of a program"), "{told}");
    let told = sentence(&list(&all[2], json!({})).await.0.unwrap_err());
    assert!(told.contains("there is one of that name"), "{told}");
    assert!(externals(dir.path(), &["own".into()]).iter().all(|one| one.program.is_err()));
}
