//! One attempt of a call: send, read, and say what it means.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;
use http_client::tape::Caller;
use http_client::{
    AGENT, Answer, CallError, CallPlace, Cause, Class, Exchange, Failed, Key, Lane, Outcome,
    TransportTrouble, ordered_wait, tape,
};
use tables::plan::{Path, ServicePlan};

use crate::answer::{Read, Refused, has_list, read};
use crate::request::Prepared;
use crate::rest::Shared;
use crate::shaped::Shaped;
use crate::waits::ordered;

/// A call that is being tried.
pub(crate) struct Trial<'a> {
    shared: &'a Shared,
    service: &'a ServicePlan,
    place: CallPlace<'a>,
    prepared: &'a Prepared,
    /// What its answers look like, where a table of operations tells that.
    by_shape: Option<Shaped>,
    /// Where a list has to be.
    list: Option<&'a Path>,
    /// Other credentials were asked for once.
    renewed: bool,
    /// Headers of the answer: they may say how a listing goes on.
    pub(crate) headers: HeaderMap,
    /// Of the answer.
    pub(crate) status: u16,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        service: &'a ServicePlan,
        place: CallPlace<'a>,
        (prepared, by_shape): (&'a Prepared, Option<Shaped>),
        list: Option<&'a Path>,
    ) -> Self {
        let headers = HeaderMap::new();
        Self { shared, service, place, prepared, by_shape, list, renewed: false, headers, status: 0 }
    }

    async fn request(&self) -> Result<Request<Full<Bytes>>, CallError> {
        let Prepared { method, address, body, headers: own } = self.prepared;
        let wrong = |why: String| CallError::new(Class::Input, self.place, why);
        let bytes =
            body.as_ref().map_or_else(Bytes::new, |body| Bytes::copy_from_slice(body.text.as_bytes()));
        let request = Request::builder().method(method.as_str()).uri(address.as_str());
        let mut request = request.body(Full::new(bytes.clone())).map_err(|error| wrong(error.to_string()))?;
        if tape::is_running() {
            request.extensions_mut().insert(Caller(self.place.account.to_owned()));
        }
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.media));
        }
        for (name, value) in own.iter().chain(&self.service.headers) {
            let (name, value) = (HeaderName::try_from(name), HeaderValue::from_str(value));
            let (Ok(name), Ok(value)) = (name, value) else {
                return Err(wrong(format!("a header of {} is none", self.service.name)));
            };
            headers.insert(name, value);
        }
        if let Some(name) = &self.service.auth {
            let auth = self.shared.auth(name).ok_or_else(|| {
                CallError::new(Class::Input, self.place, format!("nobody knows the credentials `{name}`"))
            })?;
            auth.apply(&mut request, &bytes, self.place).await?;
        }
        Ok(request)
    }

    async fn read(&mut self, lane: &Lane, answer: Answer) -> Outcome {
        let mut read = match self.shared.hub.transport.body(&answer) {
            Ok(body) => {
                let rules = &self.service.errors;
                let told = self
                    .by_shape
                    .and_then(|shaped| shaped.read(rules, answer.status, &answer.headers, &body));
                told.unwrap_or_else(|| read(rules, answer.status, answer.header("content-type"), &body))
            }
            Err(why) => Read::Garbage { told: format!("the answer is compressed and {why}"), passes: true },
        };
        if let (Read::Good(document), Some(list)) = (&read, self.list)
            && !has_list(document, list)
            && !self.service.nothing.iter().any(|condition| condition.holds_in(document))
        {
            read = Read::Garbage { told: format!("it has no list at `{list}`"), passes: true };
        }
        let verdict = match &read {
            Read::Refused(refused) => Some(refused.verdict),
            _ => None,
        };
        let good = matches!(read, Read::Good(_));
        self.shared.hub.learn(lane, self.place, self.key(), answer.body.len(), good, verdict);
        match read {
            Read::Good(document) => {
                self.status = answer.status;
                self.headers = answer.headers;
                Outcome::Answer(document)
            }
            Read::Refused(refused) => self.refused(&answer, refused).await,
            Read::Garbage { told, passes } => {
                let error = CallError::new(Class::Garbage, self.place, told).change(|trouble| {
                    trouble.status = Some(answer.status);
                    let leads = (300..400).contains(&answer.status);
                    let location = answer.header("location").filter(|_| leads);
                    trouble.location = location.map(str::to_owned);
                });
                let cause = if passes { Cause::Transient } else { Cause::Final };
                Outcome::Failed(Failed {
                    error,
                    cause,
                    ordered: ordered_wait(|name| answer.header(name)),
                    timeout: false,
                })
            }
        }
    }

    async fn refused(&mut self, answer: &Answer, refused: Refused) -> Outcome {
        let Refused { code, message, request_id, verdict } = refused;
        if matches!(verdict.class, Class::Credentials(_))
            && !self.renewed
            && let Some(auth) = self.service.auth.as_deref().and_then(|name| self.shared.auth(name))
            && auth.refused().await
        {
            self.renewed = true;
            return Outcome::AnotherWay;
        }
        let header =
            ["x-request-id", "x-correlation-id", "request-id"].iter().find_map(|name| answer.header(name));
        let error = CallError::new(verdict.class, self.place, message).change(|trouble| {
            trouble.code = Some(code);
            trouble.status = Some(answer.status);
            trouble.request_id = request_id.or_else(|| header.map(str::to_owned));
        });
        let left = answer.header("x-ratelimit-remaining").or_else(|| answer.header("ratelimit-remaining"));
        let left = left.filter(|_| verdict.cause == Cause::Throttled);
        // A clock before 1970 makes the wait longer, and no wait is longer than the longest.
        let now = tape::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let ordered = ordered(|name| answer.header(name), verdict.cause, since);
        if let Some(told) = self.shared.allowance.learn(&self.service.name, left, ordered, now) {
            return Outcome::Failed(Failed::finally(closed(error, &told)));
        }
        Outcome::Failed(Failed { error, cause: verdict.cause, ordered, timeout: false })
    }

    fn unreached(&self, trouble: &TransportTrouble) -> Failed {
        let class = match trouble {
            TransportTrouble::Setup(_) => Class::Config,
            TransportTrouble::NotHttp(..) | TransportTrouble::TooLarge(..) => Class::Garbage,
            _ => Class::Network,
        };
        let error = CallError::new(class, self.place, trouble.to_string())
            .change(|told| told.code = Some(trouble.code().to_owned()));
        let cause = if trouble.passes() { Cause::Transient } else { Cause::Final };
        Failed { error, cause, ordered: None, timeout: trouble.timeout() }
    }
}

/// The error of a service that allows nothing more for a while.
fn closed(error: CallError, told: &str) -> CallError {
    let message =
        if error.message.is_empty() { told.to_owned() } else { format!("{}; {told}", error.message) };
    error
        .advising(format!("{told}; the account is tried again in the next run"))
        .change(|trouble| trouble.message = message)
}

impl Exchange for Trial<'_> {
    fn key(&self) -> Key<'_> {
        Key { operation: self.place.operation, bucket: None }
    }

    async fn attempt(&mut self, lane: &Lane) -> Outcome {
        if let Some(told) = self.shared.allowance.closed(&self.service.name, tape::now()) {
            let error = CallError::new(Class::Throttled, self.place, "the allowance is used up");
            return Outcome::Failed(Failed::finally(closed(error, &told)));
        }
        let request = match self.request().await {
            Ok(request) => request,
            Err(error) => return Outcome::Failed(Failed::finally(error)),
        };
        let permit = self.shared.hub.permit(lane).await;
        match self.shared.hub.send(permit, self.place.service, request).await {
            Ok(answer) => self.read(lane, answer).await,
            Err(trouble) => Outcome::Failed(self.unreached(&trouble)),
        }
    }
}
