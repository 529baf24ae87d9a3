//! How a listing goes on: from an answer to the parameters or the address of the next page.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use http::HeaderMap;
use serde_json::{Map, Value};
use tables::plan::{NextPage, Paging, ParamPlace, Path, Step};

use crate::request::follow;

/// More pages than any listing has.
const MOST_PAGES: usize = 100_000;
/// A listing with a filter may have empty pages, but not so many in a row.
const MOST_EMPTY_PAGES: usize = 1_000;
/// A listing that gives the same page again and again, with a new token each time, has no end.
const MOST_EQUAL_PAGES: usize = 10;

/// What comes after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing.
    End,
    /// A page with these parameters.
    Params(Map<String, Value>),
    /// The page at this address.
    Address(String),
    /// A page that cannot be asked for.
    Broken(Broken),
}

/// Why a listing cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It goes round in circles.
    Circle(String),
    /// It does not end.
    Endless(String),
    /// It leads away from its host.
    Elsewhere(String),
}

/// What is known of the pages so far.
#[derive(Debug, Default)]
pub(crate) struct Course {
    seen: HashSet<String>,
    pages: usize,
    empty: usize,
    last: Option<u64>,
    equal: usize,
}

impl Course {
    /// What comes after `page`, which was asked for with `params` at `address`.
    pub(crate) fn after(
        &mut self,
        paging: &Paging,
        params: &Map<String, Value>,
        address: &str,
        page: &Value,
        headers: &HeaderMap,
    ) -> After {
        let Some(mark) = mark(&paging.next, page, headers) else { return After::End };
        if !self.seen.insert(mark.clone()) {
            return After::Broken(Broken::Circle("it was told before how it goes on".to_owned()));
        }
        if let Some(told) = self.no_end(&paging.next, page) {
            return After::Broken(Broken::Endless(told));
        }
        match &paging.next {
            NextPage::None => After::End,
            NextPage::Link(_) | NextPage::HeaderLink => match follow(address, &mark) {
                Ok(address) => After::Address(address),
                Err(host) => After::Broken(Broken::Elsewhere(format!(
                    "the next page is said to be on another host: {host}"
                ))),
            },
            NextPage::Tokens { tokens, .. } => {
                let mut params = params.clone();
                for (param, path) in tokens {
                    params.remove(param);
                    if let Some(token) = token(page, path) {
                        params.insert(param.clone(), token.into());
                    }
                }
                After::Params(params)
            }
            NextPage::Token { param, into, .. } => After::Params(with(params, *into, param, mark.into())),
            NextPage::HeaderToken { param, .. } | NextPage::Number { param, .. } => {
                After::Params(with(params, ParamPlace::Query, param, mark.into()))
            }
        }
    }

    /// Why there is no end of this listing to be expected, if so.
    fn no_end(&mut self, next: &NextPage, page: &Value) -> Option<String> {
        self.pages += 1;
        let told = told(next);
        let (empty, hash) = contents(page, told.as_deref());
        self.empty = if empty { self.empty + 1 } else { 0 };
        self.equal = if !empty && self.last == Some(hash) { self.equal + 1 } else { 1 };
        self.last = Some(hash);
        if self.pages >= MOST_PAGES || self.empty >= MOST_EMPTY_PAGES {
            return Some(format!(
                "given up after {} pages, {} of them empty at the end",
                self.pages, self.empty
            ));
        }
        (self.equal >= MOST_EQUAL_PAGES).then(|| {
            format!("given up after {} pages, as the last {} are one and the same", self.pages, self.equal)
        })
    }
}

/// The parameters of a first page, which ask for pages of a size unless they say one.
pub(crate) fn sized(paging: &Paging, mut params: Map<String, Value>) -> Map<String, Value> {
    let Some((name, size)) = &paging.size else { return params };
    let query = params.entry("query").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(query) = query
        && !query.contains_key(name)
    {
        query.insert(name.clone(), (*size).into());
    }
    params
}

fn with(params: &Map<String, Value>, into: ParamPlace, name: &str, value: Value) -> Map<String, Value> {
    let mut params = params.clone();
    let place = match into {
        ParamPlace::Query => "query",
        ParamPlace::Body => "body",
        ParamPlace::Form => "form",
    };
    let members = params.entry(place).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(members) = members {
        members.insert(name.to_owned(), value);
    }
    params
}

/// What leads to the next page; `None` at the end.
fn mark(next: &NextPage, page: &Value, headers: &HeaderMap) -> Option<String> {
    let at = |path: &Path| token(page, path);
    match next {
        NextPage::None => None,
        NextPage::Token { path, .. } | NextPage::Number { path, .. } => at(path),
        NextPage::Tokens { tokens, more } => {
            let says_no = |more: &Path| more.get_in(page).is_some_and(|more| *more == Value::Bool(false));
            let found: Vec<Option<String>> = tokens.iter().map(|(_, path)| at(path)).collect();
            let ends = more.as_ref().is_some_and(says_no) || found.iter().all(Option::is_none);
            (!ends).then(|| format!("{found:?}"))
        }
        NextPage::Link(paths) => paths.iter().find_map(at),
        NextPage::HeaderLink => {
            headers.get_all("link").iter().find_map(|link| next_link(link.to_str().ok()?))
        }
        NextPage::HeaderToken { header, .. } => {
            let token = headers.get(header.as_str())?.to_str().ok()?.trim();
            (!token.is_empty()).then(|| token.to_owned())
        }
    }
}

fn token(page: &Value, path: &Path) -> Option<String> {
    match &*path.get_in(page)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The address in a header `Link` that is the next one: `<https://...>; rel="next", <...>; rel="last"`.
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, tail)) = rest.split_once('<') {
        let (address, tail) = tail.split_once('>')?;
        let (params, next) = match tail.find(",<").or_else(|| tail.find(", <")) {
            Some(at) => tail.split_at(at),
            None => (tail, ""),
        };
        let is_next = params.split(';').any(|param| {
            param
                .trim()
                .strip_prefix("rel=")
                .is_some_and(|rel| rel.trim_matches('"').split(' ').any(|rel| rel == "next"))
        });
        if is_next {
            return Some(address.to_owned());
        }
        rest = next;
    }
    None
}

/// The member of a page that tells how it goes on.
fn told(next: &NextPage) -> Option<String> {
    let first = |path: &Path| match path.steps.first() {
        Some(Step::Member(name)) => Some(name.clone()),
        _ => None,
    };
    match next {
        NextPage::Token { path, .. } | NextPage::Number { path, .. } => first(path),
        NextPage::Tokens { tokens, .. } => tokens.first().and_then(|(_, path)| first(path)),
        NextPage::Link(paths) => paths.first().and_then(first),
        NextPage::None | NextPage::HeaderLink | NextPage::HeaderToken { .. } => None,
    }
}

/// Whether a page holds nothing, and a number that equal pages share; without what tells how it goes on.
fn contents(page: &Value, told: Option<&str>) -> (bool, u64) {
    let mut hasher = FixedState::default().build_hasher();
    let nothing = |value: &Value| match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let is_list = |value: &Value| value.is_array() || value.is_object();
    let empty = match page {
        Value::Object(members) => {
            let mut rest =
                members.iter().filter(|(name, value)| Some(name.as_str()) != told && is_list(value));
            let mut empty = true;
            rest.by_ref().for_each(|(name, value)| {
                empty &= nothing(value);
                (name, value).hash(&mut hasher);
            });
            empty
        }
        other => {
            other.hash(&mut hasher);
            nothing(other)
        }
    };
    (empty, hasher.finish())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const AT: &str = "https://api.example.com/v1/things?page=1";

    fn next(paging: &NextPage, page: &Value, headers: &[(&'static str, &str)]) -> After {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let params = json!({"query": {"a": 1}}).as_object().unwrap().clone();
        let paging = Paging { next: paging.clone(), size: None };
        Course::default().after(&paging, &params, AT, page, &headers)
    }

    fn params(value: &Value) -> After {
        After::Params(value.as_object().unwrap().clone())
    }

    #[test]
    fn each_style_leads_to_the_next_page() {
        let path = |text: &str| text.parse::<Path>().unwrap();
        let token = |into| NextPage::Token { param: "cursor".into(), path: path("meta.next"), into };
        let page = json!({"things": [1], "meta": {"next": "t"}});
        assert_eq!(
            next(&token(ParamPlace::Query), &page, &[]),
            params(&json!({"query": {"a": 1, "cursor": "t"}}))
        );
        assert_eq!(
            next(&token(ParamPlace::Form), &page, &[]),
            params(&json!({"query": {"a": 1}, "form": {"cursor": "t"}}))
        );
        assert_eq!(next(&token(ParamPlace::Query), &json!({"meta": {"next": ""}}), &[]), After::End);
        let number = NextPage::Number { param: "page".into(), path: path("meta.next") };
        assert_eq!(
            next(&number, &json!({"meta": {"next": 2}}), &[]),
            params(&json!({"query": {"a": 1, "page": "2"}}))
        );
        assert_eq!(next(&number, &json!({"meta": {"next": null}}), &[]), After::End);
        let tokens = vec![("key".to_owned(), path("nextKey")), ("version".to_owned(), path("nextVersion"))];
        let tokens = NextPage::Tokens { tokens, more: Some(path("more")) };
        assert_eq!(
            next(&tokens, &json!({"nextKey": "k", "nextVersion": "v", "more": true}), &[]),
            params(&json!({"query": {"a": 1}, "key": "k", "version": "v"}))
        );
        assert_eq!(
            next(&tokens, &json!({"nextKey": "k"}), &[]),
            params(&json!({"query": {"a": 1}, "key": "k"}))
        );
        assert_eq!(next(&tokens, &json!({"nextKey": "k", "more": false}), &[]), After::End);
        assert_eq!(next(&tokens, &json!({"more": true}), &[]), After::End);
        let link = NextPage::Link(vec![path("links.next"), path("nextLink")]);
        let address = After::Address("https://api.example.com/v1/things?page=2".to_owned());
        assert_eq!(next(&link, &json!({"nextLink": "/v1/things?page=2"}), &[]), address);
        let elsewhere = next(&link, &json!({"nextLink": "https://evil.example.com/"}), &[]);
        assert!(matches!(elsewhere, After::Broken(Broken::Elsewhere(_))), "{elsewhere:?}");
        let header = "<https://api.example.com/v1/things?page=9,0>; rel=\"last\", <https://api.example.com/v1/things?page=2>; rel=\"next\"";
        assert_eq!(next(&NextPage::HeaderLink, &json!([]), &[("link", header)]), address);
        assert_eq!(next(&NextPage::HeaderLink, &json!([]), &[("link", "<x>; rel=\"prev\"")]), After::End);
        let token = NextPage::HeaderToken { param: "cursor".into(), header: "After-Cursor".into() };
        assert_eq!(
            next(&token, &json!([]), &[("after-cursor", "c")]),
            params(&json!({"query": {"a": 1, "cursor": "c"}}))
        );
    }

    #[test]
    fn circles_and_endless_listings_are_found() {
        let style =
            NextPage::Token { param: "t".into(), path: "next".parse().unwrap(), into: ParamPlace::Query };
        let paging = Paging { next: style, size: None };
        let mut course = Course::default();
        let mut after = |page: &Value| course.after(&paging, &Map::new(), AT, page, &HeaderMap::new());
        assert!(matches!(after(&json!({"things": [1], "next": "a"})), After::Params(_)));
        assert!(matches!(after(&json!({"things": [2], "next": "a"})), After::Broken(Broken::Circle(_))));
        let endless = |things: Value| {
            let mut course = Course::default();
            (0..2_000).find(|number| {
                let page = json!({"things": things, "next": format!("t{number}")});
                let after = course.after(&paging, &Map::new(), AT, &page, &HeaderMap::new());
                matches!(after, After::Broken(Broken::Endless(_)))
            })
        };
        assert_eq!(endless(json!([1])), Some(MOST_EQUAL_PAGES - 1));
        assert_eq!(endless(json!([])), Some(MOST_EMPTY_PAGES - 1));
    }

    #[test]
    fn the_size_of_pages_is_asked_for_once() {
        let paging = Paging { next: NextPage::None, size: Some(("per_page".into(), 50)) };
        let made = |params: Value| Value::Object(sized(&paging, params.as_object().unwrap().clone()));
        assert_eq!(made(json!({})), json!({"query": {"per_page": 50}}));
        assert_eq!(made(json!({"query": {"per_page": 5}})), json!({"query": {"per_page": 5}}));
    }
}
