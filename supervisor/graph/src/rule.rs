//! The rule that makes node ids, as far as the supervisor needs it: for the nodes that it writes itself, and to see
//! that a node is of the account that sends it.
//!
//! An id is 16 bytes of BLAKE2b over the text of a Python tuple of strings: kind, cloud, account, region, zone, id,
//! and for regions the name. Nobody can make one that belongs to another account.

use blake2b_simd::Params;

use crate::id::CompactId;

/// Stands in a key for an ancestor that the node does not have.
pub(crate) const UNDEFINED: &str = "undefined";

/// Builds keys, one after the other, in the same memory.
#[derive(Debug, Default)]
pub(crate) struct Key {
    text: Vec<u8>,
    /// A part has a character whose Python text is not known here.
    opaque: bool,
}

impl Key {
    /// Begins anew with these parts.
    pub(crate) fn of(&mut self, parts: &[&str]) -> &mut Self {
        self.text.clear();
        self.opaque = false;
        for part in parts {
            self.push(part);
        }
        self
    }

    fn push(&mut self, part: &str) {
        self.text.extend_from_slice(if self.text.is_empty() { b"('" } else { b", '" });
        let start = self.text.len();
        self.text.extend_from_slice(part.as_bytes());
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\');
        self.opaque |= !self.text[start..].iter().all(plain);
        self.text.push(b'\'');
    }

    /// Whether `id` is that of these parts, with `last` behind them or without.
    pub(crate) fn is(&mut self, id: CompactId, parts: &[&str], last: Option<&str>) -> bool {
        if let Some(last) = last {
            self.of(parts).push(last);
            if self.id() == Some(id) {
                return true;
            }
        }
        self.of(parts).id() == Some(id)
    }

    /// The id; `None` if a part has a character that is not printable ASCII, a quote or a backslash.
    pub(crate) fn id(&mut self) -> Option<CompactId> {
        self.text.push(b')');
        let hash = Params::new().hash_length(16).hash(&self.text);
        hash.as_bytes().try_into().ok().filter(|_| !self.opaque).map(CompactId::of_hash)
    }
}

/// The node id that the rule makes of these parts; `None` if one has a character that is not printable ASCII, a
/// quote or a backslash.
pub fn node_id(parts: &[&str]) -> Option<String> {
    Key::default().of(parts).id().map(CompactId::encode)
}

/// The node id of a cloud.
pub fn cloud_node_id(cloud: &str) -> Option<String> {
    node_id(&["cloud", cloud, UNDEFINED, UNDEFINED, UNDEFINED, cloud])
}

/// The node id of an account whose node is of `kind`, as collectors describe it: with what its key has besides behind a blank.
pub fn account_node_id(kind: &str, cloud: &str, account: &str) -> Option<String> {
    let Some((kind, part)) = kind.split_once(' ') else {
        return node_id(&[kind, cloud, account, UNDEFINED, UNDEFINED, account]);
    };
    node_id(&[kind, cloud, account, UNDEFINED, UNDEFINED, account, &part.replace("{id}", account)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_peer() {
        assert_eq!(cloud_node_id("aws").as_deref(), Some("ZUBPEJ_2q81nfLN-SisUtg"));
        assert_eq!(cloud_node_id("example").as_deref(), Some("ZHoSnFpbxxILQHKBxsvVwA"));
        let account = account_node_id("example_account", "example", "Example Account");
        assert_eq!(account.as_deref(), Some("vfKMDXmQWbiGi7RXMUAoKA"));
        let team = account_node_id("digitalocean_team do:team:{id}", "digitalocean", "1000");
        assert_eq!(team.as_deref(), Some("-FtKyKyoDP4uBjgwAnlAxw"));
        let mut key = Key::default();
        let root = key.of(&["graph_root", UNDEFINED, UNDEFINED, UNDEFINED, UNDEFINED, "root"]).id();
        assert_eq!(root, CompactId::parse(crate::id::ROOT_NODE_ID).ok());
    }

    #[test]
    fn what_python_would_write_in_another_way_is_left_alone() {
        for cloud in ["it's", "a\\b", "a\nb", "\u{7f}", "Zürich"] {
            assert_eq!(cloud_node_id(cloud), None, "{cloud}");
        }
    }
}
