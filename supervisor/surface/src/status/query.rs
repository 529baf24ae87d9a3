//! What somebody wants to see, from the query of an address.

use std::fmt::Write;

use super::Phase;
use crate::history::RunId;

/// Accounts on one page.
pub const PAGE: usize = 100;
/// No text to search for is longer.
const LONGEST: usize = 200;

/// Which accounts are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Filter {
    /// All.
    #[default]
    All,
    /// Those that stand so.
    Only(Phase),
}

impl Filter {
    /// The word in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Only(phase) => phase.name(),
        }
    }
}

/// What somebody wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Part of a name or id.
    pub text: String,
    /// Which accounts.
    pub filter: Filter,
    /// Which page of them, from 0.
    pub page: usize,
    /// A run of the past instead of what is on.
    pub run: Option<RunId>,
}

impl Query {
    /// Reads the query of an address. What means nothing is left out.
    pub fn parse(query: &str) -> Self {
        let mut wanted = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            match name {
                "q" => wanted.text = value.trim().chars().take(LONGEST).collect(),
                "state" => {
                    let phase = Phase::ALL.into_iter().find(|phase| phase.name() == value);
                    wanted.filter = phase.map_or(Filter::All, Filter::Only);
                }
                "page" => wanted.page = value.parse::<usize>().unwrap_or(1).saturating_sub(1),
                "run" => wanted.run = RunId::try_from(value).ok(),
                _ => {}
            }
        }
        wanted
    }

    /// The query that leads to another page of the same.
    pub fn on_page(&self, page: usize) -> String {
        let mut text = format!("?q={}&state={}&page={}", encode(&self.text), self.filter.name(), page + 1);
        if let Some(run) = &self.run {
            text.extend(["&run=", run.as_str()]);
        }
        text
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let escaped = pair.filter(|_| first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, escaped) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', None) => {
                bytes.push(b' ');
                rest = after;
            }
            (other, None) => {
                bytes.push(other);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written() {
        let query = Query::parse("q=a%26b+%C3%BC&state=failed&page=3&run=20261202T153012Z-collect&x=1");
        assert_eq!(
            (query.text.as_str(), query.filter, query.page),
            ("a&b ü", Filter::Only(Phase::Failed), 2)
        );
        let again = Query::parse(query.on_page(query.page).trim_start_matches('?'));
        assert_eq!(again, query);
    }

    #[test]
    fn what_means_nothing_is_left_out() {
        for text in
            ["", "q", "&&=", "state=nope&page=x&run=../x", "page=0", "q=%zz".get(..2).unwrap_or_default()]
        {
            assert_eq!(Query::parse(text), Query::default(), "{text}");
        }
        assert_eq!(Query::parse("q=%zz%4").text, "%zz%4");
        assert_eq!(Query::parse(&format!("q={}", "x".repeat(999))).text.len(), 200);
    }
}
