//! Troubles with calls, gathered and told once for each cause when the account is done: a policy that lacks a right fails
//! hundreds of calls in each region, and nobody reads hundreds of sentences.

use std::collections::{BTreeMap, BTreeSet};

use aws_client::{CallError, Class};
use collector::fault;
use indexmap::IndexMap;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, Level};
use ipc_proto::message::Denied;

use crate::engine::listed;

/// Services named in one sentence.
const SERVICES: usize = 10;
/// Calls named for each of them.
const ACTIONS: usize = 3;

/// What many failed calls have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Cause {
    code: String,
    message: String,
    kind: FaultKind,
    level: Level,
    /// A region or service that the account has not enabled.
    disabled: bool,
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
    /// What AWS itself said the first time, where the cause is told in words of ours.
    said: Option<String>,
    /// What to do, where that differs from call to call.
    hints: BTreeSet<String>,
}

/// Failed calls by cause.
#[derive(Debug, Default)]
pub(crate) struct ErrorLog {
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
        | Class::Service
        | Class::Unavailable
        | Class::Network
        | Class::Garbage
        | Class::RepeatedToken
        | Class::EndlessPages
        | Class::Config
        | Class::Deadline
        | Class::Input => Meaning::Missing,
    }
}

impl ErrorLog {
    /// Notes a failed call, unless it means nothing.
    pub(crate) fn add(&mut self, region: &str, error: &CallError) {
        if meaning(error) == Meaning::Nothing {
            return;
        }
        let (service, operation) = (error.service.clone(), error.operation.clone());
        if matches!(error.class, Class::AccessDenied { .. }) {
            let regions = self.denied.entry((service.clone(), operation.clone())).or_default();
            *regions.entry(region.to_owned()).or_default() += 1;
        }
        let affected = self.causes.entry(Cause::of(error)).or_default();
        affected.hints.extend(error.to_fault().hint);
        if tells_more(error.class) && !error.given_up {
            affected.example.get_or_insert_with(|| error.words());
        }
        if matches!(error.class, Class::AccessDenied { .. } | Class::Service) && !error.message.is_empty() {
            affected.said.get_or_insert_with(|| error.message.clone());
        }
        affected.calls = affected.calls.saturating_add(1);
        affected.not_made = affected.not_made.saturating_add(u32::from(error.given_up));
        let regions = affected.services.entry(service).or_default().entry(operation).or_default();
        regions.insert(region.to_owned());
    }

    /// Every operation that was refused for lack of permission.
    pub(crate) fn denied(&self) -> Vec<Denied> {
        let entries = self.denied.iter().map(|((service, operation), regions)| Denied {
            service: service.clone(),
            operation: operation.clone(),
            regions: regions.keys().cloned().collect(),
            calls: regions.values().fold(0, |sum, calls| sum.saturating_add(*calls)),
        });
        entries.collect()
    }

    /// What went wrong, one fault for each cause.
    pub(crate) fn into_faults(self) -> Vec<Fault> {
        self.causes.into_iter().map(|(cause, affected)| cause.fault(&affected)).collect()
    }
}

impl Cause {
    fn of(error: &CallError) -> Self {
        let fault = error.to_fault();
        let code = error.code.clone();
        // Denials are told as information, as in the Python worker: a role that may not see a service is mostly
        // meant to be that way. An operation that EC2 does not authorize is an error there, too.
        // The same holds for services that a region lacks.
        let denied = matches!(error.class, Class::AccessDenied { .. } | Class::NoEndpoint);
        let unauthorized = code.as_deref() == Some("UnauthorizedOperation");
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
            Class::AccessDenied { .. } => ("UnauthorizedOperation".to_owned(), "access denied".to_owned()),
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
        let level = if denied && !unauthorized { Level::Info } else { Level::Error };
        let disabled = error.class == Class::RegionDisabled;
        Self { code, message, kind: fault.kind, level, disabled }
    }

    fn fault(self, affected: &Affected) -> Fault {
        let regions = affected.regions();
        let hint = affected.hint(&self, &regions);
        let Self { code, message, kind, level, disabled: _ } = self;
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
        let message = format!(
            "[{code}] {message}{place}. Affected services and actions: {}{more}",
            services.join(", ")
        );
        let message = match affected.not_made {
            0 => message,
            1 => format!("{message}. 1 call was not made, as several before it had failed so"),
            many => format!("{message}. {many} calls were not made, as several before them had failed so"),
        };
        let message = match &affected.said {
            Some(said) => format!("{message}. AWS says: {said}"),
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
    fn regions(&self) -> Vec<&str> {
        let regions: BTreeSet<&str> =
            self.services.values().flat_map(BTreeMap::values).flatten().map(String::as_str).collect();
        regions.into_iter().collect()
    }

    fn hint(&self, cause: &Cause, regions: &[&str]) -> Option<String> {
        match (self.hints.len(), cause.kind) {
            (2.., _) if cause.disabled => {
                let them = if regions.len() > 1 { "them" } else { "it" };
                Some(format!(
                    "enable {} for the account, or leave {them} out with aws.region",
                    listed(regions)
                ))
            }
            (2.., FaultKind::AccessDenied) => {
                Some("allow these actions to the user or role that collects".to_owned())
            }
            (_, _) => self.hints.first().cloned(),
        }
    }
}

/// Whether the words of a single call help to see what is wrong.
fn tells_more(class: Class) -> bool {
    match class {
        Class::AccessDenied { .. } | Class::NoEndpoint | Class::Throttled | Class::Service => false,
        Class::Credentials(_)
        | Class::Expected
        | Class::RegionDisabled
        | Class::Unavailable
        | Class::Network
        | Class::Garbage
        | Class::RepeatedToken
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
        Class::Service => "Service",
        Class::Unavailable => "Unavailable",
        Class::Network => "Network",
        Class::Garbage => "Garbage",
        Class::RepeatedToken => "RepeatedToken",
        Class::EndlessPages => "EndlessPages",
        Class::Config => "Config",
        Class::Deadline => "Deadline",
        Class::Input => "Input",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;
    use crate::testing::{Reply, client_of, keys};

    /// The error of a call that is answered so.
    async fn error(service: &'static str, operation: &'static str, reply: Reply) -> CallError {
        let client = client_of(move |_| Some(reply.clone())).await;
        let session = client.session(keys()).await.unwrap();
        let api = Api::new(client, session, "1");
        api.call("eu-west-1", service, operation, serde_json::Map::new()).await.unwrap_err()
    }

    #[tokio::test]
    async fn calls_of_one_cause_are_one_sentence() {
        let mut log = ErrorLog::default();
        let denied = error("kms", "ListKeys", Reply::json_error("AccessDeniedException")).await;
        for region in ["eu-west-1", "eu-west-1", "us-east-1"] {
            log.add(region, &denied);
        }
        for operation in ["ListWorkGroups", "ListDataCatalogs"] {
            log.add("eu-west-1", &error("athena", operation, Reply::json_error("AccessDenied")).await);
        }
        let call = |service: &str, operation: &str, regions: &[&str], calls| Denied {
            service: service.to_owned(),
            operation: operation.to_owned(),
            regions: regions.iter().map(ToString::to_string).collect(),
            calls,
        };
        assert_eq!(
            log.denied(),
            [
                call("athena", "ListDataCatalogs", &["eu-west-1"], 1),
                call("athena", "ListWorkGroups", &["eu-west-1"], 1),
                call("kms", "ListKeys", &["eu-west-1", "us-east-1"], 3),
            ]
        );
        let told = log.into_faults();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].count, told[0].level, told[0].kind), (5, Level::Info, FaultKind::AccessDenied));
        assert_eq!(
            told[0].message,
            "[AccessDenied] access denied in eu-west-1 and us-east-1. Affected services and actions: athena: \
             ListDataCatalogs, ListWorkGroups, kms: ListKeys. AWS says: no"
        );
        assert_eq!((&told[0].scope.service, &told[0].scope.region), (&None, &None), "two of each");
        assert_eq!(told[0].hint.as_deref(), Some("allow these actions to the user or role that collects"));
    }

    #[tokio::test]
    async fn a_service_that_is_given_up_is_one_fault_with_the_calls_that_were_not_made() {
        let client =
            client_of(|_| Some(Reply::json_status(500, &serde_json::json!({"__type": "InternalFailure"}))))
                .await;
        let session = client.session(keys()).await.unwrap();
        let api = Api::new(client, session, "1");
        let mut log = ErrorLog::default();
        for operation in ["ListKeys", "ListAliases", "ListKeys", "ListKeys", "ListAliases"] {
            log.add(
                "eu-west-1",
                &api.call("eu-west-1", "kms", operation, serde_json::Map::new()).await.unwrap_err(),
            );
        }
        let told = log.into_faults();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].count, told[0].level, told[0].kind), (5, Level::Error, FaultKind::Unavailable));
        assert_eq!(told[0].retry, ipc_proto::fault::Retry::Later);
        let message = &told[0].message;
        assert!(
            message.ends_with("2 calls were not made, as several before them had failed so"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn a_cause_in_one_place_has_it_in_its_scope() {
        let mut log = ErrorLog::default();
        let failed = error("kms", "ListKeys", Reply::json_error("Odd")).await;
        log.add("eu-west-1", &failed);
        log.add("eu-west-1", &failed);
        assert!(log.denied().is_empty());
        let told = log.into_faults();
        let scope = &told[0].scope;
        assert_eq!(
            (told.len(), scope.region.as_deref(), scope.service.as_deref(), scope.action.as_deref()),
            (1, Some("eu-west-1"), Some("kms"), Some("ListKeys"))
        );
    }

    #[tokio::test]
    async fn long_lists_are_cut_in_sentences_only() {
        let mut log = ErrorLog::default();
        let denied = error("kms", "ListKeys", Reply::json_error("AccessDenied")).await;
        log.add("eu-west-1", &denied);
        let (cause, mut affected) = log.causes.pop().unwrap();
        affected.services.clear();
        for service in 0..12 {
            let regions = || BTreeSet::from(["eu-west-1".to_owned()]);
            let actions = (0..5).map(|action| (format!("A{action}"), regions())).collect();
            affected.services.insert(format!("s{service:02}"), actions);
        }
        let message = cause.fault(&affected).message;
        assert!(message.contains("s00: A0, A1, A2 and more, s01:"), "{message}");
        assert!(message.contains("s09: A0, A1, A2 and more and more"), "{message}");
    }

    #[tokio::test]
    async fn what_is_expected_is_not_told() {
        let mut log = ErrorLog::default();
        let error = error("kms", "ListKeys", Reply::json_error("NotFoundException")).await;
        log.add("eu-west-1", &error.clone().expecting(&["NotFoundException"]));
        assert!(log.causes.is_empty());
        log.add("eu-west-1", &error);
        assert_eq!(log.into_faults()[0].level, Level::Error);
    }

    #[tokio::test]
    async fn what_differs_from_call_to_call_makes_no_sentence_of_its_own() {
        let mut log = ErrorLog::default();
        let odd = |number: u32| Reply::xml(&format!("<p>{number}</p>"));
        let (first, second) =
            (error("kms", "ListKeys", odd(1)).await, error("athena", "ListWorkGroups", odd(2)).await);
        assert_ne!(first.message, second.message);
        log.add("eu-west-1", &first);
        log.add("eu-west-1", &second);
        let told = log.into_faults();
        assert_eq!((told.len(), told[0].count, told[0].kind), (1, 2, FaultKind::InvalidAnswer), "{told:?}");
        assert!(told[0].message.contains(&first.message), "{}", told[0].message);
        assert!(told[0].message.ends_with("athena: ListWorkGroups, kms: ListKeys"), "{}", told[0].message);
    }

    #[tokio::test]
    async fn regions_that_are_not_enabled_are_one_sentence_with_what_to_do() {
        let mut log = ErrorLog::default();
        for (service, operation) in [("kms", "ListKeys"), ("athena", "ListWorkGroups")] {
            log.add("ap-east-1", &error(service, operation, Reply::json_error("OptInRequired")).await);
        }
        let told = log.into_faults();
        assert_eq!(told.len(), 1, "{told:?}");
        let hint = told[0].hint.as_deref();
        assert_eq!(hint, Some("enable ap-east-1 for the account, or leave it out with aws.region"));
    }
}
