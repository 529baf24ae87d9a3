use serde_json::Value;

use super::*;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Invocation, UsageError> {
    let arguments = std::iter::once("fixworker").chain(arguments.iter().copied()).map(OsString::from);
    parse(arguments, &variables.iter().copied().collect())
}

fn daemon(arguments: &[&str], variables: &[(&str, &str)]) -> DaemonArgs {
    match run(arguments, variables) {
        Ok(Invocation::Daemon(args)) => *args,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn collect(arguments: &[&str], variables: &[(&str, &str)]) -> CollectArgs {
    match run(arguments, variables) {
        Ok(Invocation::Collect(args)) => *args,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    run(arguments, variables).expect_err("must be refused").text
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|item| item.as_str().expect("text").to_owned()).collect()
}

fn same_as_peer(args: &DaemonArgs, parsed: &Value, variables: &[(&str, &str)]) {
    let text = |key: &str| parsed[key].as_str().map(str::to_owned);
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let secret = |secret: &Option<SecretString>| secret.as_ref().map(|s| s.expose_secret().to_owned());
    assert_eq!(Some(args.core.subscriber_id.clone()), text("subscriber_id"));
    assert_eq!(Some(args.core.fixcore_uri.clone()), text("fixcore_uri"));
    assert_eq!(secret(&args.core.psk), text("psk"));
    assert_eq!(secret(&args.cert_key_pass), text("cert_key_pass"));
    assert_eq!(path(&args.core.ca_cert), text("ca_cert"));
    assert_eq!(path(&args.cert), text("cert"));
    assert_eq!(path(&args.cert_key), text("cert_key"));
    assert_eq!(args.core.verify_certs, parsed["verify_certs"] == true);
    // The peer takes a limit that is not positive as none.
    let idle = parsed["idle_timeout"].as_u64().filter(|seconds| *seconds > 0);
    assert_eq!(args.idle_timeout.map(|limit| limit.as_secs()), idle);
    let on = |key: &str| parsed[key] == true;
    let level = match (on("trace"), on("verbose"), on("quiet")) {
        (true, _, _) => LogLevel::Trace,
        (_, true, _) => LogLevel::Verbose,
        (_, _, true) => LogLevel::Quiet,
        _ => LogLevel::Normal,
    };
    assert_eq!(args.common.log_level, level, "{variables:?}");
    assert_eq!(args.common.overrides, Overrides::parse(&strings(&parsed["config_override"])));
}

#[test]
fn the_command_line_is_the_peers() {
    let cases: Value =
        serde_json::from_str(include_str!("../../tests/vectors/command_lines.json")).expect("JSON");
    for case in cases.as_array().expect("cases") {
        let arguments = strings(&case["args"]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let variables: Vec<_> = case["env"].as_object().expect("variables").iter().collect();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str().expect("text"))).collect();
        if case["exit"] == 2 {
            let error = run(&arguments, &variables).map(|args| panic!("{case}: {args:?}"));
            assert!(error.is_err());
        } else if case["parsed"]["fixcore_uri"].as_str().is_some_and(|uri| !uri.contains("://")) {
            panic!("the vectors have no such case: {case}");
        } else {
            same_as_peer(&daemon(&arguments, &variables), &case["parsed"], &variables);
        }
    }
}

#[test]
fn machine_help_begins_with_the_peers() {
    let theirs = include_str!("../../tests/vectors/machine_help.txt");
    let Ok(Invocation::Print(ours)) = run(&["--machine-help"], &[]) else { panic!("prints") };
    assert_eq!(
        ours.strip_prefix(theirs),
        Some(
            "--psk-file\n--ca-fingerprint\n--home-files\n--home-files-may-run-programs\n--fork\n--no-fork\n--collector-bin\n--log-format\n--shard\n--unsubscribe-at-exit\n"
        )
    );
}

#[test]
fn every_option_has_a_variable() {
    let variables = [
        ("FIXWORKER_SUBSCRIBER_ID", "me"),
        ("FIXWORKER_IDLE_TIMEOUT", "3"),
        ("FIXWORKER_PSK", "p"),
        ("FIXWORKER_TRACE", "1"),
        ("FIXWORKER_FIXCORE_URI", "http://core/"),
        ("FIXWORKER_OVERRIDE", "a.b=1"),
        ("FIXWORKER_CA_CERT", "ca"),
        ("FIXWORKER_HOME_FILES", ".azure/** .x/*"),
        ("FIXWORKER_HOME_FILES_MAY_RUN_PROGRAMS", "yes"),
        ("FIXWORKER_CERT", "c"),
        ("FIXWORKER_CERT_KEY", "k"),
        ("FIXWORKER_CERT_KEY_PASS", "pw"),
        ("FIXWORKER_NO_VERIFY_CERTS", "yes"),
        ("FIXWORKER_NO_FORK", "true"),
        ("FIXWORKER_COLLECTOR_BIN", "/opt/c"),
        ("FIXWORKER_LOG_FORMAT", "JSON"),
        ("FIXWORKER_SHARD", "fixworker-1/3"),
        ("FIXWORKER_UNSUBSCRIBE_AT_EXIT", "true"),
    ];
    let by_variable = daemon(&[], &variables);
    let by_option = daemon(
        &[
            "--subscriber-id",
            "me",
            "--idle-timeout",
            "3",
            "--psk",
            "p",
            "--trace",
            "--fixcore-uri",
            "http://core",
            "--override",
            "a.b=1",
            "--ca-cert",
            "ca",
            "--home-files",
            ".azure/**,.x/*",
            "--home-files-may-run-programs",
            "--cert",
            "c",
            "--cert-key",
            "k",
            "--cert-key-pass",
            "pw",
            "--no-verify-certs",
            "--no-fork",
            "--collector-bin",
            "/opt/c",
            "--log-format",
            "json",
            "--shard",
            "2/3",
            "--unsubscribe-at-exit",
        ],
        &[],
    );
    assert_eq!(format!("{by_variable:?}"), format!("{by_option:?}"));
    assert_eq!(by_variable.common.overrides, by_option.common.overrides);
    assert!(!by_variable.core.verify_certs);
    assert_eq!(by_variable.common.log_format, Some(LogFormat::Json));
}

#[test]
fn a_pinned_authority_and_a_key_in_a_file() {
    let hash = "ab".repeat(32);
    let by_option = daemon(&["--ca-fingerprint", &hash, "--psk-file", "/run/psk"], &[]);
    let by_variable = daemon(&[], &[("FIXWORKER_CA_FINGERPRINT", &hash), ("FIXWORKER_PSK_FILE", "/run/psk")]);
    assert_eq!(format!("{by_variable:?}"), format!("{by_option:?}"));
    assert_eq!(by_option.core.ca_fingerprint.as_deref(), Some(vec!["AB"; 32].join(":").as_str()));
    assert!(refused(&["--ca-fingerprint", "abc"], &[]).contains("64 hex digits"));
}

fn key(args: &DaemonArgs) -> Option<&str> {
    args.core.psk.as_ref().map(ExposeSecret::expose_secret)
}

#[test]
fn the_key_in_a_file_is_read_unless_it_is_given() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("psk");
    std::fs::write(&path, "top secret\r\n").expect("a file");
    let file = path.to_str().expect("plain text");
    let mut args = daemon(&["--psk-file", file], &[]);
    args.core.read_psk_file().expect("it is there");
    assert_eq!(key(&args), Some("top secret"));
    let mut args = daemon(&["--psk", "given"], &[("FIXWORKER_PSK_FILE", "/nowhere")]);
    args.core.read_psk_file().expect("it is not looked at");
    assert_eq!(key(&args), Some("given"));
    std::fs::write(&path, "\n").expect("a file");
    for file in [file, "/nowhere"] {
        let error = daemon(&["--psk-file", file], &[]).core.read_psk_file().expect_err("no key");
        assert!(error.text.contains(file), "{error}");
    }
}

#[test]
fn options_win_over_variables() {
    let args = daemon(
        &["--fork", "--quiet", "--log-format", "text", "--override", "a.b=1"],
        &[("FIXWORKER_NO_FORK", "true"), ("FIX_VERBOSE", "true"), ("FIXWORKER_LOG_FORMAT", "json")],
    );
    assert_eq!(args.common.log_level, LogLevel::Quiet);
    assert_eq!(args.common.log_format, Some(LogFormat::Text));
    assert_eq!(args.common.overrides, Overrides::parse(&["a.b=1", "fixworker.fork_process=true"]));
    let forced = daemon(&["--log-format", "json"], &[("FIX_LOG_TEXT", "True")]);
    assert_eq!(forced.common.log_format, Some(LogFormat::Text), "FIX_LOG_TEXT wins over everything");
}

#[test]
fn a_repeated_override_adds() {
    let args = daemon(&["--override", "a.b=1", "c.d=2", "-v", "--override", "e.f=3"], &[]);
    assert_eq!(args.common.overrides, Overrides::parse(&["a.b=1", "c.d=2", "e.f=3"]));
}

#[test]
fn the_later_of_fork_and_no_fork_counts() {
    let fork = |arguments: &[&str]| daemon(arguments, &[]).common.overrides;
    assert_eq!(fork(&["--fork", "--no-fork"]), Overrides::parse(&["fixworker.fork_process=false"]));
    assert_eq!(fork(&["--no-fork", "--fork"]), Overrides::parse(&["fixworker.fork_process=true"]));
    assert_eq!(fork(&[]), Overrides::default());
}

#[test]
fn the_one_shot_has_its_own_options() {
    let args = collect(
        &[
            "-v",
            "--override",
            "a.b=1",
            "collect",
            "--collector",
            "example,random",
            "--collector",
            "example",
            "--account",
            "1",
            "Account Two",
            "--config",
            "c.json",
            "--override",
            "c.d=2",
            "--output",
            "-",
            "--report",
            "r.json",
            "--no-fork",
        ],
        &[],
    );
    assert_eq!(args.collectors, ["example", "random"]);
    assert_eq!(args.accounts, ["1", "Account Two"]);
    assert_eq!(args.output, Some(Output::Stdout));
    assert_eq!(args.report, Some(PathBuf::from("r.json")));
    assert_eq!(args.common.log_level, LogLevel::Verbose);
    let overrides = ["a.b=1", "c.d=2", "fixworker.fork_process=false", "fixworker.collector=example,random"];
    assert_eq!(args.common.overrides, Overrides::parse(&overrides));
    let variables = [
        ("FIXWORKER_COLLECTOR", "example random"),
        ("FIXWORKER_ACCOUNT0", "Account Two"),
        ("FIXWORKER_OUTPUT", "x.ndjson"),
        ("FIXWORKER_PSK", "meant for the worker"),
    ];
    let args = collect(&["collect"], &variables);
    assert_eq!((args.collectors.len(), args.accounts.len()), (2, 1));
    assert_eq!(args.output, Some(Output::File("x.ndjson".into())));
}

#[test]
fn wrong_usage_says_what_to_do() {
    assert!(refused(&["collect"], &[]).contains("needs --collector NAME"));
    let psk = refused(&["--psk", "hunter2", "collect", "--collector", "example"], &[]);
    assert!(psk.contains("--psk is for the worker") && !psk.contains("hunter2"), "{psk}");
    assert!(refused(&["--fixcore-uri", "localhost:8900"], &[]).contains("expected http://HOST:PORT"));
    assert!(
        refused(&[], &[("FIXWORKER_IDLE_TIMEOUT", "soon")])
            .contains("FIXWORKER_IDLE_TIMEOUT: expected whole")
    );
    assert!(refused(&["--overide", "a.b=1"], &[]).contains("--override"), "suggests the option");
    assert!(refused(&["collct"], &[]).contains("collect"), "suggests the command");
    assert_eq!(UsageError::EXIT_CODE, 2);
}

#[test]
fn secrets_are_not_in_debug() {
    let args = daemon(
        &["--psk", "hunter2", "--cert-key-pass", "hunter2", "--override", "aws.secret_access_key=hunter2"],
        &[("OTHER", "hunter2")],
    );
    assert!(!format!("{args:?}").contains("hunter2"));
}

#[test]
fn help_and_version_are_printed() {
    let printed = |arguments: &[&str]| match run(arguments, &[]) {
        Ok(Invocation::Print(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(printed(&["--version"]), format!("fixworker {}\n", env!("CARGO_PKG_VERSION")));
    insta::assert_snapshot!("help", printed(&["--help"]));
    insta::assert_snapshot!("help_collect", printed(&["collect", "--help"]));
    insta::assert_snapshot!("help_check", printed(&["check", "--help"]));
    assert!(printed(&["-h"]).len() < printed(&["--help"]).len());
}

#[test]
fn workers_that_share_accounts_are_numbered_or_named() {
    for text in ["2/3", "fixworker-1/3", "my-fix-worker-1/3"] {
        let args = daemon(&["--shard", text], &[("FIXWORKER_SHARD", "1/9")]);
        assert_eq!(args.shard, Shard::parse("2/3"), "{text}");
        assert_eq!(args.common.overrides, Overrides::parse(&["supervisor.shard=2/3"]));
    }
    for text in ["0/3", "4/3", "fixworker-3/3", "fixworker/3", "-1/3", "x-1", "fixworker-x/3", "2"] {
        assert!(refused(&[&format!("--shard={text}")], &[]).contains("--shard"), "{text}");
    }
    let alone = refused(&["--shard", "1/2", "collect", "--collector", "example"], &[]);
    assert!(alone.contains("--shard is for the worker"), "{alone}");
}

#[test]
fn unsubscribe_takes_the_options_of_the_worker_on_either_side() {
    let arguments =
        ["--fixcore-uri", "http://core", "--subscriber-id", "me", "unsubscribe", "--shard", "1/2"];
    match run(&arguments, &[("FIXWORKER_PSK", "secret")]) {
        Ok(Invocation::Unsubscribe(args)) => {
            assert_eq!(
                (args.core.fixcore_uri.as_str(), args.core.subscriber_id.as_str()),
                ("http://core", "me")
            );
            assert_eq!((args.shard, key(&args)), (Shard::parse("1/2"), Some("secret")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn shells_complete_every_option_and_man_pages_tell_all_of_them() {
    let printed = |arguments: &[&str]| match run(arguments, &[]) {
        Ok(Invocation::Print(text)) => text,
        other => panic!("{other:?}"),
    };
    let options = printed(&["--machine-help"]);
    let pages = ["bash", "zsh", "fish"].map(|shell| printed(&["completions", shell]));
    let man = printed(&["man"]).replace("\\-", "-");
    for option in options.lines().filter_map(|option| option.strip_prefix("--")) {
        assert!(pages.iter().all(|page| page.contains(option)) && man.contains(option), "{option}");
    }
    assert!(
        printed(&["man", "collect"]).starts_with(".ie") && printed(&["man", "collect"]).contains("strict")
    );
    assert!(refused(&["man", "collct"], &[]).contains("no command"));
}

#[test]
fn what_is_looked_at_may_be_said_on_either_side_of_the_command() {
    let args = |arguments: &[&str]| match run(arguments, &[("FIXWORKER_PSK", "p")]) {
        Ok(Invocation::Check(args)) => *args,
        other => panic!("{arguments:?}: {other:?}"),
    };
    let behind = args(&["check", "--fixcore-uri", "http://core", "--config", "f", "--override", "a.b=1"]);
    let before = args(&["--fixcore-uri", "http://core", "--override", "a.b=1", "check", "--config", "f"]);
    assert_eq!(format!("{behind:?}"), format!("{before:?}"));
    assert_eq!(behind.core.fixcore_uri, "http://core");
    assert!(behind.core.psk.is_some() && !behind.walls && !behind.json);
    assert_eq!(args(&["check", "--fixcore-uri", "http://a"]).core.subscriber_id, "fix.worker");
}
