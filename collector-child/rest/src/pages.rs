//! Listings, page by page.

use std::collections::BTreeSet;

use http_client::{BoxFuture, CallError, CallPlace, Class, Source};
use serde_json::{Map, Value};
use tables::plan::{Paging, Path};

use crate::paging::{After, Broken, Course, sized};
use crate::request::Prepared;
use crate::rest::{Asked, Rest};
use crate::shaped::Shaped;

impl Source for Pages<'_> {
    fn place(&self) -> CallPlace<'_> {
        self.rest.place(self.asked)
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Result<Value, CallError>>> {
        Box::pin(Pages::next(self))
    }
}

/// The pages of a listing. After an error there are no more, and those before it are good.
#[derive(Debug)]
pub struct Pages<'a> {
    rest: Rest,
    asked: Asked<'a>,
    next: Next,
    course: Course,
    /// Places that did not answer, of all pages so far.
    unreached: BTreeSet<String>,
}

#[derive(Debug)]
enum Next {
    /// The parameters that were given.
    First(Map<String, Value>),
    /// The parameters of the next page.
    Params(Map<String, Value>),
    /// The address of the next page, and the parameters of the first one.
    Address(String, Map<String, Value>),
    /// An error that the next call gives.
    Broken(CallError),
    End,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(rest: Rest, asked: Asked<'a>, params: Map<String, Value>) -> Self {
        Self { rest, asked, next: Next::First(params), course: Course::default(), unreached: BTreeSet::new() }
    }

    /// The next page; `None` after the last one, and after an error.
    pub async fn next(&mut self) -> Option<Result<Value, CallError>> {
        let next = std::mem::replace(&mut self.next, Next::End);
        match next {
            Next::End => None,
            Next::Broken(error) => Some(Err(error)),
            next => Some(self.page(next).await),
        }
    }

    async fn page(&mut self, next: Next) -> Result<Value, CallError> {
        let service = self.rest.service(self.asked)?;
        let shaped = self.rest.shaped(self.asked)?.map(Shaped::paging);
        let paging: &Paging = self.asked.paging.or(shaped.as_ref()).unwrap_or(&service.paging);
        let (prepared, params) = match next {
            Next::First(params) => {
                let params = sized(paging, params);
                (self.rest.prepare(self.asked, &params)?, params)
            }
            Next::Params(params) => (self.rest.prepare(self.asked, &params)?, params),
            Next::Address(address, params) => {
                (Prepared { method: "GET".to_owned(), address, body: None, headers: Vec::new() }, params)
            }
            Next::Broken(error) => return Err(error),
            Next::End => return Ok(Value::Null),
        };
        let answered = self.rest.send(self.asked, &prepared).await?;
        let after =
            self.course.after(paging, &params, &prepared.address, &answered.document, &answered.headers);
        self.unreached.extend(unreached(&service.errors.unreached, &answered.document));
        self.next = match after {
            After::End if self.unreached.is_empty() => Next::End,
            After::End => Next::Broken(self.incomplete()),
            After::Params(params) => Next::Params(params),
            After::Address(address) => Next::Address(address, params),
            After::Broken(broken) => Next::Broken(self.broken(broken)),
        };
        Ok(answered.document)
    }

    fn incomplete(&self) -> CallError {
        let places = self.unreached.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let told = format!("the service could not ask all of its places: nothing is known of {places}");
        CallError::new(Class::Unavailable, self.rest.place(self.asked), told)
    }

    fn broken(&self, broken: Broken) -> CallError {
        let (class, told) = match broken {
            Broken::Circle(told) => (Class::RepeatedToken, told),
            Broken::Endless(told) => (Class::EndlessPages, told),
            Broken::Elsewhere(told) => (Class::Garbage, told),
        };
        CallError::new(class, self.rest.place(self.asked), told)
    }
}

/// The places that a page says did not answer.
fn unreached(paths: &[Path], page: &Value) -> Vec<String> {
    let lists = paths.iter().filter_map(|path| path.get_in(page));
    let text = |place: &Value| place.as_str().filter(|place| !place.is_empty()).map(str::to_owned);
    lists
        .flat_map(|list| list.as_array().into_iter().flatten().filter_map(text).collect::<Vec<_>>())
        .collect()
}
