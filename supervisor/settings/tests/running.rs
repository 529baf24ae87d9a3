//! Settings in use: defaults, problems, what is kept when something is wrong.

mod support;

use std::time::Duration;

use fixworker_settings::{
    Change, Compression, Facts, MergeKind, Running, Sections, Severity, Shard, SupervisorSettings,
};
use ipc_proto::job::Section;
use serde_json::{Value, json};
use support::{Load, collectors, described, load, problems};

fn only_problem(document: Value) -> String {
    let problems = problems(&load(document));
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

#[test]
fn an_empty_document_is_all_defaults() {
    let running = load(json!({}));
    assert!(problems(&running).is_empty());
    let expected = SupervisorSettings {
        max_attempts: 3,
        account_timeout: None,
        handshake_timeout: Duration::from_secs(10),
        stall_timeout: Duration::from_mins(1),
        no_progress_timeout: Duration::from_mins(30),
        grace: Duration::from_secs(10),
        backoff_initial: Duration::from_secs(1),
        backoff_max: Duration::from_mins(5),
        child_memory_limit_mb: None,
        child_nice: 5,
        sandbox: fixworker_settings::Sandbox::Auto,
        child_paths: Vec::new(),
        child_namespace: false,
        merge_batch_nodes: 20_000,
        merge_batch_seconds: Duration::from_secs(5),
        merge_batch_cost: 2_000_000,
        spool_limit_mb: 16_384,
        history_runs: 100,
        history_limit_mb: 64,
        max_children: None,
        spool_dir: None,
        compress_uploads: Compression::Auto,
        shard: None,
        shutdown_timeout: Duration::from_secs(30),
        cleanup_pause: Duration::from_secs(5),
        cleanup_patience: Duration::from_mins(5),
    };
    assert_eq!(running.supervisor(), &expected);
    let worker = running.worker();
    assert_eq!((worker.timeout, worker.pool_size, worker.cleanup_pool_size), (Duration::from_hours(3), 5, 4));
    assert_eq!(worker.graph_merge_kind, MergeKind::Account);
    assert_eq!(running.account_timeout(), worker.timeout);
    assert_eq!(running.section("aws").expect("aws")["account_pool_size"], 2);
    assert_eq!(running.section("example"), None);
}

#[test]
fn values_of_a_document_count() {
    let running = load(json!({
        "fixworker": {"max_resources_per_account": 0, "pool_size": 0, "web_port": 0, "timeout": 100},
        "supervisor": {"grace": 0.25, "account_timeout": 1, "shard": "2/3", "compress_uploads": "never"},
    }));
    assert!(problems(&running).is_empty());
    assert_eq!(running.worker().max_resources_per_account, None, "0 is no limit, as in the peer");
    assert_eq!(running.supervisor().grace, Duration::from_millis(250));
    assert_eq!(running.account_timeout(), Duration::from_secs(1));
    assert_eq!(running.supervisor().shard, Shard::parse("2/3"));
    assert_eq!(running.supervisor().compress_uploads, Compression::Never);
}

#[test]
fn collecting_stops_early_enough_to_send() {
    let reserve =
        |timeout: u64| load(json!({"fixworker": {"timeout": timeout}})).worker().send_reserve().as_secs_f64();
    for (timeout, expected) in [(100, 20.0), (300, 60.0), (1000, 60.0), (1200, 60.0), (10_800, 540.0)] {
        assert!((reserve(timeout) - expected).abs() < 1e-9, "{timeout}");
    }
}

#[test]
fn problems_name_path_expectation_and_value() {
    for (section, key, value, expected) in [
        ("fixworker", "pool_size", json!("five"), r#"expected a whole number, found "five""#),
        ("fixworker", "pool_size", json!(1.5), "expected a whole number, found 1.5"),
        ("fixworker", "pool_size", json!(-1), "expected a number from 0 to 10000 (collectors), found -1"),
        ("fixworker", "web_port", json!(65536), "expected a number from 0 to 65535 (port), found 65536"),
        ("fixworker", "cleanup", json!("maybe"), r#"expected true or false, found "maybe""#),
        ("fixworker", "collector", json!(5), "expected a list, found 5"),
        (
            "fixworker",
            "graph_merge_kind",
            json!("zone"),
            r#"expected one of "cloud", "account", found "zone""#,
        ),
        (
            "fixworker",
            "pol_size",
            json!(1),
            "unknown setting; did you mean pool_size? (it is kept and not used)",
        ),
        ("supervisor", "grace", json!(-0.5), "expected a number from 0 to 86400 (seconds), found -0.5"),
        (
            "supervisor",
            "shard",
            json!("3/2"),
            r#"expected "i/n" with i from 1 to n, such as "2/3", found "3/2""#,
        ),
        ("aws", "account", json!([1, null]), ""),
    ] {
        let problems = problems(&load(json!({section: {key: value}})));
        let expected = match section {
            // Values of collectors may be credentials.
            "aws" => "aws.account[1]: expected a string, found null".to_owned(),
            _ => format!("{section}.{key}: {expected}"),
        };
        assert_eq!(problems, [expected]);
    }
    assert_eq!(
        only_problem(json!({"fixworker": [1]})),
        "fixworker: expected an object, found something else"
    );
    assert_eq!(
        only_problem(json!({"fixworkr": {}})),
        "fixworkr: unknown section; did you mean fixworker? (it is kept and not used)"
    );
}

#[test]
fn text_becomes_what_is_asked_for() {
    let running = load(json!({
        "fixworker": {"pool_size": "7", "cleanup": "on", "collector": "aws, random", "tempdir": 5},
        "supervisor": {"grace": "2.5"},
    }));
    assert!(problems(&running).is_empty());
    let worker = running.worker();
    assert_eq!((worker.pool_size, worker.cleanup, worker.tempdir.as_deref()), (7, true, Some("5")));
    assert_eq!(worker.collector, ["aws", "random"]);
    assert_eq!(running.supervisor().grace, Duration::from_millis(2500));
}

#[test]
fn a_wrong_setting_of_ours_keeps_its_last_value_and_spoils_nothing_else() {
    let good = load(json!({"fixworker": {"pool_size": 7, "timeout": 60}}));
    let wrong = json!({"fixworker": {"pool_size": "five", "timeout": 90}, "supervisor": {"grace": 1}});
    let next = Load { document: wrong.clone(), overrides: &[], variables: &[] }.run(Some(&good));
    assert_eq!((next.worker().pool_size, next.worker().timeout), (7, Duration::from_secs(90)));
    assert_eq!(next.supervisor().grace, Duration::from_secs(1));
    assert_eq!(load(wrong.clone()).worker().pool_size, 5, "without a last value the default");
    let again = Load { document: wrong, overrides: &[], variables: &[] }.run(Some(&next));
    assert_eq!(again.worker().pool_size, 7, "also for the second time");
    assert_eq!(again.new_problems(&next).count(), 0, "and it is said once");
    assert_eq!(next.new_problems(&good).count(), 1);
}

#[test]
fn a_wrong_section_of_a_collector_is_not_used_by_half() {
    let wrong = json!({"aws": {"account": 5, "role": "r"}, "random": {"seed": 3}});
    let first = load(wrong.clone());
    assert_eq!(first.section("aws"), None);
    assert_eq!(first.problems_of("aws").count(), 1);
    assert_eq!(first.section("random").expect("random")["seed"], 3, "the other one works");
    let good = load(json!({"aws": {"account": ["1"], "role": "q"}}));
    let next = Load { document: wrong, overrides: &[], variables: &[] }.run(Some(&good));
    assert_eq!(next.section("aws"), good.section("aws"));
    // An unknown key spoils nothing: another version of the collector may know it.
    let unknown = load(json!({"aws": {"rolle": "r"}}));
    assert!(unknown.section("aws").is_some_and(|aws| aws["rolle"] == "r"));
    assert_eq!(
        problems(&unknown),
        ["aws.rolle: unknown setting; did you mean role? (it is kept and not used)"]
    );
}

#[test]
fn placeholders_take_the_type_of_the_setting_and_else_the_default() {
    let document = json!({
        "fixworker": {"pool_size": "$(POOL)", "timeout": "$(NOPE)", "collector": "$(LIST)", "cleanup": "$(YES)"},
        "aws": {"role": "$(NOPE)", "account": ["$(POOL)", "$(NOPE)"]},
    });
    let variables = [("POOL", "9"), ("LIST", "aws,random"), ("YES", "true")];
    let running = Load { document: document.clone(), overrides: &[], variables: &variables }.run(None);
    let worker = running.worker();
    assert_eq!((worker.pool_size, worker.timeout.as_secs(), worker.cleanup), (9, 10_800, true));
    assert_eq!(worker.collector, ["aws", "random"]);
    let aws = running.section("aws").expect("aws");
    assert_eq!((&aws["role"], &aws["account"]), (&Value::Null, &json!(["9"])));
    assert!(running.problems().iter().all(|problem| problem.severity() == Severity::Warning));
    let said = problems(&running);
    assert_eq!(said.len(), 3);
    assert!(said[0].starts_with("fixworker.timeout: the environment variable NOPE is not set"), "{said:?}");
    assert!(said[2].starts_with("aws.account[1]: "), "{said:?}");
    let overridden =
        Load { document, overrides: &["fixworker.timeout=5", "aws.role=r"], variables: &variables }.run(None);
    assert_eq!(problems(&overridden).len(), 1, "what is overridden needs no variable");
}

#[test]
fn credentials_are_in_no_message() {
    let document = json!({
        "fixworker": {"pool_size": "$(KEY)", "files_in_home_dir": {"a": ["hunter2"]}, "web_port": "x$(KEY)"},
        "aws": {"role_override": "hunter2", "account_pool_size": "$(KEY)"},
    });
    let overrides = ["aws.scrape_org=hunter2", "fixworker.write_files_to_home_dir=hunter2", "hunter2"];
    let running = Load { document, overrides: &overrides[..2], variables: &[("KEY", "hunter2")] }.run(None);
    let said = problems(&running).join("\n") + &format!("{running:?}");
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(problems(&running).len(), 7, "{said}");
    assert!(said.contains("fixworker.pool_size: expected a whole number, found a string"), "{said}");
    let settings = load(json!({"fixworker": {"files_in_home_dir": {"a": "hunter2"}}}));
    assert!(!format!("{:?}", settings.worker()).contains("hunter2"));
}

#[test]
fn wrong_overrides_are_named_and_change_nothing() {
    let overrides = [
        "fixworker.pol_size=1",
        "fixwoker.pool_size=1",
        "fixworker.pool_size=-1",
        "fixworker.graph.x=1",
        "fixworker.collector.3=x",
        "fixworker",
        "supervisor.shard=0/2",
        "random.size=",
    ];
    let running = Load { document: json!({}), overrides: &overrides, variables: &[] }.run(None);
    let mut said = problems(&running);
    said.sort();
    assert_eq!(
        said,
        [
            "--override fixwoker.pool_size: unknown section; did you mean fixworker?",
            "--override fixworker.collector.3: there is nothing below this setting; it is a list of 0 items",
            "--override fixworker.graph.x: there is nothing below this setting; it is a string",
            "--override fixworker.pol_size: unknown setting; did you mean pool_size?",
            "--override fixworker.pool_size: expected a number from 0 to 10000 (collectors), found -1",
            "--override fixworker: an override has the form section.key=value",
            "--override random.size: expected a number, found a string",
            r#"supervisor.shard: expected "i/n" with i from 1 to n, such as "2/3", found "0/2""#,
        ]
    );
    assert!(Change::between(&load(json!({})), &running).is_empty());
}

#[test]
fn overrides_reach_into_lists_and_dictionaries() {
    let document = json!({"fixworker": {"write_files_to_home_dir": [{"path": "a", "content": "b"}]}});
    let overrides = [
        "fixworker.write_files_to_home_dir.0.path=c",
        "fixworker.files_in_home_dir..aws/credentials=x=y",
        "aws.account=[\"1\", \"2,3\"]",
        "aws.resource_pool_tasks_per_service={\"elb\": 1}",
        "aws.region=null",
        "fixworker.tempdir=/a",
        "fixworker.tempdir=/b",
    ];
    let running = Load { document, overrides: &overrides, variables: &[] }.run(None);
    assert!(problems(&running).is_empty(), "{:?}", problems(&running));
    let worker = running.worker();
    assert_eq!(worker.write_files_to_home_dir[0].path, "c");
    assert_eq!(worker.home_files()[1].path, ".aws/credentials");
    assert_eq!(worker.tempdir.as_deref(), Some("/b"), "the last one wins");
    let aws = running.section("aws").expect("aws");
    assert_eq!((&aws["account"], &aws["region"]), (&json!(["1", "2,3"]), &Value::Null));
    assert_eq!(aws["resource_pool_tasks_per_service"], json!({"elb": 1}));
}

#[test]
fn an_overridden_setting_never_changes() {
    let with = |document: Value, previous: Option<&Running>| {
        Load { document, overrides: &["fixworker.collector=random"], variables: &[] }.run(previous)
    };
    let first = with(json!({"fixworker": {"collector": ["aws"]}}), None);
    let second = with(json!({"fixworker": {"collector": ["aws", "example"], "pool_size": 9}}), Some(&first));
    let change = Change::between(&first, &second);
    assert_eq!(change.restart, []);
    assert_eq!(change.reload.iter().map(ToString::to_string).collect::<Vec<_>>(), ["fixworker.pool_size"]);
    let moved = load(json!({"fixworker": {"web_port": 1}, "supervisor": {"spool_dir": "/x", "grace": 10.0}}));
    let change = Change::between(&load(json!({"aws": {"role": "r"}})), &moved);
    let paths = |paths: &[fixworker_settings::SettingPath]| {
        paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(paths(&change.restart), "fixworker.web_port supervisor.spool_dir");
    assert_eq!(paths(&change.reload), "aws.role", "10 and 10.0 are the same");
}

#[test]
fn a_part_of_the_accounts_never_replaces_a_cloud() {
    let running = load(json!({"fixworker": {"graph_merge_kind": "cloud"}, "supervisor": {"shard": "1/2"}}));
    assert_eq!(running.worker().graph_merge_kind, MergeKind::Account);
    let problem = &problems(&running)[0];
    assert!(problem.starts_with("fixworker.graph_merge_kind: a worker with supervisor.shard"), "{problem}");
    assert!(load(json!({"fixworker": {"graph_merge_kind": "cloud"}})).worker().merges_clouds());
}

#[test]
fn pools_are_those_of_the_collector_or_of_the_worker() {
    let running = load(json!({"fixworker": {"pool_size": 7}, "aws": {"account_pool_size": 3}}));
    let sizes: Vec<_> = collectors().iter().map(|collector| running.account_pool_size(collector)).collect();
    assert_eq!(sizes, [3, 7, 7], "random has no such setting, example no section");
    let none = load(json!({"fixworker": {"pool_size": 0}, "aws": {"account_pool_size": 0}}));
    assert_eq!(none.account_pool_size(&collectors()[0]), 1);
}

#[test]
fn sections_that_cannot_be_used_are_named() {
    let section = |name: &str, kinds: &str, defaults: &str| Section {
        name: name.to_owned(),
        kinds_json: kinds.to_owned(),
        defaults_json: defaults.to_owned(),
    };
    let good = r#"[{"fqn": "b", "properties": []}]"#;
    let described = [
        described("a", Some(section("fixworker", good, "{}"))),
        described("b", Some(section("b", "nope", "{}"))),
        described("c", Some(section("b", good, "[]"))),
        described("d", Some(section("b", good, "{}"))),
        described("e", Some(section("b", good, "{}"))),
    ];
    let (sections, errors) =
        Sections::new(&Facts { cpus: 64, auto_collectors: vec!["d".into()] }, &described);
    assert_eq!(sections.names().collect::<Vec<_>>(), ["fixworker", "supervisor", "b"]);
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].contains("collector a wants the section fixworker"), "{errors:?}");
    assert!(errors[1].contains("section b of collector b cannot be used"), "{errors:?}");
    assert!(errors[2].contains("defaults of section b of collector c"), "{errors:?}");
    assert!(errors[3].contains("collector e wants the section b"), "{errors:?}");
    let model: Vec<_> = sections.model().iter().map(|kind| kind["fqn"].as_str().expect("name")).collect();
    assert_eq!(
        model,
        [
            "fixworker",
            "graph_merge_kind",
            "fixworker_home_directory_file",
            "supervisor",
            "supervisor_compress_uploads",
            "supervisor_sandbox",
            "b"
        ]
    );
    let filled = fixworker_settings::RawDocument::default().fill_defaults(&sections).document.to_json();
    let filled: Value = serde_json::from_str(&filled).expect("JSON");
    assert_eq!(filled["fixworker"]["collector"], json!(["d"]), "those with credentials are the default");
    assert_eq!(filled["fixworker"]["cleanup_pool_size"], 128);
}
