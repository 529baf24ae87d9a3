//! The words for people, and the classes for the policy.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use decisions::attempt::Class;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};

use super::error::SpawnError;
use ipc_proto::account::AccountName;

use super::outcome::{Exit, Failure, Limit, Outcome, Subject, ran_out_of_memory};
use super::state::{Stage, State};

fn fault(kind: FaultKind, retry: Retry) -> Fault {
    Fault {
        scope: FaultScope::default(),
        kind,
        source: FaultSource::User,
        retry,
        level: Level::Error,
        message: "the role cannot be assumed".into(),
        hint: Some("check the trust policy of the role".into()),
        count: 1,
    }
}

fn failure(outcome: Outcome) -> Failure {
    let account = AccountName { cloud: "rogue".into(), id: "123456789012".into(), name: "production".into() };
    Failure {
        outcome,
        subject: Subject { collector: Some("aws".into()), account: Some(account) },
        attempt: 2,
        pid: Some(4711),
        state: State::Collecting,
        stage: Some(Stage::Termed),
        ready: true,
        step: Some("eu-west-1 ec2".into()),
        exit: Some(Exit::Signal(15)),
        last_rss: Some(300 << 20),
        peak_rss: Some(310 << 20),
        memory_limit: None,
        elapsed: Duration::from_millis(61_500),
        stderr: vec!["Warn: slow".into(), "Error: no answer".into()],
    }
}

#[test]
fn a_report_tells_the_whole_story() {
    insta::assert_snapshot!(
        failure(Outcome::TimedOut(Limit::Stall, Duration::from_mins(1))).report(),
        @r"
    account production (123456789012) of collector aws: attempt 2 failed: the child sent nothing for 60 s
      hint: if the host is only slow, raise supervisor.stall_timeout
      state: collecting after 61.5 s, pid 4711, step eu-west-1 ec2, ended by SIGTERM, peak memory 310 MiB
      stderr: Warn: slow
      stderr: Error: no answer
    "
    );
}

#[test]
fn each_outcome_has_its_sentence() {
    let second = Duration::from_secs(1);
    let missing = Arc::new(SpawnError::Missing(PathBuf::from("/opt/fix-collector")));
    let outcomes = [
        Outcome::SpawnFailed(missing),
        Outcome::Version("no common protocol version: b speaks version 2, a speaks version 1".into()),
        Outcome::Fatal(fault(FaultKind::Credentials, Retry::Never)),
        Outcome::Violation("sent a frame of length zero".into()),
        Outcome::Exited(70),
        Outcome::Exited(3),
        Outcome::Signaled(11),
        Outcome::Signaled(99),
        Outcome::OutOfMemory,
        Outcome::TimedOut(Limit::Handshake, second),
        Outcome::TimedOut(Limit::NoProgress, second),
        Outcome::TimedOut(Limit::Deadline, second),
        Outcome::Cancelled("the worker shuts down".into()),
        Outcome::Host("the spool is full".into()),
        Outcome::Collateral("account a (1) of collector aws: its time is used up".into()),
        Outcome::Unkillable,
    ];
    let lines: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| {
            let failure = failure(outcome);
            let hint = failure.hint().unwrap_or_else(|| "-".into());
            format!(
                "{} ({:?}): {} [{hint}]",
                failure.outcome.kind(),
                failure.outcome.class(),
                failure.message()
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_memory_limit_is_named() {
    let mut failure = failure(Outcome::OutOfMemory);
    failure.memory_limit = Some(256 << 20);
    assert_eq!(
        failure.message(),
        "killed, likely out of memory (the limit is 256 MiB); its last resident memory was 300 MiB"
    );
    assert!(failure.hint().unwrap().contains("child_memory_limit_mb"));
}

#[test]
fn exit_codes_follow_the_policy_table() {
    let cases = [(65, Class::Lasting), (77, Class::Lasting), (78, Class::Lasting)];
    for (code, class) in cases {
        assert_eq!(Outcome::Exited(code).class(), class, "{code}");
    }
    for code in [0, 1, 64, 70, 75, 79, 101, 255] {
        assert_eq!(Outcome::Exited(code).class(), Class::Passing, "{code}");
    }
}

#[test]
fn a_fatal_is_retried_unless_it_would_end_the_same() {
    let class = |kind, retry| Outcome::Fatal(fault(kind, retry)).class();
    assert_eq!(class(FaultKind::Config, Retry::Later), Class::Lasting);
    assert_eq!(class(FaultKind::AccessDenied, Retry::Never), Class::Lasting);
    assert_eq!(class(FaultKind::Throttled, Retry::Never), Class::Passing);
    assert_eq!(class(FaultKind::Internal, Retry::Later), Class::Passing);
    assert_eq!(class(FaultKind::Internal, Retry::Never), Class::Lasting);
    assert_eq!(class(FaultKind::Input, Retry::Never), Class::Lasting);
}

#[test]
fn a_failed_allocation_is_known_by_its_last_words() {
    let words = vec!["memory allocation of 4194304 bytes failed".to_owned()];
    assert!(ran_out_of_memory(Exit::Signal(6), &words));
    assert!(!ran_out_of_memory(Exit::Signal(11), &words));
    assert!(!ran_out_of_memory(Exit::Signal(6), &["assertion failed".to_owned()]));
}

#[test]
fn subjects_have_name_and_id() {
    let subject = |collector: Option<&str>, account: Option<(&str, &str)>| Subject {
        collector: collector.map(Into::into),
        account: account.map(|(id, name)| AccountName {
            cloud: "rogue".into(),
            id: id.into(),
            name: name.into(),
        }),
    };
    assert_eq!(subject(Some("aws"), Some(("1", "prod"))).to_string(), "account prod (1) of collector aws");
    assert_eq!(subject(Some("aws"), Some(("1", "1"))).to_string(), "account 1 of collector aws");
    assert_eq!(subject(Some("aws"), None).to_string(), "collector aws");
    assert_eq!(subject(None, None).to_string(), "the collectors");
}
