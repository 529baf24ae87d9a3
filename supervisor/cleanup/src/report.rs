//! What people are told at the end of a run: fixcore's users and the log, in the same words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use decisions::cleanup::Fate;

use crate::messages::pack;
use crate::select::AccountWork;

/// A resource that has its fate.
#[derive(Debug, Clone)]
pub struct Ending {
    /// Its account, by number, if it is in one.
    pub account: Option<usize>,
    /// Its name for people.
    pub name: String,
    /// How it ended.
    pub fate: Fate,
    /// What would be done for it, of a dry run.
    pub steps: Vec<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Something that should be deleted is still there.
    pub error: bool,
    /// Cloud and account, in front of the text.
    pub context: Vec<String>,
    /// The text.
    pub text: String,
}

/// The name of an account for people: `name (id)`, or the id alone if the name says no more.
pub fn account_name(account: &AccountWork) -> String {
    if account.name.is_empty() || account.name == account.id {
        account.id.clone()
    } else {
        format!("{} ({})", account.name, account.id)
    }
}

/// All messages: for each account first what would be deleted, in order (a dry run), then what stays, grouped by
/// the reason.
pub fn messages(endings: &[Ending], accounts: &[AccountWork]) -> Vec<Message> {
    let mut by_account: BTreeMap<Option<usize>, Vec<&Ending>> = BTreeMap::new();
    for ending in endings {
        by_account.entry(ending.account).or_default().push(ending);
    }
    let mut messages = Vec::new();
    for (account, endings) in by_account {
        let account = account.and_then(|number| accounts.get(number));
        let context = account.map_or_else(Vec::new, |it| vec![it.cloud.clone(), account_name(it)]);
        messages.extend(planned(&endings, &context));
        messages.extend(left(&endings, &context));
        messages.extend(elsewhere(&endings, &context));
    }
    messages
}

fn packed(error: bool, context: &[String], head: &str, names: &[String]) -> Vec<Message> {
    // As fixcore shows it: brackets, colons, a blank.
    let taken = context.iter().map(|part| part.chars().count() + 1).sum::<usize>() + 2;
    let texts = pack(head, names, taken).into_iter();
    texts.map(|text| Message { error, context: context.to_vec(), text }).collect()
}

fn planned(endings: &[&Ending], context: &[String]) -> Vec<Message> {
    let planned = endings.iter().filter(|ending| ending.fate == Fate::Planned);
    let mut names = Vec::new();
    for (number, ending) in (1..).zip(planned) {
        let name = format!("{number}. {}", ending.name);
        match ending.steps.split_first() {
            None => names.push(name),
            // Each step may stand at the end of a message.
            Some((first, rest)) => {
                names.push(format!("{name}: {first}"));
                names.extend(rest.iter().map(|step| format!("{number}. then {step}")));
            }
        }
    }
    packed(false, context, "dry run, would be deleted in this order:", &names)
}

fn left(endings: &[&Ending], context: &[String]) -> Vec<Message> {
    let mut groups: Vec<(bool, String, Vec<String>)> = Vec::new();
    for ending in endings {
        let (error, head) = match &ending.fate {
            Fate::Gone | Fate::Planned | Fate::Elsewhere(_) => continue,
            Fate::Failed(reason) => (true, format!("not deleted ({reason}):")),
            Fate::Refused(reason) => (true, format!("deletion refused ({reason}):")),
            Fate::Skipped(reason) => (true, format!("not touched ({reason}):")),
            Fate::Unfinished(reason) => (true, format!("not deleted in this run ({reason}):")),
        };
        match groups.iter_mut().find(|(_, known, _)| *known == head) {
            Some((_, _, names)) => names.push(ending.name.clone()),
            None => groups.push((error, head, vec![ending.name.clone()])),
        }
    }
    groups.iter().flat_map(|(error, head, names)| packed(*error, context, head, names)).collect()
}

/// What is left to other workers, in one sentence: whether they delete it is not known here, so it is no error.
fn elsewhere(endings: &[&Ending], context: &[String]) -> Vec<Message> {
    let reasons = endings.iter().filter_map(|ending| match &ending.fate {
        Fate::Elsewhere(reason) => Some(reason),
        _ => None,
    });
    let reasons: Vec<&String> = reasons.collect();
    let Some(reason) = reasons.first() else { return Vec::new() };
    let these = match reasons.len() {
        1 => "1 resource is not touched by this worker".to_owned(),
        count => format!("{count} resources are not touched by this worker"),
    };
    vec![Message { error: false, context: context.to_vec(), text: format!("{these}: {reason}") }]
}

/// How many resources ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Deleted.
    pub gone: usize,
    /// Would be deleted.
    pub planned: usize,
    /// In accounts that this worker does not get into.
    pub elsewhere: usize,
    /// Tried in vain.
    pub failed: usize,
    /// Must not or cannot be deleted.
    pub refused: usize,
    /// Not touched for the sake of others.
    pub skipped: usize,
    /// The run ended before.
    pub unfinished: usize,
}

impl Counts {
    /// Counts.
    pub fn of(endings: &[Ending]) -> Self {
        let mut counts = Self::default();
        for ending in endings {
            *match ending.fate {
                Fate::Gone => &mut counts.gone,
                Fate::Planned => &mut counts.planned,
                Fate::Failed(_) => &mut counts.failed,
                Fate::Refused(_) => &mut counts.refused,
                Fate::Skipped(_) => &mut counts.skipped,
                Fate::Unfinished(_) => &mut counts.unfinished,
                Fate::Elsewhere(_) => &mut counts.elsewhere,
            } += 1;
        }
        counts
    }

    /// One line; parts that do not apply are left out.
    pub fn summary(&self) -> String {
        let parts = [
            (self.gone, "deleted"),
            (self.planned, "would be deleted"),
            (self.failed, "not deleted"),
            (self.refused, "refused"),
            (self.skipped, "not touched"),
            (self.unfinished, "not reached"),
            (self.elsewhere, "in accounts that this worker does not get into"),
        ];
        let total: usize = parts.iter().map(|(count, _)| count).sum();
        let mut text = match total {
            0 => return "nothing is marked for cleanup".to_owned(),
            1 => "1 resource is marked for cleanup".to_owned(),
            _ => format!("{total} resources are marked for cleanup"),
        };
        for (number, (count, what)) in parts.iter().filter(|(count, _)| *count > 0).enumerate() {
            let separator = if number == 0 { ":" } else { "," };
            let _infallible = write!(text, "{separator} {count} {what}");
        }
        text
    }
}

/// What fixcore gets as the result of the action: an error if nothing at all could be deleted although it was
/// tried, or if time was short.
pub fn verdict(endings: &[Ending]) -> Result<(), String> {
    let counts = Counts::of(endings);
    if counts.unfinished > 0 {
        let total = endings.len();
        return Err(format!(
            "{} of {total} resources were not reached before the run had to end (fixworker.timeout)",
            counts.unfinished
        ));
    }
    let failed = endings.iter().find_map(|ending| match &ending.fate {
        Fate::Failed(reason) => Some((&ending.name, reason)),
        _ => None,
    });
    match failed {
        Some((name, reason)) if counts.gone + counts.planned == 0 => {
            Err(format!("no resource could be deleted, the first is {name}: {reason}"))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, name: &str) -> AccountWork {
        let text = str::to_owned;
        AccountWork { collector: text("aws"), cloud: text("aws"), id: text(id), name: text(name), node: 0 }
    }

    fn ending(account: usize, name: &str, fate: Fate) -> Ending {
        Ending { account: Some(account), name: name.to_owned(), fate, steps: Vec::new() }
    }

    fn texts(endings: &[Ending]) -> Vec<String> {
        let accounts = [account("1", "prod"), account("2", "2")];
        let shown = |message: Message| {
            assert_eq!(message.error, !message.text.starts_with("dry run"));
            format!("[{}] {}", message.context.join(":"), message.text)
        };
        messages(endings, &accounts).into_iter().map(shown).collect()
    }

    #[test]
    fn what_stays_is_grouped_by_account_and_reason() {
        let in_use = || Fate::Failed("in use".into());
        let endings = [
            ending(0, "volume a", in_use()),
            ending(1, "volume b", in_use()),
            ending(0, "volume c", Fate::Gone),
            ending(0, "volume d", in_use()),
            ending(0, "vpc e", Fate::Skipped("volume a depends on it".into())),
            Ending { account: None, ..ending(0, "region r", Fate::Refused("a region".into())) },
        ];
        let expected = [
            "[] deletion refused (a region): region r",
            "[aws:prod (1)] not deleted (in use): volume a, volume d",
            "[aws:prod (1)] not touched (volume a depends on it): vpc e",
            "[aws:2] not deleted (in use): volume b",
        ];
        assert_eq!(texts(&endings), expected);
        assert_eq!(verdict(&endings), Ok(()));
        let summary =
            "6 resources are marked for cleanup: 1 deleted, 3 not deleted, 1 refused, 1 not touched";
        assert_eq!(Counts::of(&endings).summary(), summary);
    }

    #[test]
    fn a_dry_run_lists_the_steps_in_order_for_each_account() {
        let steps = vec!["detach it".to_owned(), "delete it".to_owned()];
        let endings = [
            Ending { steps, ..ending(0, "volume a", Fate::Planned) },
            ending(1, "volume b", Fate::Planned),
            ending(0, "vpc c", Fate::Planned),
        ];
        let expected = [
            "[aws:prod (1)] dry run, would be deleted in this order: 1. volume a: detach it, 1. then delete it, 2. vpc c",
            "[aws:2] dry run, would be deleted in this order: 1. volume b",
        ];
        assert_eq!(texts(&endings), expected);
        assert_eq!(verdict(&endings), Ok(()));
    }

    #[test]
    fn an_account_of_other_workers_is_told_once_and_is_no_error() {
        let foreign = || Fate::Elsewhere("its credentials belong to the account 2".into());
        let endings = [ending(0, "volume a", foreign()), ending(0, "volume b", foreign())];
        let [message] = &messages(&endings, &[account("1", "prod")])[..] else { panic!("one message") };
        assert!(!message.error);
        let text = "2 resources are not touched by this worker: its credentials belong to the account 2";
        assert_eq!((message.text.as_str(), message.context[1].as_str()), (text, "prod (1)"));
        assert_eq!(verdict(&endings), Ok(()));
        assert!(Counts::of(&endings).summary().ends_with("2 in accounts that this worker does not get into"));
    }

    #[test]
    fn messages_fit_with_their_context() {
        let reason = || Fate::Failed("some reason".into());
        let endings: Vec<_> =
            (0..300).map(|number| ending(0, &format!("volume {number}"), reason())).collect();
        let texts = texts(&endings);
        assert!(texts.len() > 5 && texts.iter().all(|text| text.chars().count() <= 500), "{texts:?}");
    }

    #[test]
    fn the_action_fails_if_everything_did_or_time_was_short() {
        assert_eq!(verdict(&[]), Ok(()));
        assert_eq!(Counts::of(&[]).summary(), "nothing is marked for cleanup");
        let error = verdict(&[ending(0, "volume a", Fate::Failed("denied".into()))]).unwrap_err();
        assert!(error.contains("volume a") && error.contains("denied"), "{error}");
        assert_eq!(verdict(&[ending(0, "volume a", Fate::Refused("protected".into()))]), Ok(()));
        let endings = [ending(0, "a", Fate::Gone), ending(0, "b", Fate::Unfinished("x".into()))];
        let error = verdict(&endings).unwrap_err();
        assert!(error.contains("1 of 2"), "{error}");
    }
}
