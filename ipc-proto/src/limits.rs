//! Every size and count cap of the protocol, in bytes unless said otherwise.

/// The largest payload before Welcome.
pub const MAX_HANDSHAKE_FRAME: usize = 4 << 10;
/// The largest payload after Welcome.
pub const MAX_FRAME: usize = 4 << 20;
/// What a child aims at for the payload of a chunk of nodes and edges.
pub const CHUNK_TARGET: usize = 256 << 10;
/// The largest JSON text of one node: a frame less room for its envelope.
pub const MAX_NODE_JSON: usize = MAX_FRAME - (4 << 10);
/// The longest node id that is accepted. Ids made by the hash rule have 22 bytes.
pub const MAX_ID: usize = 256;
/// The longest human-readable text in a fault or progress message; longer text is cut.
pub const MAX_TEXT: usize = 4 << 10;
/// The length of the one-time token that a child reads from its standard input and returns in Hello.
pub const TOKEN_LEN: usize = 32;
