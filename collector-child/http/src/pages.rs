//! Listings, page by page.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};
use shapes::{Pager, Pagination, Stuck};

use crate::call::BoxFuture;
use crate::error::{CallError, CallPlace, Class};

/// More pages than any listing has: with a thousand entries each, a hundred million.
const MOST_PAGES: usize = 100_000;
/// A listing with a filter may have empty pages, but not so many in a row.
const MOST_EMPTY_PAGES: usize = 1_000;

/// A listing that gives the same page again and again, with a new token each time, has no end.
const MOST_EQUAL_PAGES: usize = 10;

/// Makes the calls of a listing.
pub trait Listing: Send + Sync {
    /// Where they go.
    fn place(&self) -> CallPlace<'_>;
    /// How it goes on; `None` if the operation has no pages.
    fn pagination(&self) -> Option<&'static Pagination>;
    /// One page.
    fn call<'a>(&'a self, params: &'a Map<String, Value>) -> BoxFuture<'a, Result<Value, CallError>>;
}

/// Gives the pages of a listing that knows by itself how it goes on.
pub trait Source: Send + Sync {
    /// Where the calls go.
    fn place(&self) -> CallPlace<'_>;
    /// The next page; `None` after the last one, and after an error.
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Value, CallError>>>;
}

/// The pages of a listing. After an error there are no more, and those before it are good.
pub struct Pages<'a> {
    source: Option<Box<dyn Source + 'a>>,
    listing: Option<Box<dyn Listing + 'a>>,
    next: Next,
    empty: usize,
    equal: Equal,
    most: usize,
}

impl fmt::Debug for Pages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_source = self.source.as_ref().map(|source| source.place());
        let place = of_source.or_else(|| self.listing.as_ref().map(|listing| listing.place()));
        f.debug_struct("Pages").field("place", &place).finish_non_exhaustive()
    }
}

/// How often the last page came in a row; an empty one is not counted here.
#[derive(Debug, Default)]
struct Equal {
    last: Option<u64>,
    times: usize,
}

#[derive(Debug)]
enum Next {
    /// The parameters that were given.
    First(Map<String, Value>),
    /// The parameters of the next page.
    Page(Map<String, Value>, Pager<'static>),
    /// An error that the next call gives.
    Broken(CallError),
    End,
}

impl<'a> Pages<'a> {
    /// The pages of a listing that is asked for with these parameters.
    pub fn new(listing: impl Listing + 'a, params: Map<String, Value>) -> Self {
        let listing = Some(Box::new(listing) as Box<dyn Listing>);
        Self {
            source: None,
            listing,
            next: Next::First(params),
            empty: 0,
            equal: Equal::default(),
            most: MOST_PAGES,
        }
    }

    /// The pages of a listing that knows by itself how it goes on.
    pub fn of(source: impl Source + 'a) -> Self {
        let source = Some(Box::new(source) as Box<dyn Source>);
        Self { source, listing: None, next: Next::End, empty: 0, equal: Equal::default(), most: MOST_PAGES }
    }

    /// A listing that cannot be asked for.
    pub fn broken(error: CallError) -> Self {
        Self {
            source: None,
            listing: None,
            next: Next::Broken(error),
            empty: 0,
            equal: Equal::default(),
            most: MOST_PAGES,
        }
    }

    /// The same listing, given up after so many pages: for listings that are known to be short.
    #[must_use]
    pub fn at_most(mut self, pages: usize) -> Self {
        self.most = pages.max(1);
        self
    }

    /// A trouble with a page that was answered.
    pub fn trouble(&self, class: Class, message: impl Into<String>) -> CallError {
        let of_source = self.source.as_ref().map(|source| source.place());
        let place = of_source.or_else(|| self.listing.as_ref().map(|listing| listing.place()));
        CallError::new(class, place.unwrap_or_default(), message)
    }

    /// The next page; `None` after the last one, and after an error.
    pub async fn next(&mut self) -> Option<Result<Value, CallError>> {
        if let Some(source) = &mut self.source {
            return source.next().await;
        }
        let next = std::mem::replace(&mut self.next, Next::End);
        if let Next::Broken(error) = next {
            return Some(Err(error));
        }
        let listing = self.listing.take()?;
        let page = match next {
            Next::End | Next::Broken(_) => return None,
            Next::First(params) => self.first(&*listing, params).await,
            Next::Page(params, pager) => self.page(&*listing, params, pager).await,
        };
        self.listing = Some(listing);
        Some(page)
    }

    /// Gives every page to `page`. An error comes after all pages before it were given.
    pub async fn each(mut self, mut page: impl FnMut(Value)) -> Result<(), CallError> {
        while let Some(next) = self.next().await {
            page(next?);
        }
        Ok(())
    }

    async fn first(&mut self, listing: &dyn Listing, params: Map<String, Value>) -> Result<Value, CallError> {
        let pagination = listing.pagination();
        let size = pagination.and_then(|pagination| pagination.wanted_size(&params));
        let Some((name, size)) = size else {
            return self.page(listing, params, Pager::new(pagination)).await;
        };
        let mut sized = params.clone();
        sized.insert(name.to_owned(), size.into());
        match self.page(listing, sized, Pager::new(pagination)).await {
            // Not every server that speaks for a cloud knows about pages: one answer is better than none.
            Err(error) if might_be_the_size(&error) => {
                tracing::debug!("asking without {name}: {error}");
                self.page(listing, params, Pager::new(pagination)).await
            }
            page => page,
        }
    }

    async fn page(
        &mut self,
        listing: &dyn Listing,
        mut params: Map<String, Value>,
        mut pager: Pager<'static>,
    ) -> Result<Value, CallError> {
        let answer = listing.call(&params).await?;
        self.empty = match listing.pagination() {
            Some(pagination) if is_empty(pagination, &answer) => self.empty + 1,
            _ => 0,
        };
        self.next = match pager.next(&mut params, &answer) {
            Ok(false) => Next::End,
            Ok(true) if let Some(told) = self.no_end(listing.pagination(), &answer, pager.pages()) => {
                Next::Broken(CallError::new(Class::EndlessPages, listing.place(), told))
            }
            Ok(true) => Next::Page(params, pager),
            Err(stuck) => {
                let class = match stuck {
                    Stuck::Repeated { .. } => Class::RepeatedToken,
                    Stuck::NoToken { .. } => Class::NoToken,
                };
                Next::Broken(CallError::new(class, listing.place(), stuck.to_string()))
            }
        };
        Ok(answer)
    }

    /// Why there is no end of this listing to be expected, if so.
    fn no_end(&mut self, pagination: Option<&Pagination>, answer: &Value, pages: usize) -> Option<String> {
        if pages >= self.most || self.empty >= MOST_EMPTY_PAGES {
            return Some(format!("given up after {pages} pages, {} of them empty at the end", self.empty));
        }
        let equal = pagination.filter(|_| self.empty == 0).map_or(0, |table| self.equal.note(table, answer));
        (equal >= MOST_EQUAL_PAGES)
            .then(|| format!("given up after {pages} pages, as the last {equal} are one and the same"))
    }
}

/// Whether the service may have refused a call because of the size of its pages.
fn might_be_the_size(error: &CallError) -> bool {
    let code = error.code.as_deref().unwrap_or_default().to_ascii_lowercase();
    let about_parameters =
        ["invalid", "validation", "parameter", "unsupported", "badrequest", "notimplemented"];
    error.class == Class::Service && about_parameters.iter().any(|part| code.contains(part))
}

impl Equal {
    /// Notes a page; how often it came in a row.
    fn note(&mut self, pagination: &Pagination, page: &Value) -> usize {
        let mut hasher = DefaultHasher::new();
        results(pagination, page).for_each(|result| result.hash(&mut hasher));
        let this = Some(hasher.finish());
        self.times = if self.last == this { self.times + 1 } else { 1 };
        self.last = this;
        self.times
    }
}

/// What a page lists, without its tokens.
fn results<'v>(pagination: &'v Pagination, page: &'v Value) -> impl Iterator<Item = Option<&'v Value>> {
    let found = move |path: &&str| path.split('.').try_fold(page, |value, name| value.get(name));
    pagination.result_keys.iter().map(found)
}

/// Whether a page holds none of what is listed.
fn is_empty(pagination: &Pagination, page: &Value) -> bool {
    results(pagination, page).all(|found| match found {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(object)) => object.is_empty(),
        Some(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_is_empty_if_it_lists_nothing() {
        let pagination = Pagination {
            input_tokens: vec!["Marker"],
            output_tokens: vec!["List.NextMarker"],
            more_results: None,
            limit_key: None,
            result_keys: vec!["List.Items", "Others"],
            size: None,
            no_size_with: Vec::new(),
        };
        assert!(is_empty(&pagination, &json!({})));
        assert!(is_empty(&pagination, &json!({"List": {"Items": [], "NextMarker": "x"}, "Others": null})));
        assert!(!is_empty(&pagination, &json!({"List": {"Items": [1]}})));
        assert!(!is_empty(&pagination, &json!({"Others": [1]})));
    }
}
