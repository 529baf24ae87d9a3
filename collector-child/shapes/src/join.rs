//! The pages of an answer as one.

use serde_json::{Map, Value};

use crate::operation::Pagination;

/// Puts pages together.
#[derive(Debug)]
pub struct Joined<'a> {
    pagination: Option<&'a Pagination>,
    answer: Option<Value>,
}

impl<'a> Joined<'a> {
    /// For the pages of an operation with this table. `None`: nobody says which of its lists go on, so all of its members do
    /// that are lists.
    pub fn new(pagination: Option<&'a Pagination>) -> Self {
        Self { pagination, answer: None }
    }

    /// Adds a page: its lists go behind those of the pages before.
    pub fn add(&mut self, mut page: Value) {
        let Some(answer) = &mut self.answer else {
            self.answer = Some(page);
            return;
        };
        let Some(pagination) = self.pagination else {
            add_lists(answer, page);
            return;
        };
        for path in &pagination.result_keys {
            let Some(more) = find(&mut page, path).map(Value::take) else { continue };
            match (place(answer, path), more) {
                (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
                (Some(Value::Object(members)), Value::Object(more)) => members.extend(more),
                (Some(there @ Value::Null), more) => *there = more,
                _ => {}
            }
        }
        if let Some(path) = pagination.more_results {
            match (find(&mut page, path).map(Value::take), place(answer, path)) {
                (Some(more), Some(there)) => *there = more,
                _ => remove(answer, path),
            }
        }
    }

    /// The answer as if it had come in one page: what says whether there is more is as on the last one.
    pub fn whole(self) -> Value {
        self.answer.unwrap_or_default()
    }

    /// How many items of the main list there are.
    pub fn items(&mut self) -> usize {
        self.main().map_or(0, |items| items.len())
    }

    /// The answer, with at most this many items, and without what is only good for asking for more.
    pub fn finish(mut self, most: Option<usize>) -> Value {
        if let (Some(most), Some(items)) = (most, self.main()) {
            items.truncate(most);
        }
        let mut answer = self.answer.unwrap_or_default();
        let Some(pagination) = self.pagination else { return answer };
        let tokens = pagination.output_tokens.iter().flat_map(|path| path.split("||"));
        for path in tokens.map(str::trim).chain(pagination.more_results) {
            // What is inside of a list is one of the items.
            if !path.contains('[') {
                remove(&mut answer, path);
            }
        }
        answer
    }

    fn main(&mut self) -> Option<&mut Vec<Value>> {
        let path = self.pagination?.result_keys.first()?;
        find(self.answer.as_mut()?, path)?.as_array_mut()
    }
}

/// Lists go behind those of the pages before, all else is as on the last page.
fn add_lists(answer: &mut Value, page: Value) {
    match (answer, page) {
        (Value::Array(items), Value::Array(more)) => items.extend(more),
        (Value::Object(members), Value::Object(page)) => {
            for (name, more) in page {
                match (members.get_mut(&name), more) {
                    (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
                    (_, more) => drop(members.insert(name, more)),
                }
            }
        }
        (answer, page) => *answer = page,
    }
}

fn find<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').try_fold(value, |value, name| value.get_mut(name))
}

/// The same; members that are missing are made.
fn place<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').try_fold(value, |value, name| {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        Some(value.as_object_mut()?.entry(name).or_insert(Value::Null))
    })
}

fn remove(answer: &mut Value, path: &str) {
    let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
    let holder = if above.is_empty() { Some(answer) } else { find(answer, above) };
    if let Some(Value::Object(members)) = holder {
        members.shift_remove(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pagination(output: &[&'static str], results: &[&'static str]) -> Pagination {
        Pagination {
            input_tokens: vec!["Marker"],
            output_tokens: output.to_vec(),
            more_results: Some("IsTruncated"),
            limit_key: None,
            result_keys: results.to_vec(),
            size: None,
            no_size_with: Vec::new(),
        }
    }

    #[test]
    fn lists_are_joined_and_tokens_are_left_out() {
        let table = pagination(&["NextMarker || Users[-1].Name"], &["Users", "Groups"]);
        let mut joined = Joined::new(Some(&table));
        joined.add(json!({"Users": [1, 2], "IsTruncated": true, "NextMarker": "2", "Owner": "me"}));
        joined.add(json!({"Users": [3], "Groups": ["g"], "IsTruncated": false}));
        assert_eq!(joined.items(), 3);
        assert_eq!(joined.finish(None), json!({"Users": [1, 2, 3], "Owner": "me", "Groups": ["g"]}));
    }

    #[test]
    fn lists_inside_of_structures_are_joined_and_cut() {
        let table = pagination(&["List.NextMarker"], &["List.Items"]);
        let mut joined = Joined::new(Some(&table));
        joined.add(json!({"List": {"NextMarker": "x", "Items": [1]}}));
        joined.add(json!({"List": {"Items": [2, 3]}}));
        assert_eq!(joined.finish(Some(2)), json!({"List": {"Items": [1, 2]}}));
    }

    #[test]
    fn the_whole_answer_says_that_there_is_no_more() {
        let table = pagination(&["NextMarker"], &["Users"]);
        let mut joined = Joined::new(Some(&table));
        joined.add(json!({"Users": [1], "IsTruncated": true}));
        joined.add(json!({"Users": [2], "IsTruncated": false}));
        assert_eq!(joined.whole(), json!({"Users": [1, 2], "IsTruncated": false}));
    }

    #[test]
    fn an_answer_without_pages_stays_as_it_is() {
        let mut joined = Joined::new(None);
        joined.add(json!({"NextToken": "x"}));
        assert_eq!(joined.finish(Some(1)), json!({"NextToken": "x"}));
    }

    #[test]
    fn lists_are_joined_where_nobody_says_which_go_on() {
        let mut joined = Joined::new(None);
        joined.add(json!({"members": [1, 2], "next": "x", "others": null}));
        joined.add(json!({"members": [3], "next": "", "others": [4]}));
        assert_eq!(joined.whole(), json!({"members": [1, 2, 3], "next": "", "others": [4]}));
        let mut joined = Joined::new(None);
        joined.add(json!([1]));
        joined.add(json!([2]));
        assert_eq!(joined.whole(), json!([1, 2]));
    }
}
