//! Results of actions: none is lost, none is sent for nothing.
//!
//! A result waits until it is handed to a connection. Fixcore sends an action again after a reconnect if it has
//! not seen the result; then the result is sent again, and the action is not done twice.

use std::collections::VecDeque;

use crate::messages::ActionKey;

/// Runs overlap rarely, so this is many.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(ActionKey, String)>,
    sent: VecDeque<Sent>,
    /// Counts connections.
    connection: u64,
}

#[derive(Debug)]
struct Sent {
    key: ActionKey,
    text: String,
    connection: u64,
}

/// What to do with an action that arrives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Not answered yet.
    New,
    /// Answered; the result is on its way (again).
    Answered,
}

impl Outbox {
    /// There is a new connection.
    pub(super) fn connected(&mut self) {
        self.connection += 1;
    }

    /// An action arrived. Fixcore repeats actions first thing on a connection, so a result that was sent over the
    /// same one is on its way already.
    pub(super) fn arrived(&mut self, key: &ActionKey) -> Arrival {
        if self.waiting.iter().any(|(waiting, _)| waiting == key) {
            return Arrival::Answered;
        }
        let Some(at) = self.sent.iter().position(|sent| sent.key == *key) else { return Arrival::New };
        if self.sent[at].connection != self.connection
            && let Some(Sent { key, text, .. }) = self.sent.remove(at)
        {
            self.waiting.push_back((key, text));
        }
        Arrival::Answered
    }

    /// There is a result. A second one for the same action replaces the first.
    pub(super) fn put(&mut self, key: ActionKey, text: String) {
        self.forget(&key);
        self.waiting.push_back((key, text));
    }

    /// The next result to send.
    pub(super) fn next(&self) -> Option<&(ActionKey, String)> {
        self.waiting.front()
    }

    /// Number of the current connection.
    pub(super) fn connection(&self) -> u64 {
        self.connection
    }

    /// This result was handed to the connection with this number. If that is not the current one, nobody knows
    /// whether it arrived, and it is sent again (fixcore ignores a result that it has).
    pub(super) fn sent(&mut self, key: &ActionKey, connection: u64) {
        if connection != self.connection {
            return;
        }
        let at = self.waiting.iter().position(|(waiting, _)| waiting == key);
        if let Some((key, text)) = at.and_then(|at| self.waiting.remove(at)) {
            self.sent.push_back(Sent { key, text, connection });
            if self.sent.len() > REMEMBERED {
                self.sent.pop_front();
            }
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&mut self, key: &ActionKey) {
        self.waiting.retain(|(waiting, _)| waiting != key);
        self.sent.retain(|sent| sent.key != *key);
    }

    /// Results that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(task: usize) -> ActionKey {
        ActionKey { task: task.to_string(), step: "collect".to_owned() }
    }

    #[test]
    fn a_result_waits_and_is_repeated_when_the_action_comes_again() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.arrived(&key(1)), Arrival::New);
        assert_eq!(outbox.arrived(&key(1)), Arrival::New, "in progress: not answered");
        outbox.put(key(1), "done".into());
        assert_eq!(outbox.arrived(&key(1)), Arrival::Answered);
        assert_eq!(outbox.waiting(), 1, "not twice");
        outbox.sent(&key(1), outbox.connection());
        assert_eq!(outbox.arrived(&key(1)), Arrival::Answered);
        assert_eq!(outbox.next(), None, "it is on its way over this connection");
        outbox.connected();
        assert_eq!(outbox.arrived(&key(1)), Arrival::Answered);
        assert_eq!(outbox.next(), Some(&(key(1), "done".into())));
    }

    #[test]
    fn what_an_old_connection_took_is_sent_again() {
        let mut outbox = Outbox::default();
        outbox.put(key(1), "done".into());
        let old = outbox.connection();
        outbox.connected();
        assert_eq!(outbox.arrived(&key(1)), Arrival::Answered);
        outbox.sent(&key(1), old);
        assert_eq!(outbox.next(), Some(&(key(1), "done".into())));
        outbox.sent(&key(1), outbox.connection());
        assert_eq!(outbox.next(), None);
    }

    #[test]
    fn an_abort_takes_the_result_along() {
        let mut outbox = Outbox::default();
        outbox.put(key(1), "done".into());
        outbox.put(key(2), "done".into());
        outbox.forget(&key(1));
        assert_eq!(outbox.next().unwrap().0, key(2));
        assert_eq!(outbox.arrived(&key(1)), Arrival::New);
    }

    #[test]
    fn memory_is_bounded() {
        let mut outbox = Outbox::default();
        for task in 0..10 * REMEMBERED {
            outbox.put(key(task), "done".into());
            outbox.sent(&key(task), 0);
        }
        assert_eq!(outbox.sent.len(), REMEMBERED);
        assert_eq!(outbox.arrived(&key(0)), Arrival::New);
        assert_eq!(outbox.arrived(&key(10 * REMEMBERED - 1)), Arrival::Answered);
    }
}
