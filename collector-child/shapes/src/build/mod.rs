//! Requests from parameters.

mod check;
mod json;
mod prepare;
mod query;
mod rest;
mod scalar;
mod xml;

use serde_json::{Map, Value};

use crate::{InputFault, Operation, Protocol, Request, Service};

/// Makes the request of an operation from parameters by the names of the shapes. Nulls are parameters left out.
///
/// Points in time are text in ISO 8601 or seconds since 1970; bytes are text, which is sent as UTF-8 or base64 as the
/// place demands.
///
/// `idempotency_token` is given to members that take one and were left out; any UUID that is new with each call and the
/// same with each attempt of a call.
pub fn build(
    service: &Service,
    operation: &Operation,
    params: &Map<String, Value>,
    idempotency_token: &str,
) -> Result<Request, InputFault> {
    let params = prepare::prepared(service, operation, params, idempotency_token);
    check::check(service, operation, &params)?;
    let mut request = Request {
        method: operation.method,
        path: "/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        host_prefix: operation.host_prefix.map(|prefix| host_prefix(prefix, &params)),
    };
    match service.protocol {
        Protocol::Query | Protocol::Ec2 => {
            let form = "application/x-www-form-urlencoded; charset=utf-8";
            request.headers.push(("Content-Type".to_owned(), form.to_owned()));
            request.body = query::body(service, operation, &params);
        }
        Protocol::Json => fill_json(service, operation, &params, &mut request),
        Protocol::RestJson | Protocol::RestXml => rest::fill(service, operation, &params, &mut request),
    }
    prepare::finish(service, operation, &mut request);
    Ok(request)
}

fn fill_json(service: &Service, operation: &Operation, params: &Map<String, Value>, request: &mut Request) {
    let target = format!("{}.{}", service.target_prefix.unwrap_or_default(), operation.name);
    let content = format!("application/x-amz-json-{}", service.json_version.unwrap_or("1.0"));
    request.headers.push(("X-Amz-Target".to_owned(), target));
    request.headers.push(("Content-Type".to_owned(), content));
    if service.query_compatible {
        request.headers.push(("x-amzn-query-mode".to_owned(), "true".to_owned()));
    }
    let body = match operation.input.and_then(|id| service.shape(id).as_structure()) {
        Some(structure) => json::structure(service, structure, params),
        None => Value::Object(Map::new()),
    };
    request.body = body.to_string().into_bytes();
}

/// Puts parameters into `{AccountId}.`; the check has seen that they fit into a host name.
fn host_prefix(template: &str, params: &Map<String, Value>) -> String {
    let mut prefix = template.to_owned();
    for (name, value) in params {
        if let Some(text) = value.as_str() {
            prefix = prefix.replace(&format!("{{{name}}}"), text);
        }
    }
    prefix
}
