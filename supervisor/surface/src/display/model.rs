//! What is shown, without a terminal and without a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipc_proto::account::AccountName;

use super::Event;
use crate::text::{account_title, column, counted, duration, fit, one_line, size, thousands};

/// Rows for running children; more are counted in one line. With the status this fits a terminal of 24 lines.
const MAX_ROWS: usize = 16;
/// The columns of an account's title in a row.
const TITLE_WIDTH: usize = 28;
/// How often the status is written where there are no bars.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// What a line is about, for its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// An account is done.
    Good,
    /// Something failed.
    Bad,
    /// An attempt failed and will be repeated, or an account was stopped.
    Warning,
    /// News.
    Plain,
}

/// A line that stays. Without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is about.
    pub kind: LineKind,
    /// What happened, in one word; empty if the text says it all.
    pub word: &'static str,
    /// To what, and more about it.
    pub text: String,
}

/// What changes all the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// One row for each running child, the longest running first.
    pub rows: Vec<String>,
    /// Accounts that have ended.
    pub position: u64,
    /// Accounts in all.
    pub length: u64,
    /// The status of the whole run.
    pub status: String,
}

type Key = (String, String);

/// A child that runs.
#[derive(Debug)]
struct Running {
    key: Key,
    title: String,
    attempt: u32,
    pid: u32,
    since: Duration,
    rss: u64,
    nodes: u64,
    step: String,
    progress: Option<(String, u32, u32)>,
}

/// What is known of an account over all its attempts.
#[derive(Debug)]
struct Account {
    first_start: Duration,
    peak_rss: u64,
}

/// The state of the display. Times are since the start of the run.
#[derive(Debug, Default)]
pub struct DisplayModel {
    listed: u64,
    done: u64,
    failed: u64,
    cancelled: u64,
    nodes: u64,
    running: Vec<Running>,
    retrying: BTreeSet<Key>,
    accounts: BTreeMap<Key, Account>,
    last_status: Duration,
}

impl DisplayModel {
    /// Takes in what has happened `now`, and returns the line that is worth keeping, if there is one.
    pub fn apply(&mut self, now: Duration, event: Event) -> Option<Line> {
        match event {
            Event::AccountsListed { collector, count } => {
                self.listed += count;
                line(LineKind::Plain, "listed", &collector, &counted(count, "account"))
            }
            Event::CollectorFailed { collector, message, hint } => {
                line(LineKind::Bad, "failed", &collector, &with_hint(&message, hint.as_deref()))
            }
            Event::AccountStarted { account, attempt, pid } => {
                self.start(now, &account, attempt, pid);
                None
            }
            Event::Progress { account, name, current, total } => {
                if let Some(running) = self.find(&account) {
                    running.progress = Some((name, current.min(total), total));
                }
                None
            }
            Event::Heartbeat { account, rss, step, nodes } => {
                if let Some(running) = self.find(&account) {
                    (running.rss, running.step, running.nodes) = (rss, step, nodes);
                }
                if let Some(known) = self.accounts.get_mut(&key(&account)) {
                    known.peak_rss = known.peak_rss.max(rss);
                }
                None
            }
            Event::AttemptFailed { account, attempt, message, retry_in } => {
                self.stop(&account);
                let retry_in = retry_in?;
                self.retrying.insert(key(&account));
                let text = format!("attempt {attempt} failed, again in {}: {message}", duration(retry_in));
                line(LineKind::Warning, "retry", &title(&account), &text)
            }
            Event::AccountDone { account, nodes, edges, faults } => {
                self.done += 1;
                self.nodes += nodes;
                let mut text = format!("{}, {}", counted(nodes, "node"), counted(edges, "edge"));
                if faults > 0 {
                    text = format!("{text}, {}", counted(faults, "fault"));
                }
                if let Some(taken) = self.end(now, &account) {
                    text = format!("{text} in {taken}");
                }
                let kind = if faults > 0 { LineKind::Warning } else { LineKind::Good };
                line(kind, "done", &fit(&title(&account), TITLE_WIDTH), &text)
            }
            Event::AccountFailed { account, message, hint } => {
                self.failed += 1;
                self.end(now, &account);
                line(LineKind::Bad, "failed", &title(&account), &with_hint(&message, hint.as_deref()))
            }
            Event::AccountCancelled { account } => {
                self.cancelled += 1;
                let taken = self.end(now, &account);
                let text =
                    taken.map_or_else(|| "before it began".to_owned(), |taken| format!("after {taken}"));
                line(LineKind::Warning, "stopped", &title(&account), &text)
            }
            Event::Note(text) => {
                Some(Line { kind: LineKind::Plain, word: "", text: one_line(&text).into_owned() })
            }
        }
    }

    /// What the bars show `now`.
    pub fn view(&self, now: Duration) -> View {
        let shown = if self.running.len() > MAX_ROWS { MAX_ROWS - 1 } else { self.running.len() };
        let mut rows: Vec<_> = self.running.iter().take(shown).map(|running| running.row(now)).collect();
        let more = self.running.len() - shown;
        if more > 0 {
            rows.push(format!("and {} more running", thousands(more as u64)));
        }
        let position = self.ended();
        View { rows, position, length: self.listed.max(position), status: self.status(now) }
    }

    /// The status as a line, once in a while, for outputs without bars.
    pub fn status_line(&mut self, now: Duration) -> Option<Line> {
        if now < self.last_status + STATUS_EVERY {
            return None;
        }
        self.last_status = now;
        Some(Line { kind: LineKind::Plain, word: "status", text: self.status(now) })
    }

    fn ended(&self) -> u64 {
        self.done + self.failed + self.cancelled
    }

    fn status(&self, now: Duration) -> String {
        let coming: u64 = self.running.iter().map(|running| running.nodes).sum();
        let all = self.listed.max(self.ended());
        let counts = [
            (self.running.len() as u64, "running"),
            (self.retrying.len() as u64, "to retry"),
            (self.failed, "failed"),
            (self.cancelled, "stopped"),
        ];
        let mut parts = vec![format!("{} of {} done", thousands(self.done), thousands(all))];
        let nonzero = counts.into_iter().filter(|&(count, _)| count > 0);
        parts.extend(nonzero.map(|(count, word)| format!("{} {word}", thousands(count))));
        parts.extend([counted(self.nodes + coming, "node"), duration(now)]);
        parts.join(", ")
    }

    fn start(&mut self, now: Duration, account: &AccountName, attempt: u32, pid: u32) {
        self.stop(account);
        self.retrying.remove(&key(account));
        self.accounts.entry(key(account)).or_insert(Account { first_start: now, peak_rss: 0 });
        self.running.push(Running {
            key: key(account),
            title: title(account),
            attempt,
            pid,
            since: now,
            rss: 0,
            nodes: 0,
            step: String::new(),
            progress: None,
        });
    }

    fn find(&mut self, account: &AccountName) -> Option<&mut Running> {
        self.running.iter_mut().find(|running| is_of(running, account))
    }

    fn stop(&mut self, account: &AccountName) {
        self.running.retain(|running| !is_of(running, account));
    }

    /// Forgets the account, and tells how long it took and its memory if it had begun.
    fn end(&mut self, now: Duration, account: &AccountName) -> Option<String> {
        self.stop(account);
        self.retrying.remove(&key(account));
        let Account { first_start, peak_rss } = self.accounts.remove(&key(account))?;
        let taken = duration(now.saturating_sub(first_start));
        Some(if peak_rss > 0 { format!("{taken}, {}", size(peak_rss)) } else { taken })
    }
}

impl Running {
    /// What matters most comes first: a narrow terminal cuts the end.
    fn row(&self, now: Duration) -> String {
        let numbers = format!(
            "{} {:>6} {:>9} nodes {:>8}",
            column(&one_line(&self.title), TITLE_WIDTH),
            duration(now.saturating_sub(self.since)),
            thousands(self.nodes),
            if self.rss == 0 { "-".to_owned() } else { size(self.rss) },
        );
        let mut parts = vec![numbers];
        if self.attempt > 1 {
            parts.push(format!("attempt {}", self.attempt));
        }
        match &self.progress {
            Some((name, current, total)) => parts.push(format!("{current}/{total} {}", one_line(name))),
            None if self.step.is_empty() => parts.push(format!("starting (pid {})", self.pid)),
            None => {}
        }
        if !self.step.is_empty() {
            parts.push(one_line(&self.step).into_owned());
        }
        parts.join("  ")
    }
}

fn key(account: &AccountName) -> Key {
    (account.cloud.clone(), account.id.clone())
}

fn is_of(running: &Running, account: &AccountName) -> bool {
    running.key.0 == account.cloud && running.key.1 == account.id
}

fn title(account: &AccountName) -> String {
    account_title(&account.cloud, &account.id, &account.name)
}

fn with_hint(message: &str, hint: Option<&str>) -> String {
    hint.map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}"))
}

#[expect(clippy::unnecessary_wraps, reason = "every use is the answer of `apply`")]
fn line(kind: LineKind, word: &'static str, who: &str, text: &str) -> Option<Line> {
    Some(Line { kind, word, text: one_line(&format!("{who}: {text}")).into_owned() })
}

#[cfg(test)]
mod tests;
