//! From the code of an error answer to its class and to whether another attempt makes sense.

use http_client::{Cause, Class, CredentialsTrouble, Verdict};

use crate::credentials::STS_INACTIVE;

/// Codes that ask to slow down: those of the SDKs' standard retry mode.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of troubles that pass.
const TRANSIENT: &[&str] = &["InternalError", "InternalFailure", "RequestTimeout", "RequestTimeoutException"];

const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"];

const INVALID: &[&str] = &[
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Codes of [`INVALID`] that a region gives which the account has not enabled, or where a session is not good.
const MAYBE_REGION: &[&str] =
    &["AuthFailure", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"];

const NOT_ENABLED: &[&str] = &["OptInRequired", STS_INACTIVE, "SubscriptionRequiredException"];

const CLOCK: &[&str] = &["RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"];

const MAYBE_CLOCK: &[&str] = &["AuthFailure", "InvalidSignatureException", "SignatureDoesNotMatch"];

/// Services that are not (or not completely) there in China, where their endpoints throttle every call.
const THROTTLED_FOR_GOOD_IN_CHINA: &[&str] =
    &["cloudfront", "cloudtrail", "cognito-idp", "ec2", "iam", "kms", "lambda", "route53", "sagemaker"];

/// What the class depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The error code.
    pub(crate) code: &'a str,
    /// The error message.
    pub(crate) message: &'a str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// Boto3's name of the service.
    pub(crate) service: &'a str,
    /// The partition of the region: `aws`, `aws-cn`, ...
    pub(crate) partition: &'a str,
    /// The same credentials were accepted elsewhere, so they are valid.
    pub(crate) proven: bool,
}

/// Whether another look at the clock makes sense.
pub(crate) fn might_be_the_clock(code: &str) -> bool {
    CLOCK.contains(&code) || MAYBE_CLOCK.contains(&code)
}

/// The class of an error answer.
pub(crate) fn classify(facts: Facts<'_>) -> Verdict {
    let Facts { code, status, .. } = facts;
    if THROTTLING.contains(&code) || status == 429 {
        let for_good = facts.partition == "aws-cn" && THROTTLED_FOR_GOOD_IN_CHINA.contains(&facts.service);
        let cause = if for_good { Cause::ThrottledForGood } else { Cause::Throttled };
        return Verdict { class: Class::Throttled, cause };
    }
    let class = match last(facts) {
        // What the service says about the caller counts more than the status it says it with.
        Class::Service if TRANSIENT.contains(&code) || matches!(status, 500..) => {
            return Verdict { class: Class::Unavailable, cause: Cause::Transient };
        }
        class => class,
    };
    Verdict { class, cause: Cause::Final }
}

fn last(facts: Facts<'_>) -> Class {
    let Facts { code, message, .. } = facts;
    let credentials = Class::Credentials;
    if EXPIRED.contains(&code) {
        credentials(CredentialsTrouble::Expired)
    } else if CLOCK.contains(&code) || explains_the_clock(code, message) {
        credentials(CredentialsTrouble::Clock)
    } else if NOT_ENABLED.contains(&code) {
        Class::RegionDisabled
    } else if facts.proven && MAYBE_REGION.contains(&code) && blames_credentials(code, message) {
        Class::RegionRefuses
    } else if INVALID.contains(&code) || (code == "AuthFailure" && blames_credentials(code, message)) {
        credentials(CredentialsTrouble::Invalid)
    } else if denied(facts) {
        Class::AccessDenied { by_organization: message.contains("service control policy") }
    } else {
        Class::Service
    }
}

/// Services that sign with dates in the message tell a wrong clock from a wrong secret there only.
fn explains_the_clock(code: &str, message: &str) -> bool {
    MAYBE_CLOCK.contains(&code)
        && (message.starts_with("Signature expired") || message.starts_with("Signature not yet current"))
}

/// EC2's `AuthFailure` is said of credentials and of permissions.
fn blames_credentials(code: &str, message: &str) -> bool {
    code != "AuthFailure"
        || ["access credentials", "security token"].iter().any(|what| message.contains(what))
}

fn denied(facts: Facts<'_>) -> bool {
    let code = facts.code;
    matches!(
        code,
        "AuthFailure"
            | "AuthFailureException"
            | "AuthorizationError"
            | "AuthorizationErrorException"
            | "ForbiddenException"
            | "NotAuthorized"
            | "NotAuthorizedException"
            | "UnauthorizedException"
            | "UnauthorizedOperation"
    ) || code.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("accessdenied"))
        // S3 has no body for HEAD, so its code is the status.
        || code == "403"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(code: &'a str, message: &'a str, status: u16) -> Facts<'a> {
        Facts { code, message, status, service: "ec2", partition: "aws", proven: false }
    }

    fn class(code: &str, status: u16) -> Class {
        classify(facts(code, "", status)).class
    }

    #[test]
    fn throttling_is_known_by_code_or_status() {
        for (code, status) in [("Throttling", 400), ("RequestLimitExceeded", 503), ("Whatever", 429)] {
            let verdict = classify(facts(code, "", status));
            assert_eq!(verdict, Verdict { class: Class::Throttled, cause: Cause::Throttled }, "{code}");
        }
    }

    #[test]
    fn a_service_that_is_not_in_china_throttles_for_good() {
        let china = Facts { partition: "aws-cn", ..facts("ThrottlingException", "", 400) };
        assert_eq!(classify(china).cause, Cause::ThrottledForGood);
        assert_eq!(classify(Facts { service: "rds", ..china }).cause, Cause::Throttled);
    }

    #[test]
    fn server_errors_are_tried_again_and_others_are_not() {
        assert_eq!(classify(facts("Boom", "", 500)).cause, Cause::Transient);
        assert_eq!(classify(facts("InternalFailure", "", 400)).class, Class::Unavailable);
        assert_eq!(
            classify(facts("ValidationError", "", 400)),
            Verdict { class: Class::Service, cause: Cause::Final }
        );
        assert_eq!(class("AccessDeniedException", 500), Class::AccessDenied { by_organization: false });
    }

    #[test]
    fn denials_of_all_services_are_recognised() {
        for code in ["AccessDenied", "AccessDeniedException", "accessdenied", "UnauthorizedOperation", "403"]
        {
            assert_eq!(class(code, 403), Class::AccessDenied { by_organization: false }, "{code}");
        }
        let told = "not authorized ... with an explicit deny in a service control policy";
        let verdict = classify(facts("AccessDeniedException", told, 403));
        assert_eq!(verdict.class, Class::AccessDenied { by_organization: true });
    }

    #[test]
    fn unknown_keys_are_invalid_until_they_were_accepted_elsewhere() {
        let invalid = "The security token included in the request is invalid.";
        let auth = "AWS was not able to validate the provided access credentials";
        for (code, message) in [
            ("InvalidClientTokenId", invalid),
            ("UnrecognizedClientException", invalid),
            ("AuthFailure", auth),
            ("AuthFailure", "The security token included in the request is invalid."),
        ] {
            let unproven = facts(code, message, 403);
            assert_eq!(classify(unproven).class, Class::Credentials(CredentialsTrouble::Invalid), "{code}");
            assert_eq!(classify(Facts { proven: true, ..unproven }).class, Class::RegionRefuses, "{code}");
        }
        // A secret that is wrong is wrong everywhere.
        let wrong = Facts { proven: true, ..facts("SignatureDoesNotMatch", "", 403) };
        assert_eq!(classify(wrong).class, Class::Credentials(CredentialsTrouble::Invalid));
        let other = facts("AuthFailure", "Not authorized for images: [ami-1]", 403);
        assert_eq!(classify(other).class, Class::AccessDenied { by_organization: false });
    }

    #[test]
    fn a_region_that_needs_opt_in_says_so() {
        assert_eq!(class("OptInRequired", 401), Class::RegionDisabled);
    }

    #[test]
    fn time_is_blamed_where_the_service_blames_it() {
        let clock = Class::Credentials(CredentialsTrouble::Clock);
        assert_eq!(class("RequestTimeTooSkewed", 403), clock);
        let told = "Signature expired: 20261122T100000Z is now earlier than 20261122T110000Z";
        assert_eq!(classify(facts("InvalidSignatureException", told, 400)).class, clock);
        assert_eq!(classify(facts("SignatureDoesNotMatch", told, 403)).class, clock);
        assert_eq!(class("ExpiredToken", 400), Class::Credentials(CredentialsTrouble::Expired));
    }
}
