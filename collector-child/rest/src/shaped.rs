//! Operations with shapes: the table says where each parameter goes, and how pages follow each other.

use serde_json::{Map, Value};
use shapes::{Operation, Service, build};
use tables::plan::{NextPage, Paging, ParamPlace};

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
        let body = (!text.is_empty()).then_some(Body { media: "application/json", text });
        Ok(Prepared { method: self.operation.method.to_owned(), address, body })
    }

    /// How its pages follow each other: by a token of the answer that becomes a parameter.
    pub(crate) fn paging(self) -> Paging {
        let next = self.operation.pagination.as_ref().and_then(|pages| {
            let (param, path) = (pages.input_tokens.first()?, pages.output_tokens.first()?);
            let path = path.parse().ok()?;
            Some(NextPage::Token { param: (*param).to_owned(), path, into: ParamPlace::Query })
        });
        Paging { next: next.unwrap_or_default(), size: None }
    }
}
