//! The short form of structures: `Name=vpc-id,Values=a,b`, `A={B=c,D=[e,f]}`, `x,y`.

use serde_json::{Map, Value};

/// Deeper ones are refused.
const MAX_DEPTH: usize = 16;

/// Reads pairs, for structures and maps. All scalars are texts. The error says what is wrong, without the text.
pub(super) fn pairs(text: &str) -> Result<Map<String, Value>, String> {
    let mut reader = Reader { rest: text, depth: 0 };
    let found = reader.pairs(None)?;
    reader.skip();
    match reader.rest.chars().next() {
        None => Ok(found),
        Some(found) => Err(format!("there is no place for {found:?}")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, wanted: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `a=b,c=d`, until the end or `close`, which is left.
    fn pairs(&mut self, close: Option<char>) -> Result<Map<String, Value>, String> {
        let mut found = Map::new();
        loop {
            let Some((key, rest)) = key(self.rest) else {
                return Err("pairs are written as Name=value".to_owned());
            };
            self.rest = rest;
            let value = self.value(close)?;
            if found.insert(key.to_owned(), value).is_some() {
                return Err(format!("{key} is given twice"));
            }
            if !self.takes(',') {
                return Ok(found);
            }
        }
    }

    /// What follows an equal sign: a list in brackets, pairs in braces, a text, or texts up to the next pair.
    fn value(&mut self, close: Option<char>) -> Result<Value, String> {
        if let Some(nested) = self.nested()? {
            return Ok(nested);
        }
        let mut texts = vec![Value::String(self.text(close)?)];
        loop {
            self.skip();
            let Some(rest) = self.rest.strip_prefix(',') else { break };
            if key(rest).is_some() {
                break;
            }
            self.rest = rest;
            if rest.trim_start().is_empty() {
                // A comma at the end makes a list of one.
                return Ok(Value::Array(texts));
            }
            texts.push(Value::String(self.text(close)?));
        }
        Ok(if texts.len() == 1 { texts.remove(0) } else { Value::Array(texts) })
    }

    fn nested(&mut self) -> Result<Option<Value>, String> {
        if self.takes('[') {
            let mut items = Vec::new();
            while !self.takes(']') {
                if !items.is_empty() && !self.takes(',') {
                    return Err("a list has no end: ] is missing".to_owned());
                }
                let item = self.deeper(|reader| match reader.nested()? {
                    Some(nested) => Ok(nested),
                    None => reader.text(Some(']')).map(Value::String),
                })?;
                items.push(item);
            }
            return Ok(Some(Value::Array(items)));
        }
        if self.takes('{') {
            if self.takes('}') {
                return Ok(Some(Value::Object(Map::new())));
            }
            let inside = self.deeper(|reader| reader.pairs(Some('}')))?;
            if !self.takes('}') {
                return Err("a structure has no end: } is missing".to_owned());
            }
            return Ok(Some(Value::Object(inside)));
        }
        Ok(None)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// One scalar: in quotes, or up to a comma or `close`. A backslash keeps what follows from meaning something.
    fn text(&mut self, close: Option<char>) -> Result<String, String> {
        self.skip();
        let quote = self.rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        if quote.is_some() {
            self.rest = &self.rest[1..];
        }
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some((_, escaped)) => text.push(escaped),
                    None => text.push('\\'),
                },
                _ if Some(char) == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                ',' if quote.is_none() => {
                    self.rest = &self.rest[at..];
                    return Ok(text.trim_end().to_owned());
                }
                _ if quote.is_none() && Some(char) == close => {
                    self.rest = &self.rest[at..];
                    return Ok(text.trim_end().to_owned());
                }
                _ => text.push(char),
            }
        }
        if quote.is_some() {
            return Err("a quoted text has no end".to_owned());
        }
        self.rest = "";
        Ok(text.trim_end().to_owned())
    }
}

/// The name before an equal sign, and what is behind that.
fn key(text: &str) -> Option<(&str, &str)> {
    let (key, rest) = text.split_once('=')?;
    let key = key.trim();
    let fits = |char: char| char.is_alphanumeric() || "-_.#/:".contains(char);
    (!key.is_empty() && key.chars().all(fits)).then_some((key, rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_forms_are_read() {
        for (text, expected) in [
            ("Name=vpc-id,Values=a,b", json!({"Name": "vpc-id", "Values": ["a", "b"]})),
            ("Name=x,Values=a", json!({"Name": "x", "Values": "a"})),
            ("Values=a,", json!({"Values": ["a"]})),
            ("Key=,Value=", json!({"Key": "", "Value": ""})),
            ("A={B=c,D=[e,f]},G=h", json!({"A": {"B": "c", "D": ["e", "f"]}, "G": "h"})),
            ("A=[{B=c},{B=d}]", json!({"A": [{"B": "c"}, {"B": "d"}]})),
            ("A=[],B={}", json!({"A": [], "B": {}})),
            ("A='x, y=z',B=\"it's\"", json!({"A": "x, y=z", "B": "it's"})),
            ("A=x\\,y", json!({"A": "x,y"})),
            ("A=b=c", json!({"A": "b=c"})),
            ("tag:Name=x", json!({"tag:Name": "x"})),
        ] {
            assert_eq!(pairs(text).map(Value::Object), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, told) in [
            ("a", "Name=value"),
            ("A=[b", "] is missing"),
            ("A={B=c", "} is missing"),
            ("A='b", "no end"),
            ("A=b,A=c", "A is given twice"),
            ("A=[b]c", "no place for 'c'"),
        ] {
            let message = pairs(text).unwrap_err();
            assert!(message.contains(told), "{text}: {message}");
        }
        let deep = format!("A={}", "[".repeat(100));
        assert!(pairs(&deep).unwrap_err().contains("too deeply"));
    }
}
