//! Credentials of the instance, from its metadata: by session token, or without one where that is allowed and the
//! token does not come. Variables, defaults and the order of things are botocore's.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use http_client::{Answer, CredentialsTrouble, Limits, Transport, TransportTrouble, span};

use super::chain::{Found, Trouble};
use super::served;
use crate::environment::Environment;

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
const TOKEN: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const REGION: &str = "/latest/meta-data/placement/region";
/// Six hours, the longest that a token may live.
const TOKEN_LIFE: &str = "21600";
const ANSWER_BYTES: usize = 1 << 16;
/// The metadata may hand out credentials that are over while they cannot get new ones; AWS takes them longer.
const EXTENDED: Duration = Duration::from_mins(15);
const LONGEST_TIMEOUT: f64 = 60.0;

const HOP_LIMIT: &str = "in a container the hop limit of the instance has to be 2 or more: aws ec2 \
    modify-instance-metadata-options --instance-id ... --http-put-response-hop-limit 2; slow metadata need a longer \
    AWS_METADATA_SERVICE_TIMEOUT (seconds)";

/// How the metadata are asked.
#[derive(Debug, Clone, PartialEq)]
struct Manner {
    base: String,
    timeout: Duration,
    attempts: u32,
    /// Only by token.
    token_only: bool,
}

impl Manner {
    fn of(environment: &Environment) -> Result<Self, String> {
        let timeout = number(environment, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")?;
        let attempts =
            number(environment, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts")?;
        let mode =
            environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
        let address = match mode.map(|mode| mode.to_ascii_lowercase()).as_deref() {
            None | Some("ipv4") => IPV4,
            Some("ipv6") => IPV6,
            Some(other) => {
                return Err(format!(
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is {other}; there are IPv4 and IPv6"
                ));
            }
        };
        let base = environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
        let base = base.map_or_else(|| address.to_owned(), |base| base.trim_end_matches('/').to_owned());
        let host = base.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some() && uri.host().is_some());
        if host.is_none() {
            return Err(format!("AWS_EC2_METADATA_SERVICE_ENDPOINT is \"{base}\", which is no http address"));
        }
        Ok(Self {
            base,
            timeout: Duration::from_secs_f64(timeout.unwrap_or(1.0).clamp(0.01, LONGEST_TIMEOUT)),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
            attempts: attempts.unwrap_or(1.0).clamp(1.0, 100.0) as u32,
            token_only: environment.switch("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled"),
        })
    }
}

fn number(environment: &Environment, variable: &str, setting: &str) -> Result<Option<f64>, String> {
    let Some(text) = environment.value(variable, setting) else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
        _ => Err(format!("{variable} is \"{text}\", which is no number above zero")),
    }
}

/// The metadata of this instance.
pub(super) struct Metadata {
    manner: Manner,
    transport: Transport,
}

/// With what a request shows that it comes from the machine itself.
enum Ticket {
    Token(String),
    /// None is wanted here.
    Without,
    /// It did not come in time; without one it may work.
    Late(String),
}

/// The credentials of the role of the instance.
pub(super) async fn look(
    environment: &Environment,
    transport: &Transport,
    now: SystemTime,
) -> Result<Found, Trouble> {
    if environment.variable("AWS_EC2_METADATA_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true")) {
        return Ok(Found::nothing("switched off by AWS_EC2_METADATA_DISABLED"));
    }
    Metadata::of(environment, transport)?.credentials(now).await
}

/// The region of the instance, if it tells one.
pub(super) async fn region(environment: &Environment, transport: &Transport) -> Option<String> {
    let metadata = Metadata::of(environment, transport).ok()?;
    let ticket = metadata.ticket().await.ok()?;
    let answer = metadata.get(REGION, &ticket).await.ok().filter(|answer| answer.status == 200)?;
    Some(String::from_utf8_lossy(&answer.body).trim().to_owned()).filter(|region| !region.is_empty())
}

impl Metadata {
    fn of(environment: &Environment, transport: &Transport) -> Result<Self, Trouble> {
        let manner = Manner::of(environment).map_err(Trouble::broken)?;
        let Manner { timeout, .. } = manner;
        let limits =
            Limits { connect: timeout, read: timeout, answer: timeout * 3, answer_bytes: ANSWER_BYTES };
        Ok(Self { manner, transport: transport.with_limits(limits) })
    }

    async fn credentials(&self, now: SystemTime) -> Result<Found, Trouble> {
        let ticket = match self.ticket().await {
            Ok(ticket) => ticket,
            // No metadata is the normal case everywhere but on the machines of AWS.
            Err(why) => return Ok(Found::Nothing(why, None)),
        };
        let role = match self.get(ROLES, &ticket).await {
            Ok(answer) if answer.status == 200 => {
                let role = String::from_utf8_lossy(&answer.body)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                if role.is_empty() {
                    return Ok(no_role());
                }
                role
            }
            Ok(answer) if answer.status == 404 => return Ok(no_role()),
            Ok(answer) => return Err(self.odd(answer.status, &ticket)),
            Err(trouble) => return Ok(silent(&trouble, &ticket)),
        };
        let answer = self.get(&format!("{ROLES}{role}"), &ticket).await;
        let answer = answer.map_err(|trouble| Trouble::broken(trouble.to_string()).advising(HOP_LIMIT))?;
        if answer.status != 200 {
            return Err(self.odd(answer.status, &ticket));
        }
        let found = served::credentials(&answer.body, "instance")
            .map_err(|why| Trouble::broken(format!("no credentials of the role {role}: {why}")))?;
        Ok(Found::Credentials(extended(found, now)))
    }

    /// A session token. The error says why there are no metadata at all.
    async fn ticket(&self) -> Result<Ticket, String> {
        let request =
            || self.request(Method::PUT, TOKEN, ("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE));
        match self.send(request, true).await {
            Ok(answer) if answer.status == 200 => {
                let token = String::from_utf8_lossy(&answer.body).trim().to_owned();
                let valid = http::HeaderValue::from_str(&token).is_ok() && !token.is_empty();
                if valid {
                    Ok(Ticket::Token(token))
                } else {
                    Err("the session token makes no sense".to_owned())
                }
            }
            // What has no tokens, or keeps them from us.
            Ok(answer) if matches!(answer.status, 403..=405) && !self.manner.token_only => {
                Ok(Ticket::Without)
            }
            Ok(answer) => Err(format!("{TOKEN} answers with status {}", answer.status)),
            Err(TransportTrouble::Silent(..) | TransportTrouble::Slow(..)) => {
                let late = format!("the session token did not come within {}", span(self.manner.timeout));
                if self.manner.token_only { Err(late) } else { Ok(Ticket::Late(late)) }
            }
            Err(trouble) => Err(trouble.to_string()),
        }
    }

    async fn get(&self, path: &str, ticket: &Ticket) -> Result<Answer, TransportTrouble> {
        let header = match ticket {
            Ticket::Token(token) => ("x-aws-ec2-metadata-token", token.as_str()),
            Ticket::Without | Ticket::Late(_) => ("accept", "*/*"),
        };
        self.send(|| self.request(Method::GET, path, header), false).await
    }

    fn request(&self, method: Method, path: &str, header: (&str, &str)) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.manner.base).parse().unwrap_or_default();
        if let (Ok(name), Ok(value)) =
            (http::HeaderName::try_from(header.0), http::HeaderValue::try_from(header.1))
        {
            request.headers_mut().insert(name, value);
        }
        request
    }

    /// All attempts. Silence is final where there is another way.
    async fn send(
        &self,
        request: impl Fn() -> Request<Full<Bytes>>,
        silence_is_final: bool,
    ) -> Result<Answer, TransportTrouble> {
        let mut attempt = 1;
        loop {
            let answer = self.transport.send(request()).await;
            let again = match &answer {
                Ok(answer) => answer.status >= 500,
                Err(TransportTrouble::Silent(..)) => !silence_is_final,
                Err(trouble) => trouble.passes(),
            };
            if !again || attempt >= self.manner.attempts {
                return answer;
            }
            attempt += 1;
        }
    }

    fn odd(&self, status: u16, ticket: &Ticket) -> Trouble {
        match ticket {
            Ticket::Late(late) if status == 401 => {
                Trouble::broken(format!("{late}, and without one the instance tells nothing"))
                    .advising(HOP_LIMIT)
            }
            _ => Trouble::broken(format!("{} answers with status {status}", self.manner.base)),
        }
    }
}

fn no_role() -> Found {
    Found::Nothing(
        "no role is attached to the instance".to_owned(),
        Some(
            "attach a role to the instance (an instance profile), or give credentials in another way"
                .to_owned(),
        ),
    )
}

fn silent(trouble: &TransportTrouble, ticket: &Ticket) -> Found {
    match ticket {
        Ticket::Late(late) => Found::Nothing(
            format!("{late}; this is so in a container with a hop limit of 1"),
            Some(HOP_LIMIT.to_owned()),
        ),
        Ticket::Token(_) | Ticket::Without => Found::Nothing(trouble.to_string(), None),
    }
}

fn extended(mut credentials: Credentials, now: SystemTime) -> Credentials {
    if credentials.expiry().is_some_and(|ends| ends <= now) {
        tracing::warn!(
            "the metadata of the instance have credentials that are over; they are used on, as AWS asks for"
        );
        *credentials.expiry_mut() = Some(now + EXTENDED);
    }
    credentials
}

/// What a trouble with the metadata is: the credentials are there, but not for us.
impl Trouble {
    fn broken(message: impl Into<String>) -> Self {
        Self::new(CredentialsTrouble::Broken, message)
            .advising("check the role of the instance, its metadata options, and the variables AWS_EC2_METADATA_... and AWS_METADATA_...")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn manner(variables: &[(&str, &str)], config: &str) -> Result<Manner, String> {
        Manner::of(&Environment::of_test(variables, config, None).await.unwrap())
    }

    #[tokio::test]
    async fn variables_and_settings_say_how_the_metadata_are_asked() {
        let usual = manner(&[], "").await.unwrap();
        let second = Duration::from_secs(1);
        let expected = Manner { base: IPV4.to_owned(), timeout: second, attempts: 1, token_only: false };
        assert_eq!(usual, expected);
        let set = [
            ("AWS_METADATA_SERVICE_TIMEOUT", "5"),
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "3"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"),
            ("AWS_EC2_METADATA_V1_DISABLED", "true"),
        ];
        let expected = Manner { base: IPV6.to_owned(), timeout: 5 * second, attempts: 3, token_only: true };
        assert_eq!(manner(&set, "").await.unwrap(), expected);
        let config =
            "[default]\nmetadata_service_timeout = 2\nec2_metadata_service_endpoint = http://127.0.0.1:1/\n";
        let of_profile = manner(&[], config).await.unwrap();
        assert_eq!((of_profile.base.as_str(), of_profile.timeout), ("http://127.0.0.1:1", 2 * second));
    }

    #[tokio::test]
    async fn values_that_make_no_sense_are_named() {
        for (variable, value) in [
            ("AWS_METADATA_SERVICE_TIMEOUT", "soon"),
            ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "0"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv5"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254"),
        ] {
            let told = manner(&[(variable, value)], "").await.unwrap_err();
            assert!(told.starts_with(variable) && told.contains(value), "{told}");
        }
    }
}
