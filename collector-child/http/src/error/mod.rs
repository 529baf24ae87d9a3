//! Why a call failed: the class decides what happens, the rest is for people.

mod fault;

use std::fmt;
use std::ops::Deref;

use crate::retry::Cause;

/// Messages of services are cut to this many characters.
const LONGEST_MESSAGE: usize = 500;

/// What kind of trouble a call had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The caller lacks a permission. `by_organization` when a policy from above the account denies it, which nobody in
    /// the account can change.
    AccessDenied {
        /// Denied by a policy of the organization.
        by_organization: bool,
    },
    /// An error code that the caller said it expects; see [`CallError::expecting`].
    Expected,
    /// The credentials are the trouble.
    Credentials(CredentialsTrouble),
    /// The service asked to slow down, until attempts or time were used up.
    Throttled,
    /// The service does not exist in the region.
    NoEndpoint,
    /// The account has not enabled the region, or has not signed up for the service.
    RegionDisabled,
    /// The region does not accept the credentials, which others accept: it says nothing about what is there.
    RegionRefuses,
    /// The service answered with another error.
    Service,
    /// The service had errors of its own (5xx) in every attempt.
    Unavailable,
    /// The service could not be reached, or the connection broke, in every attempt.
    Network,
    /// The answer is not what the service would say: a page of a proxy, or cut off.
    Garbage,
    /// A listing gave a token that it had given before.
    RepeatedToken,
    /// A listing says that there is more, and not how to ask for it.
    NoToken,
    /// A listing did not end within the limit of pages.
    EndlessPages,
    /// A setting is wrong: a region that is none, an endpoint that is no address, a CA bundle that is not there.
    Config,
    /// There was no time left to begin.
    Deadline,
    /// The call itself is wrong: unknown operation or service, or a parameter that does not fit.
    Input,
}

/// What is wrong with credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialsTrouble {
    /// None were found.
    Missing,
    /// Found, but the source of them failed: a profile that is wrong, a process that failed.
    Broken,
    /// They were valid once.
    Expired,
    /// The cloud does not know the key, or the secret does not belong to it.
    Invalid,
    /// The clock of this machine is off, so signatures are not accepted.
    Clock,
    /// The role cannot be assumed with them.
    Role,
    /// They were handed over by another process, which has no new ones.
    NotRenewed,
    /// They are good, and those of another account than they are used for.
    OtherAccount,
}

/// A call that failed, or a page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError(Box<Trouble>);

/// What is known about a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble.
    pub class: Class,
    /// The account, as the caller names it.
    pub account: String,
    /// The region that was asked.
    pub region: String,
    /// The service.
    pub service: String,
    /// The operation, as the cloud names it.
    pub operation: String,
    /// The one thing that the call was about, where that is known: `bucket logs`.
    pub subject: Option<String>,
    /// The error code of the service, if it gave one.
    pub code: Option<String>,
    /// What went wrong, for people: the service's own words where it gave some. Without secrets.
    pub message: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What the cloud's support asks for.
    pub request_id: Option<String>,
    /// Where the answer leads, if it was a redirect. Nobody has gone there.
    pub location: Option<String>,
    /// Attempts made; 0 if nothing was sent.
    pub attempts: u32,
    /// The call was not made: several before it had failed with this trouble, and the service was given up.
    pub given_up: bool,
    /// What to do about it, where more is known than what the class tells.
    pub advice: Option<String>,
    /// Who knows what to do about the class of it.
    pub advisor: Advisor,
}

/// Knows what to do about troubles with one cloud.
#[derive(Clone, Copy)]
pub struct Advisor(pub fn(&Trouble) -> Option<String>);

impl Default for Advisor {
    fn default() -> Self {
        Self(|_| None)
    }
}

/// Two troubles do not differ by who knows about them.
impl PartialEq for Advisor {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Advisor {}

impl fmt::Debug for Advisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Advisor")
    }
}

/// What follows from an error answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What kind of trouble it is.
    pub class: Class,
    /// What it means for the next attempt.
    pub cause: Cause,
}

impl CallError {
    /// A trouble of `class` that `message` describes; nothing was sent so far.
    pub fn new(class: Class, place: CallPlace<'_>, message: impl Into<String>) -> Self {
        Self(Box::new(Trouble {
            class,
            account: place.account.to_owned(),
            region: place.region.to_owned(),
            service: place.service.to_owned(),
            operation: place.operation.to_owned(),
            subject: None,
            code: None,
            message: shortened(&message.into()),
            status: None,
            request_id: None,
            location: None,
            attempts: 0,
            given_up: false,
            advice: None,
            advisor: place.advisor,
        }))
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn advising(self, advice: impl Into<String>) -> Self {
        self.change(|trouble| trouble.advice = Some(advice.into()))
    }

    /// The same, with what `change` does to it.
    #[must_use]
    pub fn change(mut self, change: impl FnOnce(&mut Trouble)) -> Self {
        change(&mut self.0);
        self
    }

    /// The same trouble seen from another call, which failed because of it: of a shared session, say.
    #[must_use]
    pub fn at(&self, place: CallPlace<'_>) -> Self {
        self.clone().change(|trouble| {
            place.account.clone_into(&mut trouble.account);
            place.region.clone_into(&mut trouble.region);
        })
    }

    /// The trouble of a call that is not made because others failed with this one.
    pub(crate) fn given_up_at(&self, place: CallPlace<'_>) -> Self {
        self.at(place).change(|trouble| {
            place.operation.clone_into(&mut trouble.operation);
            (trouble.attempts, trouble.given_up, trouble.request_id) = (0, true, None);
            (trouble.subject, trouble.location) = (None, None);
        })
    }

    /// Whether the service answered with one of these codes; statuses are codes, too (`404`).
    pub fn has_code<S: AsRef<str>>(&self, codes: &[S]) -> bool {
        let status = self.status.map(|status| status.to_string());
        codes.iter().any(|known| [&self.code, &status].into_iter().flatten().any(|own| own == known.as_ref()))
    }

    /// The same error; of class [`Class::Expected`] if its code is one of `codes`.
    #[must_use]
    pub fn expecting<S: AsRef<str>>(self, codes: &[S]) -> Self {
        // Where it has the code of something else, it is still no answer.
        if self.class != Class::Throttled && self.has_code(codes) {
            self.change(|trouble| trouble.class = Class::Expected)
        } else {
            self
        }
    }

    /// Whether the code says that what was asked about is not there. Services have hundreds of codes for it, and all are made
    /// of the same words.
    pub fn says_gone(&self) -> bool {
        self.class == Class::Service && self.code.as_deref().is_some_and(is_about_what_is_not_there)
    }

    /// All that is known.
    pub fn trouble(&self) -> &Trouble {
        &self.0
    }
}

/// Whether a code is one for things that are not there: `ResourceNotFoundException`, `NoSuchBucket`, `not_found`.
pub fn is_about_what_is_not_there(code: &str) -> bool {
    let code: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ["notfound", "nosuch", "notexist", "nonexist"].iter().any(|words| code.contains(words))
}

impl Deref for CallError {
    type Target = Trouble;

    fn deref(&self) -> &Trouble {
        &self.0
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.operation)?;
        if !self.region.is_empty() {
            write!(f, " in {}", self.region)?;
        }
        if !self.account.is_empty() {
            write!(f, " of account {}", self.account)?;
        }
        if let Some(subject) = &self.subject {
            write!(f, " for {subject}")?;
        }
        write!(f, ": {}", self.words())
    }
}

impl Trouble {
    /// What kind of trouble it is, without saying where and what exactly.
    pub fn class_words(&self) -> &'static str {
        match self.class {
            Class::AccessDenied { by_organization: false } => "access denied",
            Class::AccessDenied { by_organization: true } => "access denied by a policy of the organization",
            Class::Expected | Class::Service => "the service refused",
            Class::Credentials(trouble) => trouble.words(),
            Class::Throttled => "throttled until attempts or time were used up",
            Class::NoEndpoint => "the service does not exist in this region",
            Class::RegionDisabled => "the account does not use this region or service",
            Class::RegionRefuses => {
                "the region does not accept the credentials, which are accepted elsewhere"
            }
            Class::Unavailable => "the service had errors of its own",
            Class::Network => "the service could not be reached",
            Class::Garbage => "the answer makes no sense",
            Class::RepeatedToken => "the listing goes round in circles",
            Class::NoToken => "the listing breaks off",
            Class::EndlessPages => "the listing does not end",
            Class::Config => "a setting is wrong",
            Class::Deadline => "the time is over",
            Class::Input => "the call is wrong",
        }
    }

    /// What went wrong, without saying where.
    pub fn words(&self) -> String {
        let what = self.class_words();
        let told = if self.message.is_empty() { "" } else { ": " };
        let code = self.code.as_ref().map_or_else(String::new, |code| format!(" ({code})"));
        let attempts =
            if self.attempts > 1 { format!(", after {} attempts", self.attempts) } else { String::new() };
        let given_up = if self.given_up { "; not asked, as several calls had failed so" } else { "" };
        format!("{what}{told}{}{code}{attempts}{given_up}", self.message)
    }
}

impl CredentialsTrouble {
    fn words(self) -> &'static str {
        match self {
            Self::Missing => "no credentials",
            Self::Broken => "the source of the credentials failed",
            Self::Expired => "the credentials have expired",
            Self::Invalid => "the credentials are not valid",
            Self::Clock => "the clock of this machine is wrong",
            Self::Role => "the role cannot be assumed",
            Self::NotRenewed => "the credentials cannot be renewed",
            Self::OtherAccount => "the credentials are those of another account",
        }
    }
}

/// Where a call goes; part of every error.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallPlace<'a> {
    /// The account, as the caller names it; empty while it is not known.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The service.
    pub service: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// Who knows what to do about a trouble.
    pub advisor: Advisor,
}

/// One line of bounded length.
fn shortened(message: &str) -> String {
    let one_line: String = message.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match one_line.char_indices().nth(LONGEST_MESSAGE) {
        None => one_line,
        Some((end, _)) => format!("{}...", &one_line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: CallPlace<'static> = CallPlace {
        account: "123456789012",
        region: "eu-west-1",
        service: "ec2",
        operation: "DescribeInstances",
        advisor: Advisor(|_| None),
    };

    #[test]
    fn an_error_says_where_and_what() {
        let error = CallError::new(Class::Throttled, PLACE, "Rate exceeded").change(|trouble| {
            trouble.code = Some("Throttling".to_owned());
            trouble.attempts = 50;
        });
        assert_eq!(
            error.to_string(),
            "ec2:DescribeInstances in eu-west-1 of account 123456789012: throttled until attempts or time \
             were used up: Rate exceeded (Throttling), after 50 attempts"
        );
        let unknown = CallError::new(Class::Input, CallPlace { region: "", account: "", ..PLACE }, "");
        assert_eq!(unknown.to_string(), "ec2:DescribeInstances: the call is wrong");
    }

    #[test]
    fn messages_are_one_line_of_bounded_length() {
        let error = CallError::new(Class::Service, PLACE, format!("a\nb\u{1b}[31m{}", "ü".repeat(600)));
        assert_eq!(error.message.chars().count(), 503);
        assert!(error.message.starts_with("a b [31mü") && error.message.ends_with("ü..."));
    }

    #[test]
    fn codes_of_what_is_not_there_are_known_by_their_words() {
        for code in [
            "ResourceNotFoundException",
            "InvalidVolume.NotFound",
            "NoSuchEntity",
            "QueueDoesNotExist",
            "Service.NonExistentQueue",
            "WAFNonexistentItemException",
            "not_found",
        ] {
            assert!(is_about_what_is_not_there(code), "{code}");
        }
        for code in ["AccessDenied", "ValidationException", "InvalidParameter", "403"] {
            assert!(!is_about_what_is_not_there(code), "{code}");
        }
        let gone = CallError::new(Class::Service, PLACE, "")
            .change(|trouble| trouble.code = Some("NotFoundException".to_owned()));
        assert!(gone.says_gone() && !gone.change(|trouble| trouble.class = Class::Garbage).says_gone());
    }

    #[test]
    fn expected_codes_change_the_class_and_nothing_else() {
        let error = CallError::new(Class::Service, PLACE, "no policy")
            .change(|trouble| trouble.code = Some("NoSuchBucketPolicy".to_owned()));
        let other = error.clone().expecting(&["NoSuchTagSet"]);
        assert_eq!(other, error);
        let expected = error.expecting(&["NoSuchTagSet", "NoSuchBucketPolicy"]);
        assert_eq!((expected.class, expected.message.as_str()), (Class::Expected, "no policy"));
    }
}
