//! Values that have another form than their shape: left out of the answer, and noted with where they stood. What is
//! read by its shape has no place for them, and a path that leads through them would find nothing and say nothing.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::answer::Oddity;
use crate::{Pagination, Shape};

/// Different oddities that are noted of one answer.
const MOST: usize = 20;
/// Characters that are shown of a text.
const SHOWN: usize = 60;

/// What was odd in one answer so far, and where the reader is.
#[derive(Debug, Default)]
pub(super) struct Odd(RefCell<State>);

#[derive(Debug, Default)]
struct State {
    /// Names of the members that lead to what is being read; of lists and maps nothing.
    path: Vec<&'static str>,
    noted: Vec<Oddity>,
}

impl Odd {
    /// Reads a member of a structure.
    pub(super) fn within<T>(&self, member: &'static str, read: impl FnOnce() -> T) -> T {
        self.0.borrow_mut().path.push(member);
        let value = read();
        self.0.borrow_mut().path.pop();
        value
    }

    /// Notes that `found` stood where `shape` belongs.
    pub(super) fn note(&self, shape: &Shape, found: String) {
        let mut state = self.0.borrow_mut();
        let (path, expected) = (state.path.join("."), expected(shape));
        let known = state.noted.iter_mut().find(|odd| odd.path == path && odd.expected == expected);
        if let Some(odd) = known {
            odd.times = odd.times.saturating_add(1);
        } else if state.noted.len() < MOST {
            let holds_more = matches!(shape, Shape::Structure(_) | Shape::List(_) | Shape::Map(_));
            state.noted.push(Oddity { path, expected, found, times: 1, example: None, holds_more });
        }
    }

    /// How much was noted so far, for [`Self::exemplify`].
    pub(super) fn count(&self) -> usize {
        self.0.borrow().noted.len()
    }

    /// Names the structure that was read since as the example of what was noted meanwhile.
    pub(super) fn exemplify(&self, since: usize, members: &Map<String, Value>) {
        let mut state = self.0.borrow_mut();
        let new = state.noted.iter_mut().skip(since).filter(|odd| odd.example.is_none());
        for odd in new {
            odd.example = name_of(members);
        }
    }

    /// Forgets everything: the text is read again from its beginning.
    pub(super) fn restart(&self) {
        *self.0.borrow_mut() = State::default();
    }

    /// What was noted.
    pub(super) fn take(&self) -> Vec<Oddity> {
        std::mem::take(&mut self.0.borrow_mut().noted)
    }
}

/// Why an answer is none, if what is odd is the very list that was asked for, or all that there is.
pub(super) fn spoils(
    odd: &[Oddity],
    pagination: Option<&Pagination>,
    read: &Map<String, Value>,
) -> Option<String> {
    let holds = |value: &Value| value.is_array() || value.is_object();
    let listed = |path: &str| match pagination {
        Some(pagination) => pagination
            .result_keys
            .iter()
            .any(|key| key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))),
        None => !path.contains('.') && !read.values().any(holds),
    };
    // An item of a list has the path of the list, and costs itself alone.
    let missing = |path: &str| {
        path.split('.')
            .try_fold(None, |at: Option<&Value>, name| {
                Some(Some(match at {
                    None => read.get(name)?,
                    Some(value) => value.get(name)?,
                }))
            })
            .is_none()
    };
    let very = odd.iter().find(|odd| odd.holds_more && listed(&odd.path) && missing(&odd.path))?;
    Some(format!("{} should be {} but is {}", very.path, very.expected, very.found))
}

/// The text by which people would know what this is.
fn name_of(members: &Map<String, Value>) -> Option<String> {
    let ends = |end: &str| {
        let named = |name: &str| name.to_ascii_lowercase().ends_with(end);
        members.iter().find(|(name, value)| named(name) && value.is_string())
    };
    let (_, found) = ["arn", "id", "name"].into_iter().find_map(ends)?;
    found.as_str().filter(|text| !text.is_empty()).map(shortened)
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Structure(_) | Shape::Map(_) => "an object",
        Shape::List(_) => "a list",
        Shape::String { .. } | Shape::Blob => "a text",
        Shape::Integer | Shape::Long => "a whole number of 64 bits",
        Shape::Float | Shape::Double => "a number",
        Shape::Boolean => "true or false",
        Shape::Timestamp => "a time",
    }
}

/// A text, for [`Odd::note`].
pub(super) fn text(text: &str) -> String {
    format!("the text {:?}", shortened(text))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
