//! Any bytes, as a hostile process would write them into the socket.
//!
//! The first byte says how the rest arrives and under which cap. No input may panic, allocate without bound,
//! or decode to a message that does not survive another round.

#![no_main]

use std::fmt::Debug;

use ipc_proto::codec;
use ipc_proto::frame::FrameDecoder;
use ipc_proto::handshake::{Hello, HelloReply};
use ipc_proto::limits::{MAX_FRAME, MAX_HANDSHAKE_FRAME};
use ipc_proto::message::{ToChild, ToSupervisor};
use ipc_proto::preface;
use libfuzzer_sys::fuzz_target;

/// Stable under another round of encoding, and by its own account equal.
macro_rules! stable {
    ($message:ty, $payload:expr) => {
        if let Ok(message) = codec::decode::<$message>($payload) {
            let mut again = Vec::new();
            codec::encode_into(&message, &mut again).expect("what was decoded can be encoded");
            assert_same(&message, &codec::decode::<$message>(&again).expect("and decoded again"));
        }
    };
}

fn assert_same<A: Debug + PartialEq<B>, B: Debug>(one: &A, two: &B) {
    assert_eq!(one, two);
}

fn decode_as_everything(payload: &[u8]) {
    stable!(Hello, payload);
    stable!(HelloReply, payload);
    stable!(ToChild, payload);
    stable!(ToSupervisor<'_>, payload);
}

fn frames(step: usize, cap: usize, bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut decoder = FrameDecoder::new(cap);
    let mut found = Vec::new();
    for piece in bytes.chunks(step) {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(payload)) => {
                    assert!((1..=cap).contains(&payload.len()));
                    found.push(payload.to_vec());
                }
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
}

fuzz_target!(|data: &[u8]| {
    let Some((&control, bytes)) = data.split_first() else {
        return;
    };
    if let Some(opening) = bytes.first_chunk() {
        let role = if control & 1 == 0 { preface::Role::Child } else { preface::Role::Supervisor };
        let accepted = preface::check(opening, role).is_ok();
        assert_eq!(accepted, *opening == preface::encode(role));
    }
    decode_as_everything(bytes);
    let cap = if control & 2 == 0 { MAX_HANDSHAKE_FRAME } else { MAX_FRAME };
    let pieces = frames(1 + usize::from(control >> 2), cap, bytes);
    assert_eq!(pieces, frames(usize::MAX, cap, bytes), "how the bytes arrive makes no difference");
    pieces.0.iter().for_each(|payload| decode_as_everything(payload));
});
