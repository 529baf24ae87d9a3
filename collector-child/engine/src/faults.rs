//! Troubles with calls, gathered and told once for each cause when the account is done: a policy that lacks a right fails
//! hundreds of calls in each region, and nobody reads hundreds of sentences.

use std::collections::{BTreeMap, BTreeSet};

use collector::fault;
use http_client::{CallError, Class};
use indexmap::IndexMap;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, Level};
use ipc_proto::message::Denied;

use crate::facts::CloudFacts;

/// Services named in one sentence.
const SERVICES: usize = 10;
/// Calls named for each of them.
const ACTIONS: usize = 3;
/// Different words that are remembered for one cause.
const MOST_WORDS: usize = 100;
/// Different words of calls with one cause that are told.
const WORDS: usize = 5;

/// What many failed calls have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Cause {
    code: String,
    message: String,
    kind: FaultKind,
    level: Level,
    /// A region or service that the account has not enabled.
    disabled: bool,
    /// A region that does not accept the credentials.
    refuses: bool,
}

/// Failed calls of one cause: by service and operation, where they failed.
#[derive(Debug, Default)]
struct Affected {
    calls: u32,
    /// Those of them that were not made, as the service had been given up.
    not_made: u32,
    services: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// The words of the first one, where they tell more than the cause.
    example: Option<String>,
    /// What was said of single calls, each once: by the cloud itself, or what came instead.
    said: BTreeSet<String>,
    /// The one of them that is in the example.
    first_said: Option<String>,
    /// What to do, where that differs from call to call.
    hints: BTreeSet<String>,
    /// The single things that the calls were about, where that is known.
    subjects: BTreeSet<String>,
}

/// Failed calls by cause.
#[derive(Debug)]
pub struct ErrorLog {
    facts: &'static CloudFacts,
    causes: IndexMap<Cause, Affected>,
    /// What was refused for lack of permission: service, operation, and how often where.
    denied: BTreeMap<(String, String), BTreeMap<String, u32>>,
}

/// What a failed call means for the one who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing is wrong: there is nothing here.
    Nothing,
    /// Something is missing from the result.
    Missing,
}

/// What a failed call means.
pub(crate) fn meaning(error: &CallError) -> Meaning {
    match error.class {
        Class::Expected => Meaning::Nothing,
        Class::AccessDenied { .. }
        | Class::NoEndpoint
        | Class::Credentials(_)
        | Class::Throttled
        | Class::RegionDisabled
        | Class::RegionRefuses
        | Class::Service
        | Class::Unavailable
        | Class::Network
        | Class::Garbage
        | Class::RepeatedToken
        | Class::NoToken
        | Class::EndlessPages
        | Class::Config
        | Class::Deadline
        | Class::Input => Meaning::Missing,
    }
}

impl ErrorLog {
    /// Nothing has failed so far.
    pub fn new(facts: &'static CloudFacts) -> Self {
        Self { facts, causes: IndexMap::new(), denied: BTreeMap::new() }
    }

    /// Notes a failed call, unless it means nothing.
    pub fn add(&mut self, region: &str, error: &CallError) {
        if meaning(error) == Meaning::Nothing {
            return;
        }
        let (service, operation) = (error.service.clone(), error.operation.clone());
        if matches!(error.class, Class::AccessDenied { .. }) {
            let regions = self.denied.entry((service.clone(), operation.clone())).or_default();
            *regions.entry(region.to_owned()).or_default() += 1;
        }
        let affected = self.causes.entry(Cause::of(error, self.facts)).or_default();
        affected.hints.extend(error.to_fault().hint);
        if tells_more(error.class) && !error.given_up {
            if affected.example.is_none() {
                affected.first_said = said(error).map(str::to_owned);
            }
            affected.example.get_or_insert_with(|| error.words());
        }
        if affected.said.len() < MOST_WORDS {
            affected.said.extend(said(error).map(str::to_owned));
        }
        if affected.subjects.len() < MOST_WORDS {
            affected.subjects.extend(error.subject.clone());
        }
        affected.calls = affected.calls.saturating_add(1);
        affected.not_made = affected.not_made.saturating_add(u32::from(error.given_up));
        let regions = affected.services.entry(service).or_default().entry(operation).or_default();
        regions.insert(region.to_owned());
    }

    /// Every operation that was refused for lack of permission.
    pub fn denied(&self) -> Vec<Denied> {
        let entries = self.denied.iter().map(|((service, operation), regions)| Denied {
            service: service.clone(),
            operation: operation.clone(),
            regions: regions.keys().cloned().collect(),
            calls: regions.values().fold(0, |sum, calls| sum.saturating_add(*calls)),
        });
        entries.collect()
    }

    /// What went wrong, one fault for each cause.
    pub fn into_faults(self) -> Vec<Fault> {
        let facts = self.facts;
        self.causes.into_iter().map(|(cause, affected)| cause.fault(&affected, facts)).collect()
    }
}

impl Cause {
    fn of(error: &CallError, facts: &CloudFacts) -> Self {
        let fault = error.to_fault();
        let code = error.code.clone();
        // Denials are told as information, as in the Python worker: a role that may not see a service is mostly
        // meant to be that way; some codes are errors there, too. The same holds for services that a region lacks.
        let denied = matches!(error.class, Class::AccessDenied { .. } | Class::NoEndpoint);
        let unauthorized = code.as_deref().is_some_and(|code| facts.denials_told.contains(&code));
        let (code, message) = match error.class {
            Class::AccessDenied { .. } if !unauthorized => {
                let whose = match error.class {
                    Class::AccessDenied { by_organization: true } => {
                        "a policy of the organization denies access"
                    }
                    _ => "access denied",
                };
                ("AccessDenied".to_owned(), whose.to_owned())
            }
            Class::AccessDenied { .. } => (code.unwrap_or_default(), "access denied".to_owned()),
            // No host of that name, so the words name the host of each service.
            Class::NoEndpoint => {
                ("NoEndpoint".to_owned(), "the service does not exist in this region".to_owned())
            }
            Class::Throttled => (
                "Throttled".to_owned(),
                "the service asked to slow down until the attempts were used up".to_owned(),
            ),
            // The words of the service name single resources; one sentence for each would be too many.
            Class::Service => (
                code.unwrap_or_else(|| "Unknown".to_owned()),
                "the service refused, so resources are missing".to_owned(),
            ),
            // Hosts, attempts and what came instead of an answer differ from call to call.
            _ => (code.unwrap_or_else(|| class_name(error.class).to_owned()), error.class_words().to_owned()),
        };
        let disabled = error.class == Class::RegionDisabled;
        let refuses = error.class == Class::RegionRefuses;
        // Where nobody chooses the regions, it is a service that is not enabled: there is nothing of it.
        let unused = disabled && facts.region_setting.is_empty();
        let level = if unused || (denied && !unauthorized) { Level::Info } else { Level::Error };
        // A denial costs something even as information.
        let kind = if unused { FaultKind::Resource } else { fault.kind };
        Self { code, message, kind, level, disabled, refuses }
    }

    fn fault(self, affected: &Affected, facts: &CloudFacts) -> Fault {
        let regions = affected.regions();
        let hint = affected.hint(&self, &regions, facts);
        let Self { code, message, kind, level, disabled: _, refuses: _ } = self;
        let message = affected.example.clone().unwrap_or(message);
        let services: Vec<String> = affected
            .services
            .iter()
            .take(SERVICES)
            .map(|(service, actions)| {
                let some: Vec<&str> = actions.keys().take(ACTIONS).map(String::as_str).collect();
                let more = if actions.len() > ACTIONS { " and more" } else { "" };
                format!("{service}: {}{more}", some.join(", "))
            })
            .collect();
        let more = if affected.services.len() > SERVICES { " and more" } else { "" };
        let place = if regions.len() > 1 { format!(" in {}", listed(&regions)) } else { String::new() };
        let subjects: Vec<&str> = affected.subjects.iter().map(String::as_str).collect();
        let about = if subjects.is_empty() { String::new() } else { format!(" (for {})", listed(&subjects)) };
        let message = format!(
            "[{code}] {message}{place}. Affected services and actions: {}{more}{about}",
            services.join(", ")
        );
        let message = match affected.not_made {
            0 => message,
            1 => format!("{message}. 1 call was not made, as several before it had failed so"),
            many => format!("{message}. {many} calls were not made, as several before them had failed so"),
        };
        let message = match affected.more_said(facts) {
            Some(said) => format!("{message}. {said}"),
            None => message,
        };
        let scope = FaultScope {
            region: only(regions.iter().copied()),
            service: only(affected.services.keys().map(String::as_str)),
            action: only(affected.services.values().flat_map(BTreeMap::keys).map(String::as_str)),
            kind: None,
        };
        Fault { scope, level, hint, count: affected.calls, ..fault(kind, message) }
    }
}

/// The one, if there is one.
fn only<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    match (names.next(), names.next()) {
        (Some(name), None) => Some(name.to_owned()),
        _ => None,
    }
}

impl Affected {
    /// What single calls were told, besides what the sentence has.
    fn more_said(&self, facts: &CloudFacts) -> Option<String> {
        let others: Vec<&str> = self
            .said
            .iter()
            .filter(|said| Some(*said) != self.first_said.as_ref())
            .map(String::as_str)
            .collect();
        let more = others.len().saturating_sub(WORDS);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let shown = others[..others.len().min(WORDS)].join("; ");
        let begin = match self.first_said {
            Some(_) => "Other calls".to_owned(),
            None => format!("{} says", facts.name),
        };
        (!others.is_empty()).then(|| format!("{begin}: {shown}{more}"))
    }

    fn regions(&self) -> Vec<&str> {
        let regions: BTreeSet<&str> =
            self.services.values().flat_map(BTreeMap::values).flatten().map(String::as_str).collect();
        regions.into_iter().collect()
    }

    fn hint(&self, cause: &Cause, regions: &[&str], facts: &CloudFacts) -> Option<String> {
        match (self.hints.len(), cause.kind) {
            _ if cause.disabled && facts.region_setting.is_empty() => None,
            (2.., _) if cause.disabled => {
                let them = if regions.len() > 1 { "them" } else { "it" };
                let setting = facts.region_setting;
                Some(format!(
                    "enable {} for the account, or leave {them} out with {setting}",
                    listed(regions)
                ))
            }
            _ if cause.refuses && !facts.region_setting.is_empty() => {
                let leave_out = format!("leave {} out with {}", listed(regions), facts.region_setting);
                let all = self.hints.iter().map(String::as_str).chain([leave_out.as_str()]);
                Some(all.collect::<Vec<_>>().join("; or "))
            }
            (2.., FaultKind::AccessDenied) => {
                Some("allow these actions to the user or role that collects".to_owned())
            }
            (_, _) => self.hints.first().cloned(),
        }
    }
}

/// What is special about a call among those of the same class and code, without what differs from call to call anyway.
fn said(error: &CallError) -> Option<&str> {
    let said = match error.class {
        Class::Garbage => error.message.split(", it begins with").next().unwrap_or_default(),
        Class::AccessDenied { .. }
        | Class::Service
        | Class::Unavailable
        | Class::RegionDisabled
        | Class::RegionRefuses
        | Class::Credentials(_)
        | Class::Config
        | Class::Input => &error.message,
        Class::NoEndpoint
        | Class::Throttled
        | Class::Expected
        | Class::Network
        | Class::RepeatedToken
        | Class::NoToken
        | Class::EndlessPages
        | Class::Deadline => "",
    };
    Some(said).filter(|said| !said.is_empty())
}

/// Whether the words of a single call help to see what is wrong.
fn tells_more(class: Class) -> bool {
    match class {
        Class::AccessDenied { .. } | Class::NoEndpoint | Class::Throttled | Class::Service => false,
        Class::Credentials(_)
        | Class::Expected
        | Class::RegionDisabled
        | Class::RegionRefuses
        | Class::Unavailable
        | Class::Network
        | Class::Garbage
        | Class::RepeatedToken
        | Class::NoToken
        | Class::EndlessPages
        | Class::Config
        | Class::Deadline
        | Class::Input => true,
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::AccessDenied { .. } => "AccessDenied",
        Class::Expected => "Expected",
        Class::Credentials(_) => "Credentials",
        Class::Throttled => "Throttled",
        Class::NoEndpoint => "NoEndpoint",
        Class::RegionDisabled => "RegionDisabled",
        Class::RegionRefuses => "RegionRefuses",
        Class::Service => "Service",
        Class::Unavailable => "Unavailable",
        Class::Network => "Network",
        Class::Garbage => "Garbage",
        Class::RepeatedToken => "RepeatedToken",
        Class::NoToken => "NoToken",
        Class::EndlessPages => "EndlessPages",
        Class::Config => "Config",
        Class::Deadline => "Deadline",
        Class::Input => "Input",
    }
}

/// Names in a sentence: `a, b and 3 more`.
pub fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        names if names.len() > SHOWN => {
            format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN)
        }
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_are_listed_and_many_are_counted() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
