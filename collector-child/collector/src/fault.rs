//! Why a job fails; making faults: the defaults that follow from the kind, and the parts that a collector adds.

use inventory::PropertyFault;
use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};
use thiserror::Error;

/// Why a collector ends without success.
#[derive(Debug, Error)]
pub enum Failure {
    /// The job was cancelled, or reached a limit: the sink accepts nothing more. The machinery knows why;
    /// a collector just returns.
    #[error("the job was stopped")]
    Stopped,
    /// A trouble that costs the whole account.
    #[error("{}", .0.message)]
    Fault(Box<Fault>),
}

impl From<Box<Fault>> for Failure {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

/// A fault with source and retry as usual for its kind.
///
/// `message` is one lower-case sentence for people, without secrets and without the account's name (the
/// supervisor adds it).
pub fn fault(kind: FaultKind, message: impl Into<String>) -> Fault {
    Fault {
        scope: FaultScope::default(),
        kind,
        source: usual_source(kind),
        retry: usual_retry(kind),
        level: Level::Error,
        message: message.into(),
        hint: None,
        count: 1,
    }
}

/// A fault of the configuration, with what to do about it.
pub fn config_fault(message: impl Into<String>, hint: impl Into<String>) -> Fault {
    fault(FaultKind::Config, message).with_hint(hint)
}

/// Adds to a fault.
pub trait FaultExt: Sized {
    /// What the user can do about it.
    #[must_use]
    fn with_hint(self, hint: impl Into<String>) -> Self;
    /// The region where it happened.
    #[must_use]
    fn scope_region(self, region: impl Into<String>) -> Self;
    /// The service of the cloud, or the file.
    #[must_use]
    fn scope_service(self, service: impl Into<String>) -> Self;
    /// The call, or the line.
    #[must_use]
    fn scope_action(self, action: impl Into<String>) -> Self;
    /// The kind of the resource.
    #[must_use]
    fn scope_kind(self, kind: impl Into<String>) -> Self;
    /// Worth knowing only: nothing is missing from the result.
    #[must_use]
    fn info(self) -> Self;
    /// Says whether a later attempt may succeed, where that differs from what is usual for the kind.
    #[must_use]
    fn with_retry(self, retry: Retry) -> Self;
    /// Says whose fault it is, where that differs from what is usual for the kind.
    #[must_use]
    fn with_source(self, source: FaultSource) -> Self;
}

impl FaultExt for Fault {
    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn scope_region(mut self, region: impl Into<String>) -> Self {
        self.scope.region = Some(region.into());
        self
    }

    fn scope_service(mut self, service: impl Into<String>) -> Self {
        self.scope.service = Some(service.into());
        self
    }

    fn scope_action(mut self, action: impl Into<String>) -> Self {
        self.scope.action = Some(action.into());
        self
    }

    fn scope_kind(mut self, kind: impl Into<String>) -> Self {
        self.scope.kind = Some(kind.into());
        self
    }

    fn info(mut self) -> Self {
        self.level = Level::Info;
        self
    }

    fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    fn with_source(mut self, source: FaultSource) -> Self {
        self.source = source;
        self
    }
}

/// The fault for a property that was left out of a node.
///
/// It names kind, property and types but not the resource, so that a mapping that is wrong for ten thousand
/// resources is one fault with a count; the resource is in the debug log.
pub fn property_fault(left_out: &PropertyFault) -> Fault {
    tracing::debug!("left out: {left_out}");
    let PropertyFault { kind, id: _, property, expected, found } = left_out;
    let property = without_indexes(property);
    let message = match expected {
        Some(expected) => {
            format!("the property {property} of {kind} was left out: it should be {expected} but is {found}")
        }
        None => format!(
            "the property {property} of {kind} was left out: the model does not know it (it is {found})"
        ),
    };
    fault(FaultKind::Property, message).scope_kind(*kind)
}

/// `a[3].b[0]` as `a[].b[]`.
fn without_indexes(property: &str) -> String {
    let mut inside = false;
    property
        .chars()
        .filter(|c| {
            inside = match c {
                '[' => return !std::mem::replace(&mut inside, true),
                ']' => false,
                _ => inside,
            };
            !inside
        })
        .collect()
}

fn usual_source(kind: FaultKind) -> FaultSource {
    match kind {
        FaultKind::Config
        | FaultKind::Credentials
        | FaultKind::AccessDenied
        | FaultKind::Input
        | FaultKind::Limit
        | FaultKind::WrongAccount => FaultSource::User,
        FaultKind::Throttled | FaultKind::Unavailable | FaultKind::InvalidAnswer => FaultSource::Cloud,
        FaultKind::Property | FaultKind::Resource | FaultKind::Internal => FaultSource::Collector,
    }
}

fn usual_retry(kind: FaultKind) -> Retry {
    match kind {
        FaultKind::Throttled | FaultKind::Unavailable => Retry::Later,
        FaultKind::Config
        | FaultKind::Credentials
        | FaultKind::AccessDenied
        | FaultKind::InvalidAnswer
        | FaultKind::Property
        | FaultKind::Resource
        | FaultKind::Input
        | FaultKind::Limit
        | FaultKind::Internal
        | FaultKind::WrongAccount => Retry::Never,
    }
}

/// `text` cut to at most `limit` bytes at a character boundary; a cut is shown by an ellipsis.
pub fn cut(text: &mut String, limit: usize) {
    const MARK: &str = "…";
    if text.len() > limit {
        let end = text.floor_char_boundary(limit.saturating_sub(MARK.len()));
        text.truncate(end);
        text.push_str(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_respects_characters_and_limit() {
        let mut text = "ääää".to_owned();
        cut(&mut text, 8);
        assert_eq!(text, "ääää");
        cut(&mut text, 7);
        assert_eq!(text, "ää…");
        assert!(text.len() <= 7);
    }

    #[test]
    fn the_same_wrong_property_of_many_resources_is_the_same_fault() {
        let left_out = |id: &str, index: u32| PropertyFault {
            kind: "example_volume",
            id: id.to_owned(),
            property: format!("attachments[{index}].state"),
            expected: Some("string".to_owned()),
            found: "an integer".to_owned(),
        };
        let fault = property_fault(&left_out("vol-1", 0));
        assert_eq!(fault, property_fault(&left_out("vol-2", 17)));
        assert_eq!(
            fault.message,
            "the property attachments[].state of example_volume was left out: it should be string but is an integer"
        );
        assert_eq!(fault.scope.kind.as_deref(), Some("example_volume"));
    }

    #[test]
    fn throttling_is_retried_and_blamed_on_the_cloud() {
        let throttled = fault(FaultKind::Throttled, "slow down").scope_region("eu");
        assert_eq!((throttled.retry, throttled.source), (Retry::Later, FaultSource::Cloud));
        assert_eq!(throttled.scope.region.as_deref(), Some("eu"));
    }
}
