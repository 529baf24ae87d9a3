//! A trouble as the message that goes to the supervisor.

use ipc_proto::fault::{Fault, FaultKind, FaultScope, FaultSource, Level, Retry};

use super::{CallError, Class, CredentialsTrouble};

impl CallError {
    /// What to do about it, for people; `None` where nothing is known to help.
    pub fn hint(&self) -> Option<String> {
        self.advice.clone().or_else(|| (self.advisor.0)(self))
    }

    /// The trouble as a fault: scope, kind, whose fault it is, whether a later attempt may succeed, and a hint.
    ///
    /// The message names the account unless the caller does (`account` empty). What costs a few resources in
    /// normal operation (an expected code, a service that a region does not have) is of level info.
    pub fn to_fault(&self) -> Fault {
        let (kind, source, retry) = nature(self.class);
        let level = match self.class {
            Class::Expected | Class::NoEndpoint => Level::Info,
            _ => Level::Error,
        };
        Fault {
            scope: FaultScope {
                region: Some(self.region.clone()).filter(|region| !region.is_empty()),
                service: Some(self.service.clone()),
                action: Some(self.operation.clone()),
                kind: None,
            },
            kind,
            source,
            retry,
            level,
            message: self.to_string(),
            hint: self.hint(),
            count: 1,
        }
    }
}

fn nature(class: Class) -> (FaultKind, FaultSource, Retry) {
    use FaultSource::{Cloud, Collector, Host, User};
    use Retry::{Later, Never};
    match class {
        Class::AccessDenied { .. } | Class::RegionDisabled | Class::RegionRefuses => {
            (FaultKind::AccessDenied, User, Never)
        }
        Class::Credentials(CredentialsTrouble::Clock) => (FaultKind::Credentials, Host, Never),
        // The next attempt begins with new ones.
        Class::Credentials(CredentialsTrouble::NotRenewed) => (FaultKind::Unavailable, Host, Later),
        Class::Credentials(CredentialsTrouble::OtherAccount) => (FaultKind::WrongAccount, Host, Later),
        Class::Credentials(_) => (FaultKind::Credentials, User, Never),
        Class::Throttled => (FaultKind::Throttled, Cloud, Later),
        Class::Unavailable | Class::Network => (FaultKind::Unavailable, Cloud, Later),
        Class::NoEndpoint => (FaultKind::Unavailable, Cloud, Never),
        Class::Garbage => (FaultKind::InvalidAnswer, Cloud, Later),
        Class::EndlessPages => (FaultKind::Limit, Cloud, Never),
        Class::RepeatedToken | Class::NoToken | Class::Expected | Class::Service => {
            (FaultKind::InvalidAnswer, Cloud, Never)
        }
        Class::Config => (FaultKind::Config, User, Never),
        Class::Deadline => (FaultKind::Limit, Collector, Later),
        Class::Input => (FaultKind::Internal, Collector, Never),
    }
}

#[cfg(test)]
mod tests {
    use ipc_proto::exit_code::ExitCode;

    use super::super::{Advisor, CallPlace};
    use super::*;

    fn fault(class: Class) -> Fault {
        let place = CallPlace {
            account: "1",
            region: "eu-west-1",
            service: "ec2",
            operation: "DescribeInstances",
            advisor: Advisor(|trouble| Some(format!("allow {}", trouble.operation))),
        };
        CallError::new(class, place, "why").to_fault()
    }

    #[test]
    fn a_fault_says_where() {
        let fault = fault(Class::AccessDenied { by_organization: false });
        let scope = fault.scope;
        assert_eq!(
            (scope.region.as_deref(), scope.service.as_deref(), scope.action.as_deref()),
            (Some("eu-west-1"), Some("ec2"), Some("DescribeInstances"))
        );
        assert!(fault.message.contains("account 1"), "{}", fault.message);
        assert_eq!(fault.hint.as_deref(), Some("allow DescribeInstances"));
    }

    #[test]
    fn the_exit_code_of_a_lost_account_tells_what_kind_of_trouble_it_was() {
        let code = |class| {
            let fault = fault(class);
            fault.kind.exit_code(fault.retry)
        };
        for trouble in [CredentialsTrouble::Missing, CredentialsTrouble::Clock, CredentialsTrouble::Role] {
            assert_eq!(code(Class::Credentials(trouble)), ExitCode::Credentials);
        }
        for class in [Class::Throttled, Class::Network, Class::Unavailable, Class::Garbage] {
            assert_eq!(code(class), ExitCode::TryAgain, "{class:?}");
        }
        assert_eq!(code(Class::Input), ExitCode::Internal);
    }

    #[test]
    fn what_is_normal_is_no_error() {
        assert_eq!(fault(Class::NoEndpoint).level, Level::Info);
        assert_eq!(fault(Class::Expected).level, Level::Info);
        assert_eq!(fault(Class::Service).level, Level::Error);
    }
}
