//! Pages: what to ask for next, from what was answered.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde_json::{Map, Value};

use crate::operation::Pagination;

/// Asks for page after page, without doing any I/O: send a request, give the answer to [`Pager::next`], send the
/// parameters again if it says so.
#[derive(Debug, Clone)]
pub struct Pager<'a> {
    pagination: Option<&'a Pagination>,
    /// Hashes of the tokens that were sent; the tokens of some services are kilobytes.
    sent: HashSet<u64>,
    pages: usize,
}

/// Why the pages cannot go on although the last one says that there is more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// The service sent a token that it had been given: asking on would never end.
    #[error("after {pages} pages the service names as next page one that was read already")]
    Repeated {
        /// Pages that were read until then.
        pages: usize,
    },
    /// The service sent no token: there is nothing to ask with.
    #[error("after page {pages} the service says that there is more, and not how to ask for it")]
    NoToken {
        /// Pages that were read until then.
        pages: usize,
    },
}

impl<'a> Pager<'a> {
    /// A pager for an operation's table; `None` for operations whose answers come whole.
    pub fn new(pagination: Option<&'a Pagination>) -> Self {
        Self { pagination, sent: HashSet::new(), pages: 0 }
    }

    /// Puts the tokens for the next page into the parameters. False: the answer was the last page.
    pub fn next(&mut self, params: &mut Map<String, Value>, answer: &Value) -> Result<bool, Stuck> {
        self.pages += 1;
        let Some(pagination) = self.pagination else { return Ok(false) };
        let more = pagination.more_results.map(|path| walk(answer, path).filter(|flag| !flag.is_null()));
        if matches!(more, Some(Some(flag)) if is_nothing(flag)) {
            return Ok(false);
        }
        let mut tokens: Vec<Option<&Value>> = Vec::new();
        for path in &pagination.output_tokens {
            let (path, instead) = path.strip_prefix('?').map_or((*path, false), |path| (path, true));
            let wanted = !(instead && tokens.iter().any(Option::is_some));
            // Where nothing says that there is more, the last of the items tells of itself only.
            let path = if more == Some(None) { own_token(path) } else { Some(path) };
            tokens.push(path.filter(|_| wanted).and_then(|path| find(answer, path)));
        }
        if tokens.iter().all(Option::is_none) {
            return match more {
                Some(Some(_)) => Err(Stuck::NoToken { pages: self.pages }),
                _ => Ok(false),
            };
        }
        if !self.sent.insert(hash(&tokens)) {
            return Err(Stuck::Repeated { pages: self.pages });
        }
        for (name, token) in pagination.input_tokens.iter().zip(tokens) {
            match token {
                Some(token) => params.insert((*name).to_owned(), token.clone()),
                None => params.remove(*name),
            };
        }
        Ok(true)
    }

    /// Pages that were read.
    pub fn pages(&self) -> usize {
        self.pages
    }
}

fn hash(tokens: &[Option<&Value>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for token in tokens {
        token.map(Value::to_string).hash(&mut hasher);
    }
    hasher.finish()
}

/// Empty texts are no tokens, and an absent or false flag means no.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// The value at a path of [`Pagination::output_tokens`].
fn find<'v>(answer: &'v Value, path: &str) -> Option<&'v Value> {
    path.split("||").find_map(|path| walk(answer, path.trim()).filter(|value| !is_nothing(value)))
}

/// The one of the alternatives that is a token and no item.
fn own_token(path: &str) -> Option<&str> {
    path.split("||").map(str::trim).find(|path| !path.contains('['))
}

fn walk<'v>(answer: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(answer, |at, step| match step.split_once('[') {
        None => at.get(step),
        Some((name, index)) => {
            let items = at.get(name)?.as_array()?;
            match index.strip_suffix(']')?.parse::<i64>().ok()? {
                index if index < 0 => items.get(items.len().checked_sub(usize::try_from(-index).ok()?)?),
                index => items.get(usize::try_from(index).ok()?),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(input: &[&'static str], output: &[&'static str], more: Option<&'static str>) -> Pagination {
        Pagination {
            input_tokens: input.to_vec(),
            output_tokens: output.to_vec(),
            more_results: more,
            limit_key: None,
            result_keys: Vec::new(),
            size: None,
            no_size_with: Vec::new(),
        }
    }

    fn params(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn pages_go_on_until_no_token_comes() {
        let table = table(&["NextToken"], &["NextToken"], None);
        let mut pager = Pager::new(Some(&table));
        let mut asked = params(&json!({"MaxResults": 5}));
        assert_eq!(pager.next(&mut asked, &json!({"NextToken": "a"})), Ok(true));
        assert_eq!(asked, params(&json!({"MaxResults": 5, "NextToken": "a"})));
        assert_eq!(pager.next(&mut asked, &json!({"NextToken": "b"})), Ok(true));
        assert_eq!(asked["NextToken"], "b");
        assert_eq!(pager.next(&mut asked, &json!({"NextToken": ""})), Ok(false));
        assert_eq!(pager.pages(), 3);
    }

    #[test]
    fn a_token_that_comes_again_ends_the_pages() {
        let table = table(&["NextToken"], &["NextToken"], None);
        let mut pager = Pager::new(Some(&table));
        let mut asked = Map::new();
        for token in ["a", "b"] {
            assert_eq!(pager.next(&mut asked, &json!({"NextToken": token})), Ok(true));
        }
        assert_eq!(pager.next(&mut asked, &json!({"NextToken": "a"})), Err(Stuck::Repeated { pages: 3 }));
    }

    #[test]
    fn tokens_that_are_not_sent_again_are_taken_away() {
        let input = ["StartRecordName", "StartRecordType", "StartRecordIdentifier"];
        let output = ["NextRecordName", "NextRecordType", "NextRecordIdentifier"];
        let table = table(&input, &output, Some("IsTruncated"));
        let mut pager = Pager::new(Some(&table));
        let mut asked = params(&json!({"HostedZoneId": "Z"}));
        let first = json!({"IsTruncated": true, "NextRecordName": "a", "NextRecordType": "A", "NextRecordIdentifier": "1"});
        assert_eq!(pager.next(&mut asked, &first), Ok(true));
        let second = json!({"IsTruncated": true, "NextRecordName": "a", "NextRecordType": "NS"});
        assert_eq!(pager.next(&mut asked, &second), Ok(true));
        assert_eq!(
            asked,
            params(&json!({"HostedZoneId": "Z", "StartRecordName": "a", "StartRecordType": "NS"}))
        );
        let last = json!({"IsTruncated": false, "NextRecordName": "b", "NextRecordType": "A"});
        assert_eq!(pager.next(&mut asked, &last), Ok(false));
    }

    #[test]
    fn tokens_are_found_by_path_and_alternative() {
        let marker = table(&["Marker"], &["NextMarker || Contents[-1].Key"], Some("IsTruncated"));
        let mut asked = Map::new();
        let answer = json!({"IsTruncated": true, "Contents": [{"Key": "a"}, {"Key": "b"}]});
        assert_eq!(Pager::new(Some(&marker)).next(&mut asked, &answer), Ok(true));
        assert_eq!(asked["Marker"], "b");
        let answer = json!({"IsTruncated": true, "NextMarker": "n", "Contents": [{"Key": "a"}]});
        assert_eq!(Pager::new(Some(&marker)).next(&mut asked, &answer), Ok(true));
        assert_eq!(asked["Marker"], "n");
        let empty = json!({"IsTruncated": true, "Contents": []});
        assert_eq!(Pager::new(Some(&marker)).next(&mut asked, &empty), Err(Stuck::NoToken { pages: 1 }));

        let nested =
            table(&["Marker"], &["DistributionList.NextMarker"], Some("DistributionList.IsTruncated"));
        let answer = json!({"DistributionList": {"IsTruncated": true, "NextMarker": "d"}});
        assert_eq!(Pager::new(Some(&nested)).next(&mut asked, &answer), Ok(true));
        assert_eq!(asked["Marker"], "d");
    }

    #[test]
    fn more_without_a_token_is_no_end() {
        let marked = table(&["Marker"], &["Marker"], Some("IsTruncated"));
        let after = |answer: &Value| Pager::new(Some(&marked)).next(&mut Map::new(), answer);
        for nothing in [json!({}), json!({"Marker": null}), json!({"Marker": ""})] {
            let mut answer = nothing;
            answer["IsTruncated"] = true.into();
            assert_eq!(after(&answer), Err(Stuck::NoToken { pages: 1 }), "{answer}");
        }
        assert_eq!(after(&json!({"IsTruncated": false, "Marker": "m"})), Ok(false));
        // A token says it, too, unless it is an item.
        assert_eq!(after(&json!({"Marker": "m"})), Ok(true));
        assert_eq!(after(&json!({})), Ok(false));
        let by_item = table(&["Start"], &["Names[-1]"], Some("HasMore"));
        let after = |answer: &Value| Pager::new(Some(&by_item)).next(&mut Map::new(), answer);
        assert_eq!(after(&json!({"Names": ["a"]})), Ok(false));
        assert_eq!(after(&json!({"Names": ["a"], "HasMore": true})), Ok(true));
        assert_eq!(after(&json!({"Names": [], "HasMore": true})), Err(Stuck::NoToken { pages: 1 }));
    }

    #[test]
    fn an_item_may_stand_in_for_a_token_that_is_missing() {
        let either = table(&["NextToken", "Start"], &["NextToken", "?Names[-1]"], Some("HasMore"));
        let next = |answer: &Value| {
            let mut asked = Map::new();
            Pager::new(Some(&either)).next(&mut asked, answer).map(|more| (more, Value::Object(asked)))
        };
        let more = |asked: Value| Ok((true, asked));
        assert_eq!(
            next(&json!({"Names": ["a", "b"], "HasMore": true, "NextToken": "t"})),
            more(json!({"NextToken": "t"}))
        );
        assert_eq!(next(&json!({"Names": ["a", "b"], "HasMore": true})), more(json!({"Start": "b"})));
        assert_eq!(next(&json!({"Names": ["a"], "HasMore": false})), Ok((false, json!({}))));
    }

    #[test]
    fn operations_without_a_table_have_one_page() {
        let mut asked = Map::new();
        assert_eq!(Pager::new(None).next(&mut asked, &json!({"NextToken": "a"})), Ok(false));
        assert!(asked.is_empty());
    }
}
