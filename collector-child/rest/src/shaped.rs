//! Operations with shapes: the table says where each parameter goes, and how pages follow each other.

use std::borrow::Cow;

use http::HeaderMap;
use serde_json::{Map, Value};
use shapes::{Answer, Headers, Operation, Protocol, Service, build, parse};
use tables::plan::{ErrorRules, NextPage, Paging, Path};

use crate::answer::{Read, Refused};
use crate::request::{Body, Prepared};

/// An operation of a packed table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shaped {
    pub(crate) service: &'static Service,
    pub(crate) operation: &'static Operation,
}

/// What a page adds to the parameters of a listing.
const ADDED: &str = "query";

impl Shaped {
    /// A request of the operation. `constants` are parameters that go with every call. The error is for people.
    pub(crate) fn prepare(
        self,
        base: &str,
        params: &Map<String, Value>,
        constants: &Map<String, Value>,
    ) -> Result<Prepared, String> {
        let mut params = params.clone();
        if let Some(Value::Object(added)) = params.remove(ADDED) {
            params.extend(added);
        }
        let request = build(self.service, self.operation, &params, "");
        let mut request = request.map_err(|fault| format!("{}: {}", fault.path, fault.problem))?;
        if request.path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("the path leads out of itself".to_owned());
        }
        for (name, value) in constants {
            if let (Some(text), false) =
                (value.as_str(), request.query.iter().any(|(known, _)| known == name))
            {
                request.query.push((name.clone(), text.to_owned()));
            }
        }
        let address = format!("{}{}", base.trim_end_matches('/'), request.target());
        let text = String::from_utf8(request.body).map_err(|_| "the body is no text".to_owned())?;
        let body = (!text.is_empty()).then_some(Body { media: self.media(), text });
        let method = self.operation.method.to_owned();
        Ok(Prepared { method, address, body, headers: request.headers })
    }

    fn media(self) -> &'static str {
        if self.speaks_xml() { "application/xml" } else { "application/json" }
    }

    fn speaks_xml(self) -> bool {
        matches!(self.service.protocol, Protocol::RestXml | Protocol::Query | Protocol::Ec2)
    }

    /// What an answer says that is read by its shape, because it is no JSON. `None`: it is JSON, which is read as it is.
    pub(crate) fn read(
        self,
        rules: &ErrorRules,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Read> {
        if !self.speaks_xml() {
            return None;
        }
        Some(match parse(self.service, self.operation, status, &HeadersOf(headers), body) {
            Ok(document) => Read::Good(document),
            Err(Answer::Error(error)) => Read::Refused(Refused::by(rules, error)),
            Err(Answer::Garbage(garbage)) => Read::Garbage {
                passes: garbage.status < 300 || garbage.status >= 500,
                told: garbage.to_string(),
            },
        })
    }

    /// How its pages follow each other: by tokens of the answer that become parameters.
    pub(crate) fn paging(self) -> Paging {
        let next = self.operation.pagination.as_ref().and_then(|pages| {
            let pairs = pages.input_tokens.iter().zip(&pages.output_tokens);
            let pairs: Option<Vec<(String, Path)>> =
                pairs.map(|(param, path)| Some(((*param).to_owned(), path.parse().ok()?))).collect();
            let more = pages.more_results.and_then(|path| path.parse().ok());
            pairs.filter(|pairs| !pairs.is_empty()).map(|tokens| NextPage::Tokens { tokens, more })
        });
        Paging { next: next.unwrap_or_default(), size: None }
    }
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
