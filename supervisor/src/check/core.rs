//! fixcore: is it there, do we trust each other, which version, which time.

use std::time::Duration;

use fixworker_fixcore::bootstrap::{ConnectErrorKind, first_look};
use fixworker_fixcore::{CancellationToken, ConnectError, ConnectOptions, CoreClient, CoreError, Endpoint};
use fixworker_settings::cli::CoreArgs;
use jiff::{SignedDuration, Timestamp};

use super::finding::{Area, Finding};
use crate::setup;

/// The clocks may differ by so much without anybody noticing.
const CLOCK_NOTE: SignedDuration = SignedDuration::from_secs(30);
/// Tokens live no longer, and clouds refuse calls that are signed so far from their own time.
const CLOCK_FAILS: SignedDuration = SignedDuration::from_mins(5);
/// The fixcore whose protocol this worker speaks.
const VERSION: &str = "4.";

/// What was found, and a client if it is of use.
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    pub(super) client: Option<CoreClient>,
}

/// Looks once; a fixcore that is away is not waited for.
pub(super) async fn look(core: &CoreArgs, stop: &CancellationToken) -> Seen {
    let uri = core.fixcore_uri.as_str();
    let endpoint = match setup::endpoint(core) {
        Ok(endpoint) => endpoint,
        Err(error) => {
            let wrong = Finding::failed(Area::Fixcore, uri, error.to_string());
            let wrong = Finding { usage: true, ..wrong.todo("correct --fixcore-uri") };
            return Seen { findings: vec![wrong], client: None };
        }
    };
    let mut findings = Vec::new();
    let date = match first_look(&endpoint).await {
        Ok(date) => date,
        Err(why) => {
            let away = Finding::failed(Area::Fixcore, uri, format!("is not ready: {why}"));
            findings.push(away.todo("start fixcore, or say with --fixcore-uri where it is"));
            return Seen { findings, client: None };
        }
    };
    findings.push(clock(date.as_deref(), Timestamp::now()));
    let options = ConnectOptions { patience: Some(Duration::ZERO), waits: None };
    match fixworker_fixcore::connect(&endpoint, core.subscriber_id.as_str(), &options, stop).await {
        Ok(connected) => {
            findings.push(Finding::ok(Area::Fixcore, uri, accepted(core, &endpoint)));
            findings.extend(unproven(core, &endpoint));
            findings.push(version(connected.client.version().await));
            Seen { findings, client: Some(connected.client) }
        }
        Err(error) => {
            findings.push(refused(uri, &error));
            Seen { findings, client: None }
        }
    }
}

fn accepted(core: &CoreArgs, endpoint: &Endpoint) -> String {
    let name = &core.subscriber_id;
    let key = if core.psk.is_some() { "with the pre-shared key" } else { "without a pre-shared key" };
    let proof = match (endpoint.is_secure(), core.verify_certs, &core.ca_cert, &core.ca_fingerprint) {
        (false, ..) => "plain http",
        (true, false, ..) => "its certificate is not verified",
        (true, true, Some(_), _) => "its certificate is one of --ca-cert",
        (true, true, None, Some(_)) => "its authority is the one of --ca-fingerprint",
        (true, true, None, None) if core.psk.is_some() => "its authority is proven by the pre-shared key",
        (true, true, None, None) => "nothing proves its authority",
    };
    format!("is there, and accepts {name} {key}; {proof}")
}

/// Whoever is in between could answer in place of fixcore.
fn unproven(core: &CoreArgs, endpoint: &Endpoint) -> Option<Finding> {
    let subject = "trust";
    if !endpoint.is_secure() {
        if endpoint.is_loopback() {
            return None;
        }
        let open =
            "over plain http everybody on the way reads what clouds have, and can answer in place of fixcore";
        return Some(Finding::note(Area::Fixcore, subject, open).todo("use https:// in --fixcore-uri"));
    }
    if !core.verify_certs {
        let open =
            "certificates are not verified (--no-verify-certs): anybody can answer in place of fixcore";
        let todo = "leave it out; --ca-cert takes the certificate of an authority of your own";
        return Some(Finding::note(Area::Fixcore, subject, open).todo(todo));
    }
    let proven = core.psk.is_some() || core.ca_cert.is_some() || core.ca_fingerprint.is_some();
    let open = "without a pre-shared key nothing proves the authority of fixcore";
    let todo = "give fixcore and the worker a pre-shared key (FIXWORKER_PSK), or --ca-fingerprint";
    (!proven).then(|| Finding::note(Area::Fixcore, subject, open).todo(todo))
}

fn refused(uri: &str, error: &ConnectError) -> Finding {
    let finding = Finding::failed(Area::Fixcore, uri, error.to_string());
    let key = "give the worker the pre-shared key of this fixcore: FIXWORKER_PSK, or --psk-file";
    match (error, error.kind()) {
        (_, ConnectErrorKind::Usage) => {
            Finding { usage: true, ..finding.todo("correct the file or the option that is named") }
        }
        (ConnectError::PskMissing { .. } | ConnectError::Call(CoreError::Unauthorized { .. }), _) => {
            finding.todo(key)
        }
        (ConnectError::Authority(_), _) => {
            finding.todo(format!("{key}; or correct --ca-fingerprint if fixcore has a new authority"))
        }
        (ConnectError::Call(CoreError::Certificate { .. }), _) => {
            finding.todo("give the certificate of its authority with --ca-cert")
        }
        (_, ConnectErrorKind::Transient) => finding.todo("look at the log of fixcore, and check again"),
        (_, ConnectErrorKind::Final | ConnectErrorKind::Stopped) => {
            finding.todo("look at the log of fixcore")
        }
    }
}

fn version(asked: Result<Option<String>, CoreError>) -> Finding {
    let subject = "version";
    match asked {
        Ok(Some(version)) if version.starts_with(VERSION) => Finding::ok(Area::Fixcore, subject, version),
        Ok(Some(version)) => {
            let said = format!("{version}; this worker is made for fixcore {VERSION}x");
            Finding::note(Area::Fixcore, subject, said).todo("try it on a fixcore that nobody needs first")
        }
        Ok(None) => Finding::note(Area::Fixcore, subject, "fixcore tells none"),
        Err(error) => Finding::note(Area::Fixcore, subject, error.to_string()),
    }
}

/// How far the clock of fixcore is from ours.
fn clock(date: Option<&str>, now: Timestamp) -> Finding {
    let subject = "this host";
    let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let Some(theirs) = theirs else {
        return Finding::note(Area::Clock, subject, "fixcore does not tell its time, so nothing to compare");
    };
    let behind = theirs.timestamp().duration_since(now);
    let apart = behind.abs();
    let way = if behind.is_positive() { "behind" } else { "ahead of" };
    let said = format!("is {} s {way} fixcore", apart.as_secs());
    let todo = "set the clocks by NTP, here and where fixcore runs";
    if apart >= CLOCK_FAILS {
        Finding::failed(Area::Clock, subject, format!("{said}: tokens and signed calls are refused"))
            .todo(todo)
    } else if apart >= CLOCK_NOTE {
        Finding::note(Area::Clock, subject, said).todo(todo)
    } else {
        Finding::ok(Area::Clock, subject, "agrees with fixcore")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::finding::State;

    fn at(seconds: i64) -> Finding {
        let now: Timestamp = "2026-12-02T20:00:00Z".parse().unwrap();
        let theirs = now + SignedDuration::from_secs(seconds);
        clock(Some(&theirs.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()), now)
    }

    #[test]
    fn clocks_that_are_far_apart_are_told_with_the_direction() {
        assert_eq!(at(2).state, State::Ok);
        let behind = at(60);
        assert_eq!((behind.state, behind.said.as_str()), (State::Note, "is 60 s behind fixcore"));
        let ahead = at(-600);
        assert_eq!(ahead.state, State::Failed);
        assert!(ahead.said.starts_with("is 600 s ahead of fixcore") && ahead.todo.is_some(), "{ahead:?}");
        assert_eq!(clock(None, Timestamp::now()).state, State::Note);
        assert_eq!(clock(Some("yesterday"), Timestamp::now()).state, State::Note);
    }

    #[test]
    fn another_fixcore_than_this_worker_is_made_for_is_told() {
        assert_eq!(version(Ok(Some("4.2.1".to_owned()))).state, State::Ok);
        assert_eq!(version(Ok(Some("5.0.0".to_owned()))).state, State::Note);
        assert_eq!(version(Ok(None)).state, State::Note);
    }
}
