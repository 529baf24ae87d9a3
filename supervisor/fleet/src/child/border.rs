//! What a child says for people is cut and cleaned where it comes in: everything behind may log it, keep it, and
//! send it to fixcore as it is.
//!
//! A text loses what a terminal would obey and what hides or turns text around (escapes, line breaks, marks of
//! direction), and what is too long. Ids and JSON are not for people: whoever takes them checks them.

use ipc_proto::clean::{CleanOutcome, Cleaned};
use ipc_proto::fault::Fault;
use ipc_proto::limits::{MAX_LOG, MAX_TEXT};
use ipc_proto::message::{Denied, Progress, Report};

/// The longest name or place, in bytes.
const MAX_NAME: usize = 256;
/// The most lines of progress in one message.
const MAX_LINES: usize = 1000;
/// The most regions of a denied operation.
const MAX_REGIONS: usize = 1000;
/// The most steps of the path of a line of progress.
const MAX_PATH: usize = 16;

/// Cuts and cleans all texts of a report that are for people.
pub(crate) fn clean(report: &mut Report<'_>) {
    match report {
        Report::Heartbeat(beat) => text(&mut beat.step, MAX_NAME),
        Report::Accounts(accounts) => accounts.iter_mut().for_each(|one| text(&mut one.name, MAX_NAME)),
        Report::Progress(lines) => {
            lines.truncate(MAX_LINES);
            lines.iter_mut().for_each(progress);
        }
        Report::Fault(trouble) | Report::Fatal(trouble) => fault(trouble),
        Report::Cleaned(cleaned) => of_cleaned(cleaned),
        Report::Denied(calls) => calls.iter_mut().for_each(denied),
        Report::Sealed(seal) => {
            if let Some(shared) = &mut seal.shared {
                text(shared, MAX_TEXT);
            }
        }
        Report::Ready
        | Report::Renew
        | Report::Brokering(_)
        | Report::Described(_)
        | Report::Chunk(_)
        | Report::Done(_)
        | Report::Tagged(_)
        | Report::Output(_) => {}
    }
}

fn progress(line: &mut Progress) {
    line.path.truncate(MAX_PATH);
    line.path.iter_mut().chain([&mut line.name]).for_each(|part| text(part, MAX_NAME));
}

fn denied(call: &mut Denied) {
    call.regions.truncate(MAX_REGIONS);
    for part in call.regions.iter_mut().chain([&mut call.service, &mut call.operation]) {
        text(part, MAX_NAME);
    }
}

fn fault(fault: &mut Fault) {
    let scope = &mut fault.scope;
    let parts = [&mut scope.region, &mut scope.service, &mut scope.action, &mut scope.kind];
    for part in parts.into_iter().flatten() {
        text(part, MAX_NAME);
    }
    text(&mut fault.message, MAX_TEXT);
    if let Some(hint) = &mut fault.hint {
        text(hint, MAX_TEXT);
    }
}

fn of_cleaned(cleaned: &mut Cleaned) {
    match &mut cleaned.outcome {
        CleanOutcome::Later { reason }
        | CleanOutcome::Failed { reason }
        | CleanOutcome::Refused { reason } => {
            text(reason, MAX_TEXT);
        }
        CleanOutcome::GoesWith { node_id } => text(node_id, MAX_NAME),
        CleanOutcome::Gone | CleanOutcome::Planned => {}
    }
    cleaned.log.truncate(MAX_LOG);
    cleaned.log.iter_mut().for_each(|event| text(&mut event.message, MAX_TEXT));
}

/// Cuts `text` to `max` bytes and puts a space in place of what is not to be seen. The memory of a long text is
/// given back.
fn text(text: &mut String, max: usize) {
    const ELLIPSIS: &str = "…";
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
        text.shrink_to_fit();
    }
    if text.contains(is_unseen) {
        *text = text.replace(is_unseen, " ");
    }
}

/// Control characters, separators of lines, and what changes the direction of text or takes no room.
pub(super) fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use ipc_proto::clean::CleanEvent;
    use ipc_proto::fault::{FaultKind, FaultScope, FaultSource, Level, Retry};
    use ipc_proto::job::Account;
    use ipc_proto::message::Heartbeat;

    use super::*;

    const EVIL: &str = "a\u{1b}[2J\nb\u{202e}c\u{9b}1m";
    const CLEAN: &str = "a [2J b c 1m";

    fn long() -> String {
        "€".repeat(2 << 20)
    }

    fn trouble(text: &str) -> Fault {
        let text = || Some(text.to_owned());
        Fault {
            scope: FaultScope { region: text(), service: text(), action: text(), kind: text() },
            kind: FaultKind::Internal,
            source: FaultSource::Collector,
            retry: Retry::Never,
            level: Level::Error,
            message: text().unwrap(),
            hint: text(),
            count: 1,
        }
    }

    fn all(text: &str) -> Vec<Report<'static>> {
        let own = || text.to_owned();
        let account = Account {
            cloud: "c".into(),
            id: "i".into(),
            name: own(),
            node_id: "n".into(),
            scope: vec![].into(),
        };
        let line = Progress { path: vec![own(); 100], name: own(), current: 1, total: 1 };
        let cleaned = |outcome| {
            let log = vec![CleanEvent::done(own()); 2];
            Report::Cleaned(Box::new(Cleaned { node_id: "n".into(), outcome, log }))
        };
        vec![
            Report::Heartbeat(Heartbeat { rss: 1, step: own(), work: 1 }),
            Report::Accounts(vec![account]),
            Report::Progress(vec![line]),
            Report::Fault(trouble(text)),
            Report::Fatal(trouble(text)),
            cleaned(CleanOutcome::Later { reason: own() }),
            cleaned(CleanOutcome::Failed { reason: own() }),
            cleaned(CleanOutcome::Refused { reason: own() }),
        ]
    }

    #[test]
    fn no_text_carries_what_a_terminal_obeys() {
        for (mut dirty, expected) in all(EVIL).into_iter().zip(all(CLEAN)) {
            clean(&mut dirty);
            let (dirty, expected) = (format!("{dirty:?}"), format!("{expected:?}"));
            assert!(dirty.contains(CLEAN) && !dirty.contains("\\u{") && !dirty.contains("\\n"), "{dirty}");
            assert!(dirty.len() <= expected.len(), "{dirty}");
        }
    }

    #[test]
    fn every_text_is_cut() {
        for mut report in all(&long()[..60_000]) {
            clean(&mut report);
            let text = format!("{report:?}");
            assert!(text.len() < 16 << 10, "{} bytes of {}", text.len(), &text[..80]);
        }
    }

    #[test]
    fn a_plain_text_stays_as_it_is_and_a_long_one_gives_its_memory_back() {
        let mut plain = "Grüße, 日本 – \"x\"\\".to_owned();
        let before = plain.clone();
        text(&mut plain, 256);
        assert_eq!(plain, before);
        let mut long = long();
        text(&mut long, 100);
        assert!(long.len() <= 100 && long.ends_with("€…") && long.capacity() < 200, "{}", long.capacity());
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let line = Progress { path: Vec::new(), name: "x".into(), current: 1, total: 1 };
        let mut report = Report::Progress(vec![line; 200_000]);
        clean(&mut report);
        let Report::Progress(lines) = report else { unreachable!("it stays what it is") };
        assert_eq!(lines.len(), MAX_LINES);
    }
}
