//! What fixcore is told about a run while it goes on, in the peer's message forms. Pure.
//!
//! Progress lines hang in one tree: collector, account (`name (id)`), region. A collector starts as `0/1`, is
//! replaced by a tree of its accounts once they are known, and ends as `1/1`.

use fixworker_fixcore::messages::Progress;
use indexmap::IndexMap;
use ipc_proto::fault::{Fault, Level};
use ipc_proto::message::Progress as Line;

use crate::work::event::{CollectorAccount, RunEvent};

/// One message to fixcore, without the envelope of the action.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// An `action_progress`.
    Progress(Progress),
    /// An `action_info`.
    Info {
        /// `error` rather than `info`.
        error: bool,
        /// What it is about: cloud, account, region.
        context: Vec<String>,
        /// The whole text; longer than fixcore takes it is split by the sender.
        message: String,
    },
}

/// Turns events into messages; progress of regions waits for [`Feedback::flush`], so that a run over
/// hundreds of accounts does not flood fixcore.
#[derive(Debug, Default)]
pub struct Feedback {
    waiting: IndexMap<(Vec<String>, String), (u32, u32)>,
}

impl Feedback {
    /// The messages that `event` causes at once.
    pub fn event(&mut self, event: &RunEvent) -> Vec<Note> {
        match event {
            RunEvent::CollectorStarted { collector } => vec![done(&[], collector, 0, 1)],
            RunEvent::AccountsListed { collector, accounts } => listed(collector, accounts),
            RunEvent::CollectorFinished { collector } => {
                self.forget(|path, _| path.first() == Some(collector));
                vec![done(&[], collector, 1, 1)]
            }
            RunEvent::Progress { account, lines } => {
                self.remember(account, lines);
                Vec::new()
            }
            RunEvent::Fault { account, collector, fault } => {
                vec![fault_note(account.as_ref(), collector, fault)]
            }
            RunEvent::AttemptFailed { account, attempt, message, retry_in } => {
                let message = format!("attempt {attempt} failed: {message}; trying again in {retry_in:.1?}");
                vec![Note::Info { error: false, context: context(account), message }]
            }
            RunEvent::AccountCollected { account, .. } => vec![self.account_ended(account)],
            RunEvent::AccountFailed { account, trouble } => {
                let hint = trouble.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let message = format!("{}{hint}", trouble.message);
                let info = Note::Info { error: !trouble.cancelled, context: context(account), message };
                vec![self.account_ended(account), info]
            }
            RunEvent::ListingFailed { collector, message } => {
                let message = format!("the accounts could not be listed: {message}");
                vec![Note::Info { error: true, context: vec![collector.clone()], message }]
            }
            RunEvent::Message { error, context, text } => {
                vec![Note::Info { error: *error, context: context.clone(), message: text.clone() }]
            }
            RunEvent::Notice { error, message } => {
                vec![Note::Info { error: *error, context: Vec::new(), message: message.clone() }]
            }
            RunEvent::AccountStarted { .. }
            | RunEvent::Heartbeat { .. }
            | RunEvent::Denied { .. }
            | RunEvent::AccountLanded { .. } => Vec::new(),
        }
    }

    /// The progress that has gathered since the last call.
    pub fn flush(&mut self) -> Vec<Note> {
        self.waiting
            .drain(..)
            .map(|((path, name), (current, total))| done(&path, &name, current, total))
            .collect()
    }

    fn remember(&mut self, account: &CollectorAccount, lines: &[Line]) {
        for line in lines {
            // fixcore refuses these, and with them the connection's peace.
            if line.total == 0 || line.current > line.total {
                continue;
            }
            // A child names its place from the account down; where the account hangs is not its business.
            let mut path = vec![account.collector.clone(), account.title()];
            path.extend(line.path.iter().cloned());
            self.waiting.insert((path, line.name.clone()), (line.current, line.total));
        }
    }

    fn account_ended(&mut self, account: &CollectorAccount) -> Note {
        let name = account.title();
        self.forget(|path, _| path.first() == Some(&account.collector) && path.get(1) == Some(&name));
        done(std::slice::from_ref(&account.collector), &name, 1, 1)
    }

    fn forget(&mut self, matches: impl Fn(&[String], &str) -> bool) {
        self.waiting.retain(|(path, name), _| !matches(path, name));
    }
}

fn listed(collector: &str, accounts: &[CollectorAccount]) -> Vec<Note> {
    if accounts.is_empty() {
        return Vec::new();
    }
    let open = |name| Progress::Done { name, path: Vec::new(), current: 0, total: 1 };
    let parts = accounts.iter().map(|account| open(account.title())).collect();
    vec![Note::Progress(Progress::Tree { name: collector.to_owned(), path: Vec::new(), parts })]
}

fn done(path: &[String], name: &str, current: u32, total: u32) -> Note {
    let (current, total) = (current.into(), total.into());
    Note::Progress(Progress::Done { name: name.to_owned(), path: path.to_vec(), current, total })
}

fn context(account: &CollectorAccount) -> Vec<String> {
    vec![account.cloud.clone(), account.title()]
}

/// The peer's form: `[cloud:account:region] [kind] message Services and actions affected: service: action`.
fn fault_note(account: Option<&CollectorAccount>, collector: &str, fault: &Fault) -> Note {
    let mut context = account.map_or_else(|| vec![collector.to_owned()], context);
    context.extend(fault.scope.region.clone());
    let times = if fault.count > 1 { format!(" ({} times)", fault.count) } else { String::new() };
    let affected = match (&fault.scope.service, &fault.scope.action) {
        (Some(service), Some(action)) => format!(" Services and actions affected: {service}: {action}"),
        (Some(service), None) => format!(" Services and actions affected: {service}"),
        (None, _) => String::new(),
    };
    let hint = fault.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    let message = format!("[{}] {}{times}{affected}{hint}", fault.kind.name(), fault.message);
    Note::Info { error: fault.level == Level::Error, context, message }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::work::event::Trouble;
    use ipc_proto::account::AccountName;

    fn account(id: &str, name: &str) -> CollectorAccount {
        let account = AccountName { cloud: "aws".into(), id: id.into(), name: name.into() };
        CollectorAccount { collector: "aws".into(), account }
    }

    fn line(name: &str, current: u32, total: u32) -> Line {
        Line { path: Vec::new(), name: name.into(), current, total }
    }

    #[test]
    fn a_collector_is_one_line_then_a_tree_then_done() {
        let mut feedback = Feedback::default();
        let started = feedback.event(&RunEvent::CollectorStarted { collector: "aws".into() });
        assert_eq!(started, [done(&[], "aws", 0, 1)]);

        let accounts = vec![account("1", "one"), account("2", "2")];
        let listed = feedback.event(&RunEvent::AccountsListed { collector: "aws".into(), accounts });
        let [Note::Progress(tree)] = listed.as_slice() else { panic!("one tree is expected: {listed:?}") };
        let expected = json!({"kind": "tree", "name": "aws", "parts": [
            {"kind": "progress", "name": "one (1)", "current": 0, "total": 1},
            {"kind": "progress", "name": "2", "current": 0, "total": 1},
        ]});
        assert_eq!(tree.to_json(), expected);

        let finished = feedback.event(&RunEvent::CollectorFinished { collector: "aws".into() });
        assert_eq!(finished, [done(&[], "aws", 1, 1)]);
    }

    #[test]
    fn progress_of_regions_is_gathered_and_dropped_when_the_account_ends() {
        let mut feedback = Feedback::default();
        let one = account("1", "one");
        let progress = |lines| RunEvent::Progress { account: account("1", "one"), lines };
        assert!(feedback.event(&progress(vec![line("eu", 0, 1), line("us", 0, 1)])).is_empty());
        feedback.event(&progress(vec![line("eu", 1, 1), line("broken", 2, 1), line("zero", 0, 0)]));
        let notes = feedback.flush();
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert_eq!(notes[0], done(&["aws".into(), "one (1)".into()], "eu", 1, 1));

        feedback.event(&progress(vec![line("eu", 1, 1)]));
        let ended = RunEvent::AccountCollected {
            account: one,
            nodes: 1,
            edges: 0,
            faults: 0,
            duration: Duration::ZERO,
        };
        assert_eq!(feedback.event(&ended), [done(&["aws".into()], "one (1)", 1, 1)]);
        assert!(feedback.flush().is_empty());
    }

    #[test]
    fn failures_name_the_account_and_say_what_to_do() {
        let trouble = Trouble {
            kind: "credentials".into(),
            message: "the token has expired".into(),
            hint: Some("renew it".into()),
            cancelled: false,
        };
        let failed = RunEvent::AccountFailed { account: account("1", "one"), trouble };
        let notes = Feedback::default().event(&failed);
        let context = vec!["aws".to_owned(), "one (1)".to_owned()];
        let message = "the token has expired (renew it)".to_owned();
        assert_eq!(notes[1], Note::Info { error: true, context, message });
    }
}
