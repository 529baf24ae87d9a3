//! One member of a document that is not read for the rest of it.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The value at a path of names in a JSON object. Of a line of a node it is a fraction of the work to make one of its
/// values.
pub(super) fn member(json: &[u8], path: &[&str]) -> Option<Value> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    Member(path).deserialize(&mut reader).unwrap_or_default()
}

struct Member<'p>(&'p [&'p str]);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => serde::Deserialize::deserialize(deserializer).map(Some),
            _ => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let Some((name, rest)) = self.0.split_first() else { return Ok(None) };
        let mut found = None;
        while let Some(is) = members.next_key_seed(Is(name))? {
            if is {
                found = members.next_value_seed(Member(rest))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Whether a name is this one.
struct Is<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_found_wherever_it_is() {
        let line =
            json!({"id": "a", "reported": {"x": [{"name": "no"}], "na\"me": "b", "n": 3}, "name": "no"});
        let line = line.to_string();
        let found = |path: &[&str]| member(line.as_bytes(), path);
        assert_eq!(found(&["reported", "na\"me"]), Some(json!("b")));
        assert_eq!(found(&["reported", "n"]), Some(json!(3)));
        assert_eq!(found(&["reported", "name"]), None);
        assert_eq!(found(&["id"]), Some(json!("a")));
        assert_eq!(found(&["none", "n"]), None);
        assert_eq!(found(&["id", "n"]), None, "what is no object has no members");
    }
}
