//! One attempt: sign, send, read, and say what it means.

use std::borrow::Cow;
use std::time::Duration;

use aws_shapes::endpoints;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{DATE, USER_AGENT};
use http_body_util::Full;
use http_client::{
    AGENT, Answer, CallError, Cause, Class, CredentialsTrouble, Exchange, Failed, Hub, Key, Lane, Outcome,
    TransportTrouble, Verdict, clock_is, tape,
};
use s3::{Manner, sign};
use serde_json::Value;
use shapes::{Answer as Refusal, Auth, Garbage, GarbageKind, Headers, Request, ServiceError};

use http_client::tape::Caller;

use crate::asked::Asked;
use crate::classify::{Facts, classify, might_be_the_clock};
use crate::client::{Client, Shared};
use crate::credentials::Signer;
use crate::endpoint::{Endpoint, EndpointFault, Hints, Told, address_bucket, region_told, regions_in};

/// A bucket is followed so often from region to region: more than that are circles.
const MOST_MOVES: usize = 3;
/// Calls that tell the region of a bucket, wherever they are made.
const TELL_REGION: [&str; 2] = ["HeadBucket", "GetBucketLocation"];

/// What helps where a region refuses a session that is good elsewhere.
const OF_SESSION: &str = "a session token of the global endpoint of STS is not good in regions that an account has to \
    enable: get it from a regional endpoint (AWS_STS_REGIONAL_ENDPOINTS=regional), or let IAM make those of the global one \
    valid in all regions (version 2); or enable the region for the account, which takes some minutes";

/// A request, and what was learned from attempts with it.
pub(crate) struct Trial<'a> {
    client: &'a Client,
    shared: &'a Shared,
    hub: &'a Hub,
    asked: &'a Asked<'a>,
    request: Request,
    path: String,
    body: Bytes,
    bucket: Option<&'a str>,
    region: Cow<'a, str>,
    /// Regions in which the bucket is not.
    left: Vec<String>,
    corrected: bool,
    renewed: bool,
    /// The correction of the clock that the last request was signed with.
    offset: i64,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(
        client: &'a Client,
        asked: &'a Asked<'a>,
        mut request: Request,
        bucket: Option<&'a str>,
    ) -> Self {
        let shared = &*client.0;
        let known = bucket.and_then(|bucket| shared.buckets.region(bucket));
        let region = known.map_or(Cow::Borrowed(asked.target.region), Cow::Owned);
        let (path, body) = (request.path.clone(), std::mem::take(&mut request.body).into());
        let (corrected, renewed) = (false, false);
        let left = Vec::new();
        let hub = &shared.hub;
        let offset = 0;
        Self {
            client,
            shared,
            hub,
            asked,
            request,
            path,
            body,
            bucket,
            region,
            left,
            corrected,
            renewed,
            offset,
        }
    }

    async fn signer(&self) -> Result<Option<Signer>, CallError> {
        if self.asked.operation.auth == Auth::Anonymous {
            return Ok(None);
        }
        let now = self.hub.clock.now();
        let signer = self.asked.target.session.signer(now, self.hub.chance()).await;
        signer.map(Some).map_err(|error| error.at(self.asked.place()))
    }

    fn endpoint(&self) -> Result<Endpoint, CallError> {
        let environment = self.asked.target.session.environment();
        let endpoint = environment.endpoint(self.asked.service, &self.region).map_err(|fault| {
            let class = match fault {
                EndpointFault::Flavor(..) => Class::NoEndpoint,
                EndpointFault::Region(_) | EndpointFault::Address(_) => Class::Config,
            };
            CallError::new(class, self.asked.place(), fault.to_string())
        })?;
        Ok(endpoint.with_prefix(self.request.host_prefix.as_deref()))
    }

    fn prepare(
        &mut self,
        signer: Option<&Signer>,
    ) -> Result<(Endpoint, http::Request<Full<Bytes>>), CallError> {
        let mut endpoint = self.endpoint()?;
        self.request.path.clone_from(&self.path);
        if let Some(bucket) = self.bucket {
            address_bucket(&mut endpoint, &mut self.request.path, bucket);
        }
        let wrong = |why: String| CallError::new(Class::Input, self.asked.place(), why);
        let mut request = http::Request::builder()
            .method(self.request.method)
            .uri(endpoint.address(&self.request.target()))
            .header(USER_AGENT, AGENT);
        for (name, value) in &self.request.headers {
            request = request.header(name, value);
        }
        let mut request =
            request.body(Full::new(self.body.clone())).map_err(|error| wrong(error.to_string()))?;
        if tape::is_running() {
            // Where one address serves all, the signature alone says which service of which region is asked.
            let (whose, name) = (self.asked.target.session.label(), &endpoint.signing_name);
            request.extensions_mut().insert(Caller(format!("{whose} {} {name}", endpoint.signing_region)));
        }
        if let Some(signer) = signer {
            self.offset = self.hub.clock.offset();
            let manner = Manner {
                region: &endpoint.signing_region,
                name: &endpoint.signing_name,
                time: self.hub.clock.now(),
                s3: matches!(self.asked.service.name, "s3" | "s3control"),
                unsigned_body: self.asked.operation.auth == Auth::UnsignedBody,
            };
            sign(&mut request, &self.body, &signer.identity, manner).map_err(wrong)?;
        }
        Ok((endpoint, request))
    }

    async fn read(&mut self, lane: &Lane, answer: &Answer, signer: Option<&Signer>) -> Outcome {
        let Asked { service, operation, .. } = self.asked;
        // What a user has uploaded compressed stays so.
        let own = (service.name, operation.name) == ("s3", "GetObject") && answer.status < 300;
        let body = if own { Ok(answer.body.clone()) } else { self.hub.transport.body(answer) };
        let parsed = body.map_err(|why| packed(answer, why)).and_then(|body| {
            let headers = HeadersOf(&answer.headers);
            shapes::parse_noting(service, operation, answer.status, &headers, &body)
        });
        let parsed = parsed.map(|(value, odd)| {
            self.hub.note(self.asked.place(), odd);
            value
        });
        let verdict = match &parsed {
            Err(Refusal::Error(error)) => Some(self.classify(error)),
            Ok(_) | Err(Refusal::Garbage(_)) => None,
        };
        let (place, bytes) = (self.asked.place(), answer.body.len());
        self.hub.learn(lane, place, self.key(), bytes, parsed.is_ok(), verdict);
        match (parsed, verdict) {
            (Ok(value), _) => {
                if signer.is_some() {
                    self.asked.target.session.prove();
                }
                self.learn(&value);
                Outcome::Answer(value)
            }
            (Err(refusal), _) if self.moves(answer, &refusal).await => Outcome::AnotherWay,
            (Err(Refusal::Error(error)), Some(verdict)) => {
                self.refused(answer, &error, verdict, signer).await
            }
            (Err(Refusal::Error(error)), None) => {
                let verdict = self.classify(&error);
                self.refused(answer, &error, verdict, signer).await
            }
            (Err(Refusal::Garbage(garbage)), _) => Outcome::Failed(self.garbage(answer, &garbage)),
        }
    }

    fn classify(&self, error: &ServiceError) -> Verdict {
        classify(Facts {
            code: &error.code,
            message: &error.message,
            status: error.status,
            service: self.asked.service.name,
            partition: endpoints().partition_of(&self.region).map_or("", |partition| &partition.id),
            proven: self.asked.target.session.proven(),
        })
    }

    /// The bucket is in another region.
    async fn moves(&mut self, answer: &Answer, refusal: &Refusal) -> bool {
        let Some(bucket) = self.bucket else { return false };
        let error = match refusal {
            Refusal::Error(error) => Some(error),
            Refusal::Garbage(_) => None,
        };
        let region = match region_told(Hints {
            status: answer.status,
            header: answer.header("x-amz-bucket-region"),
            location: answer.header("location"),
            error,
        }) {
            Told::Nothing => return false,
            Told::Region(region) => region,
            Told::Elsewhere => match self.search(bucket).await {
                Some(region) => region,
                None => return false,
            },
        };
        if region == self.region {
            // Denied where it is.
            if answer.status == 403 {
                self.shared.buckets.learn(bucket, &region);
            }
            return false;
        }
        if self.left.contains(&region) || self.left.len() >= MOST_MOVES {
            self.shared.buckets.forget(bucket);
            return false;
        }
        self.shared.buckets.learn(bucket, &region);
        let left = std::mem::replace(&mut self.region, Cow::Owned(region));
        self.left.push(left.into_owned());
        true
    }

    /// The region of a bucket, where nothing but that it is elsewhere is known.
    async fn search(&self, bucket: &str) -> Option<String> {
        if TELL_REGION.contains(&self.asked.operation.name) {
            return None;
        }
        for operation in TELL_REGION {
            let params = serde_json::json!({"Bucket": bucket});
            let call = self.client.call_apart(&self.asked.target, "s3", operation, params);
            let told = match call.await {
                Ok(answer) => regions_in(operation, Some(bucket), &answer).pop().map(|(_, region)| region),
                Err(error) => {
                    tracing::debug!("looking for the bucket: {error}");
                    None
                }
            };
            // A refusal that told it was noted.
            let found =
                told.or_else(|| self.shared.buckets.region(bucket)).filter(|region| *region != self.region);
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Notes what an answer of S3 says about where buckets are. Other servers than those of AWS are one place.
    fn learn(&self, answer: &Value) {
        let environment = self.asked.target.session.environment();
        if self.asked.service.name != "s3" || environment.endpoint_url(self.asked.service.id).is_some() {
            return;
        }
        let told = regions_in(self.asked.operation.name, self.bucket, answer);
        // Elsewhere it would have been refused; but for the one call that is answered everywhere.
        let here =
            self.bucket.filter(|_| told.is_empty() && self.asked.operation.name != "GetBucketLocation");
        let here = here.filter(|bucket| self.shared.buckets.region(bucket).is_none());
        for (bucket, region) in
            told.into_iter().chain(here.map(|bucket| (bucket.to_owned(), self.region.to_string())))
        {
            self.shared.buckets.learn(&bucket, &region);
        }
    }

    async fn refused(
        &mut self,
        answer: &Answer,
        error: &ServiceError,
        verdict: Verdict,
        signer: Option<&Signer>,
    ) -> Outcome {
        let Verdict { class, cause } = verdict;
        if might_be_the_clock(&error.code) && !self.corrected {
            let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
            if let Some((offset, news)) = date.and_then(|date| self.hub.clock.learn(date, self.offset)) {
                if news {
                    tracing::warn!("{}; requests are signed with the time of AWS", clock_is(offset));
                }
                self.corrected = true;
                return Outcome::AnotherWay;
            }
        }
        if class == Class::Credentials(CredentialsTrouble::Expired)
            && !self.renewed
            && let Some(signer) = signer
            && self.asked.target.session.refused(&signer.key, self.hub.clock.now()).await
        {
            self.renewed = true;
            return Outcome::AnotherWay;
        }
        if matches!(class, Class::AccessDenied { .. }) && signer.is_some() {
            // Whoever is denied something was recognised.
            self.asked.target.session.prove();
        }
        let message = match (class, self.hub.clock.offset()) {
            (Class::Credentials(CredentialsTrouble::Clock), offset) if offset != 0 => {
                format!("{}: {}", clock_is(offset), told(&error.message))
            }
            _ => told(&error.message).to_owned(),
        };
        let told = CallError::new(class, self.asked.place(), message).change(|trouble| {
            trouble.code = Some(error.code.clone());
            trouble.status = Some(error.status);
            trouble.request_id.clone_from(&error.request_id);
        });
        let of_session = signer.is_some_and(Signer::is_of_session);
        let told = if class == Class::RegionRefuses && of_session { told.advising(OF_SESSION) } else { told };
        let ordered = ordered_wait(answer);
        Outcome::Failed(Failed { error: told, cause, ordered, timeout: false })
    }

    fn garbage(&self, answer: &Answer, garbage: &Garbage) -> Failed {
        let broken = matches!(garbage.kind, GarbageKind::Truncated | GarbageKind::Packed(_));
        let passes = garbage.status >= 500 || broken;
        let error = CallError::new(Class::Garbage, self.asked.place(), garbage.to_string())
            .change(|trouble| trouble.status = Some(garbage.status));
        let cause = if passes { Cause::Transient } else { Cause::Final };
        Failed { error, cause, ordered: ordered_wait(answer), timeout: false }
    }

    pub(crate) fn unreached(&self, trouble: &TransportTrouble, endpoint: &Endpoint) -> Failed {
        // A name that nobody knows is a trouble of the name servers, unless AWS itself says that there is no such host. A
        // proxy does not say why it gives no connection.
        let no_host = matches!(trouble, TransportTrouble::NoSuchHost(_) | TransportTrouble::Proxy(..));
        let absent = no_host && !endpoint.custom && self.absent();
        let class = match trouble {
            _ if absent => Class::NoEndpoint,
            TransportTrouble::Setup(_) => Class::Config,
            TransportTrouble::NotHttp(..) | TransportTrouble::TooLarge(..) => Class::Garbage,
            _ => Class::Network,
        };
        let error = CallError::new(class, self.asked.place(), trouble.to_string())
            .change(|told| told.code = Some(trouble.code().to_owned()));
        let error = match self.shared.environment.ca_bundle() {
            Some(bundle) => match trouble {
                TransportTrouble::Setup(_) => {
                    error.advising(format!("check the file that {} names, or unset it", bundle.named_by))
                }
                TransportTrouble::Tls(..) => error.advising(format!(
                    "the CA of the host, or of a proxy that opens TLS, has to be in the file that {} names",
                    bundle.named_by
                )),
                _ => error,
            },
            None => error,
        };
        let cause = if trouble.passes() && !absent { Cause::Transient } else { Cause::Final };
        Failed { error, cause, ordered: None, timeout: trouble.timeout() }
    }

    /// The published tables know the region and the service, and do not have it there.
    fn absent(&self) -> bool {
        endpoints()
            .partition_of(&self.region)
            .is_some_and(|partition| partition.lacks(self.asked.service.endpoint_prefix, &self.region))
    }
}

impl Exchange for Trial<'_> {
    fn key(&self) -> Key<'_> {
        Key { operation: self.asked.operation.name, bucket: self.bucket }
    }

    async fn attempt(&mut self, lane: &Lane) -> Outcome {
        let signer = match self.signer().await {
            Ok(signer) => signer,
            Err(error) => return Outcome::Failed(Failed::finally(error)),
        };
        let permit = self.hub.permit(lane).await;
        let (endpoint, request) = match self.prepare(signer.as_ref()) {
            Ok(prepared) => prepared,
            Err(error) => return Outcome::Failed(Failed::finally(error)),
        };
        match self.hub.send(permit, self.asked.service.name, request).await {
            Ok(answer) => self.read(lane, &answer, signer.as_ref()).await,
            Err(trouble) => Outcome::Failed(self.unreached(&trouble, &endpoint)),
        }
    }
}

/// A body that cannot be unpacked: nothing of it can be shown.
fn packed(answer: &Answer, why: String) -> Refusal {
    let kind = GarbageKind::Packed(why);
    let excerpt = format!("{} bytes", answer.body.len());
    Refusal::Garbage(Garbage { status: answer.status, kind, excerpt })
}

/// The wait that an answer orders: `x-amz-retry-after` in milliseconds, else as usual.
fn ordered_wait(answer: &Answer) -> Option<Duration> {
    let own = answer.header("x-amz-retry-after").and_then(|number| number.trim().parse().ok());
    own.map(Duration::from_millis).or_else(|| http_client::ordered_wait(|name| answer.header(name)))
}

/// What AWS says, without what may hold a session token: it explains a wrong signature by quoting all headers that it
/// expected.
fn told(message: &str) -> &str {
    message.split("The Canonical String").next().unwrap_or_default()
}

/// Headers as the shapes read them.
struct HeadersOf<'a>(&'a HeaderMap);

impl Headers for HeadersOf<'_> {
    fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.0.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    fn each_header(&self, visit: &mut dyn FnMut(&str, &str)) {
        for (name, value) in self.0 {
            visit(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(headers: &[(&'static str, &str)]) -> Answer {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, value.parse().unwrap());
        }
        Answer { status: 503, headers: all, body: Bytes::new() }
    }

    #[test]
    fn ordered_waits_come_in_two_units() {
        let (own, usual) = (("x-amz-retry-after", "1500"), ("retry-after", "7"));
        assert_eq!(ordered_wait(&answer(&[own, usual])), Some(Duration::from_millis(1500)));
        assert_eq!(ordered_wait(&answer(&[usual])), Some(Duration::from_secs(7)));
        assert_eq!(ordered_wait(&answer(&[])), None);
    }

    #[test]
    fn signatures_that_aws_explains_do_not_show_the_token() {
        let explained = "The request signature we calculated does not match.\n\nThe Canonical String for this \
                         request should have been\n'POST\n/\n\nx-amz-security-token:FwoGZXIvYXdz\n'";
        assert_eq!(told(explained).trim(), "The request signature we calculated does not match.");
    }
}
