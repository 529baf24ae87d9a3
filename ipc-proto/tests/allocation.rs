//! A forged length must not cost memory: what a decode may allocate is bounded, whatever the bytes say.

#![expect(unsafe_code, reason = "counting what is allocated needs an allocator of our own")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ipc_proto::codec::{self, DECODE_LIMIT, SMALL_DECODE_LIMIT};
use ipc_proto::handshake::{Hello, HelloReply};
use ipc_proto::limits::{MAX_FRAME, MAX_HANDSHAKE_FRAME};
use ipc_proto::message::{ToChild, ToSupervisor};
use proptest::collection::vec;
use proptest::prelude::*;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    // Gone while a thread ends, when nobody measures any more.
    let Ok(held) = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        held.get()
    }) else {
        return;
    };
    PEAK.with(|peak| peak.set(peak.get().max(held)));
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: the caller keeps the contract of `dealloc`, and `alloc` handed out the pointer.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes that this thread held at once during `work`, beyond what it held before.
fn peak_of(work: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    work();
    (PEAK.get() - before).unsigned_abs()
}

fn peak_of_decoding(payload: &[u8]) -> usize {
    let peaks = [
        peak_of(|| drop(codec::decode::<Hello>(payload))),
        peak_of(|| drop(codec::decode::<HelloReply>(payload))),
        peak_of(|| drop(codec::decode::<ToChild>(payload))),
        peak_of(|| drop(codec::decode::<ToSupervisor<'_>>(payload))),
    ];
    peaks.into_iter().max().unwrap_or_default()
}

// Boxes and the text of an error come on top of what the limit counts.
const SLACK: usize = 4 << 10;

/// A varint of the codec with eight bytes.
fn forged(len: u64) -> Vec<u8> {
    [&[253][..], &len.to_le_bytes()].concat()
}

/// The beginnings of messages up to a length that can be forged: the name of a list or text, and its prefix.
const PREFIXES: [(&str, &[u8], bool); 13] = [
    ("collectors of Describe", &[1, 0, 0], true),
    ("a collector's name in Describe", &[1, 0, 0, 1], true),
    ("reason of Cancel", &[1, 1], true),
    ("step of Heartbeat", &[1, 1, 0], false),
    ("collector of Described", &[1, 2], false),
    ("accounts", &[1, 3], false),
    ("cloud of an account", &[1, 3, 1], false),
    ("nodes of a chunk", &[1, 4, 0], false),
    ("id of a node", &[1, 4, 0, 1], false),
    ("edges of a chunk", &[1, 4, 0, 0], false),
    ("deferred edges of a chunk", &[1, 4, 0, 0, 0], false),
    ("progress", &[1, 5], false),
    ("path of a progress", &[1, 5, 1], false),
];

#[test]
fn forged_lengths_inside_a_payload_are_errors_and_cost_nothing() {
    for (what, prefix, to_child) in PREFIXES {
        for len in
            [1 << 10, 1 << 16, 1 << 20, MAX_FRAME as u64 + 1, 1 << 32, 1 << 60, u64::MAX / 24, u64::MAX]
        {
            for (padding, limit) in [(0, SMALL_DECODE_LIMIT), (MAX_HANDSHAKE_FRAME, DECODE_LIMIT)] {
                // 0xff begins nothing valid, so that the message cannot end well by accident.
                let payload = [prefix, &forged(len), &vec![0xff; padding]].concat();
                let fails = if to_child {
                    codec::decode::<ToChild>(&payload).is_err()
                } else {
                    codec::decode::<ToSupervisor<'_>>(&payload).is_err()
                };
                assert!(fails, "{what} with a length of {len}");
                let peak = peak_of_decoding(&payload);
                assert!(peak <= limit + SLACK, "{what} with a length of {len}: {peak} bytes were allocated");
            }
        }
    }
}

#[test]
fn the_allocator_counts() {
    assert!(peak_of(|| drop(vec![0u8; 1 << 20])) >= 1 << 20);
}

/// Bytes that look like a message: small numbers are variants and lengths, 251 to 253 begin larger ones.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![6 => 0..8u8, 2 => any::<u8>(), 1 => 250..=255u8];
    vec(byte, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_bytes_make_a_decode_allocate_above_its_limit(payload in plausible()) {
        let peak = peak_of_decoding(&payload);
        prop_assert!(peak <= SMALL_DECODE_LIMIT + SLACK, "{peak} bytes");
    }
}
