//! Listings, page by page.

use http_client::{BoxFuture, CallError, CallPlace, Class, Source};
use serde_json::{Map, Value};
use tables::plan::Paging;

use crate::paging::{After, Broken, Course, sized};
use crate::request::Prepared;
use crate::rest::{Asked, Rest};

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
        Self { rest, asked, next: Next::First(params), course: Course::default() }
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
        let paging: &Paging = self.asked.paging.unwrap_or(&service.paging);
        let (prepared, params) = match next {
            Next::First(params) => {
                let params = sized(paging, params);
                (self.rest.prepare(self.asked, &params)?, params)
            }
            Next::Params(params) => (self.rest.prepare(self.asked, &params)?, params),
            Next::Address(address, params) => {
                (Prepared { method: "GET".to_owned(), address, body: None }, params)
            }
            Next::Broken(error) => return Err(error),
            Next::End => return Ok(Value::Null),
        };
        let answered = self.rest.send(self.asked, &prepared).await?;
        let after =
            self.course.after(paging, &params, &prepared.address, &answered.document, &answered.headers);
        self.next = match after {
            After::End => Next::End,
            After::Params(params) => Next::Params(params),
            After::Address(address) => Next::Address(address, params),
            After::Broken(broken) => Next::Broken(self.broken(broken)),
        };
        Ok(answered.document)
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
