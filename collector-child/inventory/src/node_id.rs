//! Node ids: 16 bytes of BLAKE2b over the Python text of a tuple of strings, in base64url without padding.

use std::fmt;

use blake2b_simd::Params;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

use crate::repr::write_repr;

/// Stands in a key for an ancestor that the node does not have.
pub(crate) const UNDEFINED: &str = "undefined";

/// The id of a node: 22 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 22]);

impl NodeId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Base64url is ASCII, so this is never the empty string.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl AsRef<str> for NodeId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many bytes a hash has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestSize {
    /// 6
    Six,
    /// 10
    Ten,
}

/// The hexadecimal BLAKE2b hash of `text`: how the Python worker's demo collectors make ids out of paths.
pub fn hex_digest(text: &str, size: DigestSize) -> String {
    let bytes = match size {
        DigestSize::Six => 6,
        DigestSize::Ten => 10,
    };
    HEXLOWER.encode(Params::new().hash_length(bytes).hash(text.as_bytes()).as_bytes())
}

/// The parts that make a node unique, in order: kind, cloud, account, region, zone, id, and then whatever a
/// kind adds. The Python worker hashes `str()` of this tuple, and ids have to stay what they are when the
/// worker is swapped.
#[derive(Debug, Clone)]
pub struct NodeKey {
    text: Vec<u8>,
}

impl NodeKey {
    /// An empty tuple.
    pub fn new() -> Self {
        Self { text: Vec::with_capacity(160) }
    }

    /// The six parts that every key begins with; `None` for an ancestor that the node does not have. A cloud,
    /// account, region or zone is its own ancestor.
    pub fn of(
        kind: &str,
        cloud: Option<&str>,
        account: Option<&str>,
        region: Option<&str>,
        zone: Option<&str>,
        id: &str,
    ) -> Self {
        let mut key = Self::new();
        key.push(kind);
        for ancestor in [cloud, account, region, zone] {
            key.push(ancestor.unwrap_or(UNDEFINED));
        }
        key.push(id);
        key
    }

    /// Begins anew, and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
    }

    /// Adds a part.
    pub fn push(&mut self, part: &str) {
        self.separate();
        write_repr(&mut self.text, part);
    }

    /// Adds a part that may be missing: Python writes `None`.
    pub fn push_optional(&mut self, part: Option<&str>) {
        if let Some(part) = part {
            self.push(part);
        } else {
            self.separate();
            self.text.extend_from_slice(b"None");
        }
    }

    /// Adds the parts of another key.
    pub(crate) fn append(&mut self, parts: &Self) {
        if let Some(text) = parts.text.strip_prefix(b"(") {
            self.separate();
            self.text.extend_from_slice(text);
        }
    }

    fn separate(&mut self) {
        self.text.extend_from_slice(if self.text.is_empty() { b"(" } else { b", " });
    }

    /// The id. Keys have at least two parts: Python writes a tuple of one with a comma that is not written here.
    pub fn id(&self) -> NodeId {
        let hash = Params::new().hash_length(16).to_state().update(&self.text).update(b")").finalize();
        let mut id = [0; 22];
        BASE64URL_NOPAD.encode_mut(hash.as_bytes(), &mut id);
        NodeId(id)
    }
}

impl Default for NodeKey {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_python_worker() {
        assert_eq!(
            u64::from_str_radix(&hex_digest("account_0", DigestSize::Six), 16),
            Ok(276_222_570_313_970)
        );
    }

    fn id(parts: &[&str]) -> String {
        let mut key = NodeKey::new();
        for part in parts {
            key.push(part);
        }
        key.id().to_string()
    }

    #[test]
    fn ids_are_those_of_the_python_worker() {
        let undefined = UNDEFINED;
        assert_eq!(
            NodeKey::of("graph_root", None, None, None, None, "root").id().as_str(),
            "jhGgCglHlbuWRQy1l0y_FA"
        );
        assert_eq!(
            NodeKey::of("cloud", Some("aws"), None, None, None, "aws").id().as_str(),
            "ZUBPEJ_2q81nfLN-SisUtg"
        );
        let account = "100000000001";
        assert_eq!(
            id(&["aws_account", "aws", account, undefined, undefined, account]),
            "gqxVsegjbVjD6xkvyJjwZw"
        );
        assert_eq!(
            id(&["aws_region", "aws", account, "us-east-1", undefined, "us-east-1", "global"]),
            "GBy84m9g2JaOG7ti4KGGuQ"
        );
        let mut instance = NodeKey::of(
            "aws_ec2_instance",
            Some("aws"),
            Some(account),
            Some("us-east-1"),
            None,
            "i-48b11f45de04d6198",
        );
        instance.push("arn:aws:ec2:us-east-1:100000000001:instance/i-48b11f45de04d6198");
        assert_eq!(instance.id().as_str(), "ATsYZHwJTyF8EO3DS6Elcg");
    }
}
