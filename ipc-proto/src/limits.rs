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
/// What the supervisor aims at for the resources of one Clean job.
pub const CLEAN_TARGET: usize = 1 << 20;
/// Room in a frame for what Start carries beside its job: the environment, the time left.
pub const START_RESERVE: usize = 64 << 10;
/// The most entries in the log of one cleaned resource; the ones in the middle are left out first.
pub const MAX_LOG: usize = 100;
/// The most bytes of a seal: the credentials of one account.
pub const MAX_SEAL: usize = 16 << 10;
/// The length of the one-time token that a child reads from its standard input and returns in Hello.
pub const TOKEN_LEN: usize = 32;

/// Cuts `text` to [`MAX_TEXT`] bytes, between characters; cut text ends in an ellipsis.
pub fn clip(mut text: String) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
    text
}

// A node of the largest size must fit into a frame with its ids, and a chunk of the size aimed at, too.
const _: () = assert!(MAX_NODE_JSON + 2 * MAX_ID < MAX_FRAME);
const _: () = assert!(CHUNK_TARGET < MAX_FRAME && MAX_HANDSHAKE_FRAME < CHUNK_TARGET);
// The log of a resource must fit into a frame.
const _: () = assert!(MAX_LOG * (MAX_TEXT + 16) + 2 * MAX_TEXT < MAX_FRAME);
const _: () = assert!(CLEAN_TARGET + START_RESERVE < MAX_FRAME);
// A frame has a u32 in front.
const _: () = assert!(MAX_FRAME <= u32::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_is_left_alone() {
        let text = "x".repeat(MAX_TEXT);
        assert_eq!(clip(text.clone()), text);
        assert_eq!(clip(String::new()), "");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        // Three bytes each, so that the limit falls inside of one for some offset.
        for offset in 0..3 {
            let text = "y".repeat(offset) + &"€".repeat(MAX_TEXT);
            let cut = clip(text.clone());
            assert!(cut.len() <= MAX_TEXT && cut.len() > MAX_TEXT - 8, "{}", cut.len());
            assert!(text.starts_with(cut.strip_suffix('…').expect("an ellipsis")));
        }
    }
}
