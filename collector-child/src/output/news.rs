//! What goes to people during a job: faults, counted instead of repeated, and the latest progress.

use collector::fault;
use collector::fault::cut;
use indexmap::IndexMap;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, Level};
use ipc_proto::message::{Denied, Progress};

/// Different faults that one job can report; more of a kind are only counted.
pub(crate) const MAX_FAULTS: usize = 256;
/// Progress lines that wait at once; the oldest gives way.
pub(crate) const MAX_PROGRESS: usize = 256;
/// Bytes of a name: regions, services, calls, progress.
pub(crate) const MAX_NAME: usize = 256;
/// Regions of a denied operation; AWS has fewer.
const MAX_REGIONS: usize = 100;
/// Levels of a progress path.
const MAX_DEPTH: usize = 6;
/// Bytes of a progress line, at most.
pub(crate) const MAX_PROGRESS_LINE: usize = 2 << 10;

const _: () = assert!((MAX_DEPTH + 1) * (MAX_NAME + 5) + 16 <= MAX_PROGRESS_LINE);

/// Faults and progress that were not sent yet.
///
/// The first sight of a fault goes out with the next news, so that people see it live; repetitions are
/// counted and go out as a second message when the job ends. A job that meets the same trouble ten thousand
/// times says so in two messages.
#[derive(Debug, Default)]
pub(crate) struct News {
    faults: IndexMap<Fault, Seen>,
    surplus: IndexMap<FaultKind, u32>,
    progress: IndexMap<(Vec<String>, String), (u32, u32)>,
    fresh: bool,
}

#[derive(Debug, Default)]
struct Seen {
    announced: bool,
    unsent: u32,
}

impl News {
    /// Notes a fault; message and hint are cut to `text_limit` bytes.
    pub(crate) fn fault(&mut self, mut fault: Fault, text_limit: usize) {
        let count = fault.count.max(1);
        fault.count = 0;
        cut_texts(&mut fault, text_limit);
        if let Some(seen) = self.faults.get_mut(&fault) {
            seen.unsent = seen.unsent.saturating_add(count);
        } else if self.faults.len() < MAX_FAULTS {
            self.faults.insert(fault, Seen { announced: false, unsent: count });
            self.fresh = true;
        } else {
            let surplus = self.surplus.entry(fault.kind).or_default();
            *surplus = surplus.saturating_add(count);
        }
    }

    /// Notes progress; a later line for the same place replaces an earlier one.
    pub(crate) fn progress(&mut self, mut progress: Progress) {
        progress.path.truncate(MAX_DEPTH);
        progress.path.iter_mut().for_each(|part| cut(part, MAX_NAME));
        cut(&mut progress.name, MAX_NAME);
        let total = progress.total.max(1);
        let place = (progress.path, progress.name);
        // Removed first, so that the order is that of the last change.
        self.progress.shift_remove(&place);
        if self.progress.len() >= MAX_PROGRESS {
            self.progress.shift_remove_index(0);
        }
        self.progress.insert(place, (progress.current.min(total), total));
    }

    /// Whether [`Self::take_faults`] or [`Self::take_progress`] would give something now.
    pub(crate) fn is_due(&self) -> bool {
        self.fresh || !self.progress.is_empty()
    }

    /// Faults to send now: those never announced.
    pub(crate) fn take_faults(&mut self) -> Vec<Fault> {
        if !std::mem::take(&mut self.fresh) {
            return Vec::new();
        }
        let fresh = self.faults.iter_mut().filter(|(_, seen)| !seen.announced);
        fresh.filter_map(|(fault, seen)| seen.take(fault)).collect()
    }

    /// Faults to send when the job ends: everything not sent yet.
    pub(crate) fn take_remaining_faults(&mut self) -> Vec<Fault> {
        self.fresh = false;
        let repeated = self.faults.iter_mut().filter_map(|(fault, seen)| seen.take(fault));
        let surplus = self.surplus.drain(..).map(|(kind, count)| Fault {
            level: Level::Error,
            scope: FaultScope::default(),
            count,
            ..fault(
                kind,
                format!("more faults of kind {} than the {MAX_FAULTS} different ones reported", kind.name()),
            )
        });
        repeated.chain(surplus).collect()
    }

    /// Progress to send now.
    pub(crate) fn take_progress(&mut self) -> Vec<Progress> {
        let lines = self.progress.drain(..);
        lines.map(|((path, name), (current, total))| Progress { path, name, current, total }).collect()
    }
}

impl Seen {
    fn take(&mut self, fault: &Fault) -> Option<Fault> {
        self.announced = true;
        match std::mem::take(&mut self.unsent) {
            0 => None,
            count => Some(Fault { count, ..fault.clone() }),
        }
    }
}

/// Cuts message and hint of a fault to `text_limit` bytes, and its names to theirs.
pub(crate) fn cut_texts(fault: &mut Fault, text_limit: usize) {
    cut(&mut fault.message, text_limit);
    if let Some(hint) = &mut fault.hint {
        cut(hint, text_limit);
    }
    let FaultScope { region, service, action, kind } = &mut fault.scope;
    for name in [region, service, action, kind].into_iter().flatten() {
        cut(name, MAX_NAME);
    }
}

/// Cuts the names of a denied operation, and how many regions it has.
pub(crate) fn cut_names(denied: &mut Denied) {
    denied.regions.truncate(MAX_REGIONS);
    let Denied { service, operation, regions, calls: _ } = denied;
    for name in [service, operation].into_iter().chain(regions) {
        cut(name, MAX_NAME);
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto::limits::MAX_TEXT;

    use super::*;

    fn denied(region: &str) -> Fault {
        Fault {
            scope: FaultScope { region: Some(region.to_owned()), ..FaultScope::default() },
            ..fault(FaultKind::AccessDenied, "no access")
        }
    }

    fn counts(faults: &[Fault]) -> Vec<u32> {
        faults.iter().map(|fault| fault.count).collect()
    }

    #[test]
    fn a_repeated_fault_makes_two_messages_that_add_up() {
        let mut news = News::default();
        for _ in 0..3 {
            news.fault(denied("eu"), MAX_TEXT);
        }
        assert_eq!(counts(&news.take_faults()), [3]);
        for _ in 0..5 {
            news.fault(denied("eu"), MAX_TEXT);
        }
        news.fault(denied("us"), MAX_TEXT);
        assert_eq!(counts(&news.take_faults()), [1], "only the new one");
        assert_eq!(counts(&news.take_remaining_faults()), [5]);
        assert!(news.take_remaining_faults().is_empty());
    }

    #[test]
    fn different_faults_are_bounded_and_none_is_lost() {
        let mut news = News::default();
        let all = u32::try_from(MAX_FAULTS).unwrap() + 44;
        for n in 0..all {
            news.fault(denied(&n.to_string()), MAX_TEXT);
        }
        let sent = news.take_remaining_faults();
        assert_eq!(sent.len(), MAX_FAULTS + 1);
        assert_eq!(counts(&sent).iter().sum::<u32>(), all);
        assert_eq!(sent.last().unwrap().count, 44);
    }

    #[test]
    fn long_texts_are_cut() {
        let mut news = News::default();
        news.fault(
            Fault { hint: Some("h".repeat(9000)), message: "m".repeat(9000), ..denied(&"r".repeat(9000)) },
            MAX_TEXT,
        );
        let sent = news.take_faults().remove(0);
        assert_eq!(sent.message.len(), MAX_TEXT);
        assert_eq!(sent.hint.unwrap().len(), MAX_TEXT);
        assert_eq!(sent.scope.region.unwrap().len(), MAX_NAME);
    }

    #[test]
    fn progress_keeps_the_latest_line_and_stays_valid() {
        let mut news = News::default();
        let line =
            |name: &str, current, total| Progress { path: vec![], name: name.to_owned(), current, total };
        news.progress(line("eu", 0, 1));
        news.progress(line("us", 0, 0));
        news.progress(line("eu", 9, 1));
        assert!(news.is_due());
        assert_eq!(news.take_progress(), [line("us", 0, 1), line("eu", 1, 1)]);
        assert!(!news.is_due());
        for n in 0..=MAX_PROGRESS {
            news.progress(line(&n.to_string(), 0, 1));
        }
        assert_eq!(news.take_progress().first().unwrap().name, "1");
    }
}
