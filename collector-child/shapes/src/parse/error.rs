//! Errors of the services: codes as users know them.

use roxmltree::Node;
use serde_json::{Map, Value};

use super::{Source, document, json, xml};
use crate::Protocol;
use crate::answer::{Answer, ServiceError};

/// What an answer with an error status says.
pub(super) fn read(source: &Source<'_>) -> Answer {
    if source.is_blank() {
        return Answer::Error(from_status(source));
    }
    match source.service.protocol {
        Protocol::Json | Protocol::RestJson => from_json(source),
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => from_xml(source),
    }
}

/// All there is is the status: answers to HEAD have no body.
fn from_status(source: &Source<'_>) -> ServiceError {
    let code = source.headers.header("x-amzn-errortype").map(|kind| bare_code(&kind));
    ServiceError {
        code: code.unwrap_or_else(|| source.status.to_string()),
        message: reason(source.status).to_owned(),
        status: source.status,
        request_id: source.request_id(),
        details: Vec::new(),
    }
}

fn from_json(source: &Source<'_>) -> Answer {
    let body = match json::any(source.body) {
        Ok(Value::Object(body)) => body,
        Ok(_) => return source.foreign("an error without an object"),
        // The service has said in a header what it means; the body is of no interest then.
        Err(_) if source.headers.header("x-amzn-errortype").is_some() => {
            return Answer::Error(from_status(source));
        }
        Err(error) => return Answer::Garbage(document::not_json(source.status, source.body, &error)),
    };
    Answer::Error(from_object(source, &body))
}

pub(super) fn from_object(source: &Source<'_>, body: &Map<String, Value>) -> ServiceError {
    let message = ["message", "Message"].into_iter().find_map(|name| body.get(name)?.as_str());
    let known = ["message", "Message", "__type", "code", "Code"];
    let details = body.iter().filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null());
    ServiceError {
        code: json_code(source, body),
        message: message.unwrap_or_default().to_owned(),
        status: source.status,
        request_id: source.request_id(),
        details: details.map(|(name, value)| (name.clone(), plain(value))).collect(),
    }
}

fn json_code(source: &Source<'_>, body: &Map<String, Value>) -> String {
    let named = |name: &str| body.get(name).filter(|value| !value.is_null()).map(plain);
    let code = match source.service.protocol {
        Protocol::RestJson => {
            let header = source.headers.header("x-amzn-errortype").map(std::borrow::Cow::into_owned);
            header.or_else(|| named("code")).or_else(|| named("Code")).or_else(|| named("__type"))
        }
        _ => named("__type"),
    };
    // A service that once spoke query says its old code in a header.
    let query = source.headers.header("x-amzn-query-error");
    let old = query
        .as_deref()
        .and_then(|both| both.split_once(';'))
        .map(|(code, _)| code)
        .filter(|code| !code.is_empty());
    match (old, code) {
        (Some(old), _) => old.to_owned(),
        (None, Some(code)) => bare_code(&code),
        (None, None) => source.status.to_string(),
    }
}

/// `name.space#Foo:http://...` is `Foo`.
fn bare_code(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().to_owned()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn from_xml(source: &Source<'_>) -> Answer {
    let read = document::read(source.status, source.body, |document| {
        let root = document.root_element();
        let found = element(root).map(|error| from_element(source, root, error));
        found.map_or_else(|| source.foreign("an error without the element Error"), Answer::Error)
    });
    read.unwrap_or_else(Answer::Garbage)
}

/// The element with the error: the root (S3), a child (query), or a child's child (ec2).
pub(super) fn element<'a, 'input>(root: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    match root.tag_name().name() {
        // Route 53's answer to a change that it refuses has a form of its own, without a code.
        "Error" | "InvalidChangeBatch" => Some(root),
        _ => xml::child(root, "Error").or_else(|| xml::child(xml::child(root, "Errors")?, "Error")),
    }
}

pub(super) fn from_element(source: &Source<'_>, root: Node<'_, '_>, error: Node<'_, '_>) -> ServiceError {
    let text = |name| xml::child_text(error, name);
    let id = ["RequestId", "RequestID"];
    let request_id = id.into_iter().find_map(|name| xml::child_text(root, name)).map(str::to_owned);
    let messages = || {
        let messages = xml::child(error, "Messages")?.children().filter(Node::is_element).map(xml::own_text);
        Some(messages.collect::<Vec<_>>().join("; "))
    };
    let known = ["Code", "Message", "RequestId", "RequestID", "HostId"];
    let details =
        error.children().filter(|child| child.is_element() && !known.contains(&child.tag_name().name()));
    let code = match (text("Code"), error.tag_name().name()) {
        (Some(code), _) if !code.is_empty() => code.to_owned(),
        (_, "Error") => source.status.to_string(),
        (_, name) => name.to_owned(),
    };
    ServiceError {
        code,
        message: text("Message").map(str::to_owned).or_else(messages).unwrap_or_default(),
        status: source.status,
        request_id: request_id.or_else(|| source.request_id()),
        details: details
            .map(|child| (child.tag_name().name().to_owned(), xml::own_text(child).to_owned()))
            .collect(),
    }
}

/// What changes something in this protocol answers whether it did, beside of errors; the shapes of many operations do not
/// even have it.
pub(super) fn not_done(source: &Source<'_>, root: Node<'_, '_>) -> Option<ServiceError> {
    let told = xml::child_text(root, "return")?;
    told.trim().eq_ignore_ascii_case("false").then(|| ServiceError {
        code: "return: false".to_owned(),
        message: "it answers that this was not done, and does not say why".to_owned(),
        status: source.status,
        request_id: ["requestId", "RequestId"]
            .into_iter()
            .find_map(|name| xml::child_text(root, name))
            .map(str::to_owned),
        details: Vec::new(),
    })
}

impl Source<'_> {
    fn request_id(&self) -> Option<String> {
        let names = ["x-amzn-requestid", "x-amz-request-id"];
        names.into_iter().find_map(|name| self.headers.header(name)).map(std::borrow::Cow::into_owned)
    }
}

/// The words for a status, for answers that have none of their own.
fn reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        416 => "Requested Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
