//! Calls of hooks and the engine, whose failures are accounted for.

use std::borrow::Cow;

use collector::{Failure, fault};
use http_client::{CallError, Class};
use ipc_proto::fault::FaultKind;
use serde_json::{Map, Value};
use tables::plan::{ErrorSaid, Path};

use super::context::Context;
use super::partial;
use crate::said::says;

impl<'a> Context<'a> {
    /// Begins a call. `service` is the name in the catalog, `operation` the one in the API: `ListUsers`.
    pub fn ask(self, service: &'a str, operation: &'a str) -> Ask<'a> {
        Ask {
            context: self,
            service,
            operation,
            params: Map::new(),
            meaning: Meaning::default(),
            failed: None,
        }
    }
}

/// A call that is being prepared. Failures are noted for the report of the region and give no answer; only what
/// costs the account is an error.
#[derive(Debug, Clone)]
#[must_use = "nothing is called before one of `answer`, `one`, `all`, `of_members` or `raw`"]
pub struct Ask<'a> {
    context: Context<'a>,
    service: &'a str,
    operation: &'a str,
    params: Map<String, Value>,
    meaning: Meaning<'a>,
    /// Where a good answer has what is missing from it.
    failed: Option<Cow<'a, Path>>,
}

/// What errors mean to who asks.
#[derive(Debug, Clone, Default)]
struct Meaning<'a> {
    /// Codes that mean that there is nothing here.
    expected: Vec<&'a str>,
    /// The call is about something that was listed, and this is said of it when it is not there any more; besides what
    /// codes say by themselves.
    item: Option<&'a [ErrorSaid]>,
}

impl Meaning<'_> {
    fn of(&self, error: CallError) -> CallError {
        let gone = self.item.is_some_and(|said| says(&error, said) || error.says_gone());
        if gone {
            return error.change(|trouble| trouble.class = Class::Expected);
        }
        error.expecting(&self.expected)
    }
}

impl<'a> Ask<'a> {
    /// Sets a parameter, by the name that the operation has for it.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// Sets all parameters.
    pub fn params(mut self, params: Map<String, Value>) -> Self {
        self.params = params;
        self
    }

    /// Error codes that mean that there is nothing here: they are not told.
    pub fn expecting<S: AsRef<str>>(mut self, codes: &'a [S]) -> Self {
        self.meaning.expected.extend(codes.iter().map(AsRef::as_ref));
        self
    }

    /// The call is about something that was listed before: if it is gone since, there is nothing to tell.
    pub fn of_item(self) -> Self {
        self.of_item_gone(&[])
    }

    /// The same; this is said of it if it is gone, besides what codes say by themselves.
    pub(super) fn of_item_gone(mut self, said: &'a [ErrorSaid]) -> Self {
        self.meaning.item = Some(said);
        self
    }

    /// Good answers have at this path what is missing from them: things with a code or a reason.
    pub fn failing(self, path: &str) -> Result<Self, Failure> {
        Ok(Self { failed: Some(Cow::Owned(parsed(path)?)), ..self })
    }

    /// Good answers have at this path what is missing from them.
    pub(super) fn failing_at(self, failed: Option<&'a Path>) -> Self {
        Self { failed: failed.map(Cow::Borrowed), ..self }
    }

    /// The answer, its first page if it has many; `None` if the call failed.
    pub async fn answer(self) -> Result<Option<Value>, Failure> {
        let context = self.context;
        match self.raw().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => context.failed(error).await.map(|()| None),
        }
    }

    /// What the first page of the answer has at this path; `None` if that is nothing or null, or the call failed.
    pub async fn one(self, path: &str) -> Result<Option<Value>, Failure> {
        let path = parsed(path)?;
        let answer = self.answer().await?;
        Ok(answer.and_then(|answer| path.get_in(&answer).map(std::borrow::Cow::into_owned)))
    }

    /// All that the pages of the answer have at this path; what came before a page that failed, too.
    pub async fn all(self, path: &str) -> Result<Vec<Value>, Failure> {
        let path = parsed(path)?;
        let mut found = Vec::new();
        let mut pages = self.pages();
        while let Some(page) = pages.next().await? {
            found.extend(path.take(page));
        }
        Ok(found)
    }

    /// The answer, its first page if it has many, or why there is none. Nothing is noted.
    pub async fn raw(self) -> Result<Value, CallError> {
        let Self { context, service, operation, params, meaning, failed: _ } = self;
        let job = context.job;
        let answer = job.client.call(context.region(), service, operation, params).await;
        job.sink.work(1);
        if answer.is_ok() {
            context.answered();
        }
        answer.map_err(|error| meaning.of(error))
    }

    /// Page after page.
    pub fn pages(self) -> Pages<'a> {
        let Self { context, service, operation, params, meaning, failed } = self;
        let pages = context.job.client.pages(context.region(), service, operation, params);
        Pages { context, meaning, failed, source: pages, refused: None }
    }

    /// Puts all that the pages have at this path, or the pages themselves, behind what was found, and says how many things
    /// the pages name as missing. What came before a page that failed is there, too; that it failed is not noted.
    pub(super) async fn gather(
        self,
        path: Option<&Path>,
        found: &mut Vec<Value>,
    ) -> Result<Result<usize, CallError>, Failure> {
        let mut missing = 0;
        let mut pages = self.pages();
        while let Some(page) = pages.raw().await {
            let page = match page {
                Ok(page) => page,
                Err(error) => return Ok(Err(error)),
            };
            missing += pages.note_missing(&page).await?;
            match path {
                Some(path) => found.extend(path.take(page)),
                None => found.push(page),
            }
        }
        Ok(Ok(missing))
    }

    /// Notes that the call failed.
    pub(super) async fn failed(&self, error: CallError) -> Result<(), Failure> {
        self.context.failed(error).await
    }
}

/// The pages of an answer.
#[derive(Debug)]
pub struct Pages<'a> {
    context: Context<'a>,
    meaning: Meaning<'a>,
    failed: Option<Cow<'a, Path>>,
    source: http_client::Pages<'a>,
    /// The error that ended the pages.
    refused: Option<CallError>,
}

impl Pages<'_> {
    /// The next page; `None` after the last one, or one that failed.
    pub async fn next(&mut self) -> Result<Option<Value>, Failure> {
        match self.raw().await {
            None => Ok(None),
            Some(Ok(page)) => {
                self.note_missing(&page).await?;
                Ok(Some(page))
            }
            Some(Err(error)) => self.context.failed(error).await.map(|()| None),
        }
    }

    /// The same, with the error of the one that failed. Nothing is noted.
    async fn raw(&mut self) -> Option<Result<Value, CallError>> {
        if self.refused.is_some() {
            return None;
        }
        let next = self.source.next().await?;
        self.context.job.sink.work(1);
        match &next {
            Ok(_) => self.context.answered(),
            Err(error) => self.refused = Some(error.clone()),
        }
        Some(next.map_err(|error| self.meaning.of(error)))
    }

    /// Notes what a good page says of things that it does not tell about, and how many these are.
    async fn note_missing(&self, page: &Value) -> Result<usize, Failure> {
        let mut missing = 0;
        for trouble in self.failed.iter().flat_map(|path| partial::troubles(path, page)) {
            let error = self.source.trouble(trouble.class, trouble.message);
            self.context.failed(error.change(|told| told.code = Some(trouble.code))).await?;
            missing += 1;
        }
        Ok(missing)
    }

    /// Whether the pages were ended by an error that says one of these.
    pub(super) fn refused_with(&self, said: &[ErrorSaid]) -> bool {
        self.refused.as_ref().is_some_and(|error| says(error, said))
    }

    /// The error that ended the pages.
    pub fn refused(&self) -> Option<&CallError> {
        self.refused.as_ref()
    }

    /// The code of the error that ended the pages.
    pub(super) fn refused_code(&self) -> Option<String> {
        self.refused.as_ref().and_then(|error| error.code.clone())
    }
}

pub(super) fn parsed(path: &str) -> Result<Path, Failure> {
    path.parse().map_err(|error| fault(FaultKind::Internal, format!("a hook is wrong: {error}")).into())
}
