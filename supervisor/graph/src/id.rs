//! Node ids: which are accepted, and their compact form.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use blake2b_simd::Params;
use thiserror::Error;

/// The longest id in bytes: what ArangoDB takes as a document key.
pub const MAX_NODE_ID: usize = 254;
/// The id of the `graph_root` node, the same in every graph: the hash of a constant tuple.
pub const ROOT_NODE_ID: &str = "jhGgCglHlbuWRQy1l0y_FA";
/// The id that fixcore gives to the root by itself; no other node may carry it.
pub const RESERVED_NODE_ID: &str = "root";

const HASHED_LEN: usize = 22;

/// Why a text is not a node id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// Nothing at all.
    #[error("a node id is empty")]
    Empty,
    /// Above [`MAX_NODE_ID`].
    #[error("a node id has {0} bytes, above the limit of {MAX_NODE_ID}")]
    TooLong(usize),
    /// A character that no document key may have.
    #[error("the node id {0:?} has a character that fixcore's database does not take")]
    Character(String),
    /// [`RESERVED_NODE_ID`].
    #[error("the node id {RESERVED_NODE_ID:?} is reserved for fixcore")]
    Reserved,
}

/// 128 bits that stand for a node id.
///
/// Ids made by the hash rule are 16 bytes in base64url, and are stored as such. Any other id is represented by
/// its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompactId([u8; 16]);

impl CompactId {
    /// The compact form of `text`, which must be a plausible id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if let Some(bytes) = decode(text.as_bytes()) {
            return Ok(Self(bytes));
        }
        check_plausible(text)?;
        let hash = Params::new().hash_length(16).hash(text.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(hash.as_bytes());
        Ok(Self(bytes))
    }

    /// The compact form of an id that the hash rule makes of these bytes.
    pub(crate) const fn of_hash(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id that the hash rule makes of these bytes, as text.
    pub(crate) fn encode(self) -> String {
        let bits = u128::from_be_bytes(self.0);
        let letter = |value: u128| char::from(LETTERS[usize::try_from(value & 0x3F).unwrap_or_default()]);
        let mut text: String = (0..HASHED_LEN - 1).map(|n| letter(bits >> (122 - 6 * n))).collect();
        text.push(letter(bits << 4));
        text
    }

    /// One byte of it, to spread ids over shards.
    pub(crate) fn first_byte(self) -> usize {
        usize::from(self.0[0])
    }
}

impl Hash for CompactId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.0));
    }
}

fn check_plausible(text: &str) -> Result<(), IdError> {
    match text {
        "" => Err(IdError::Empty),
        RESERVED_NODE_ID => Err(IdError::Reserved),
        _ if text.len() > MAX_NODE_ID => Err(IdError::TooLong(text.len())),
        // The characters of ArangoDB's document keys.
        _ if text.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-:.@()+,=;$!*'%".contains(&c)) => Ok(()),
        _ => Err(IdError::Character(text.chars().take(64).collect())),
    }
}

const INVALID: u8 = 0xFF;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const fn alphabet() -> [u8; 256] {
    let mut table = [INVALID; 256];
    let mut value = 0_u8;
    while (value as usize) < LETTERS.len() {
        table[LETTERS[value as usize] as usize] = value;
        value += 1;
    }
    table
}

static ALPHABET: [u8; 256] = alphabet();

/// The 16 bytes of an id in canonical base64url, by hand because it runs three times per edge.
fn decode(text: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; HASHED_LEN] = text.try_into().ok()?;
    let mut seen = 0_u8;
    // Three sums of 42 bits that do not wait for each other: one of 126 bits takes twice the time.
    let mut bits = 0_u128;
    for letters in text[..HASHED_LEN - 1].chunks_exact(7) {
        let mut part = 0_u64;
        for letter in letters {
            let value = ALPHABET[usize::from(*letter)];
            seen |= value;
            part = part << 6 | u64::from(value & 0x3F);
        }
        bits = bits << 42 | u128::from(part);
    }
    let last = ALPHABET[usize::from(text[HASHED_LEN - 1])];
    // 22 letters are 132 bits: the last four must be zero, or the text is not what an encoder writes.
    let canonical = seen & 0xC0 == 0 && last & 0xCF == 0;
    canonical.then(|| (bits << 2 | u128::from(last >> 4)).to_be_bytes())
}

/// A map keyed by compact ids.
pub(crate) type IdMap<V> = HashMap<CompactId, V, IdState>;

/// Keys for [`IdHasher`], random per map: ids are chosen by children, who must not be able to make them collide.
#[derive(Debug, Clone)]
pub(crate) struct IdState([u64; 2]);

impl Default for IdState {
    fn default() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0_u8), random.hash_one(1_u8)])
    }
}

impl BuildHasher for IdState {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher { keys: self.0, hash: 0 }
    }
}

/// Multiplies the two keyed halves of an id; ids are uniform already, so that this suffices.
#[derive(Debug)]
pub(crate) struct IdHasher {
    keys: [u64; 2],
    hash: u64,
}

#[expect(clippy::cast_possible_truncation, reason = "folds 128 bits into 64 on purpose")]
impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u128(u128::from(*byte));
        }
    }

    fn write_u128(&mut self, id: u128) {
        let low = (id as u64) ^ self.keys[0] ^ self.hash;
        let high = ((id >> 64) as u64) ^ self.keys[1];
        let product = u128::from(low) * u128::from(high);
        self.hash = (product as u64) ^ ((product >> 64) as u64);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hashed_ids_keep_their_bytes(bytes: [u8; 16]) {
            prop_assert_eq!(CompactId::parse(&CompactId(bytes).encode()).unwrap(), CompactId(bytes));
        }

        #[test]
        fn different_ids_differ(a in "[A-Za-z0-9_-]{22}", b in "[A-Za-z0-9_:.-]{1,30}") {
            let same = CompactId::parse(&a).unwrap() == CompactId::parse(&b).unwrap();
            prop_assert_eq!(same, a == b);
        }
    }

    #[test]
    fn a_text_that_no_encoder_writes_is_not_taken_for_its_neighbour() {
        // Both decode to the same 16 bytes in a lenient decoder.
        let canonical = CompactId::parse("jhGgCglHlbuWRQy1l0y_FA").unwrap();
        assert_ne!(canonical, CompactId::parse("jhGgCglHlbuWRQy1l0y_FB").unwrap());
    }

    #[test]
    fn implausible_ids_are_refused() {
        assert_eq!(CompactId::parse(""), Err(IdError::Empty));
        assert_eq!(CompactId::parse("root"), Err(IdError::Reserved));
        assert_eq!(CompactId::parse(&"x".repeat(255)), Err(IdError::TooLong(255)));
        assert!(CompactId::parse(&"x".repeat(254)).is_ok());
        for id in ["a b", "a/b", "a\"b", "a\\b", "a\nb", "ä", "a\u{0}b", "{}", "<a>", "a#b", "a?b"] {
            assert!(matches!(CompactId::parse(id), Err(IdError::Character(_))), "{id:?}");
        }
        for id in ["a", "9b7e-4d", "urn:x.y@z", "A_B(c)+,=;$!*'%"] {
            assert!(CompactId::parse(id).is_ok(), "{id:?}");
        }
    }
}
