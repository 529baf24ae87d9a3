//! Properties of codec and frames over any message and any bytes.

mod strategies;

use std::fmt::Debug;

use bincode::{BorrowDecode, Encode};
use ipc_proto::codec::{self, CodecError};
use ipc_proto::connection::{FrameReader, FrameWriter, encode_frame};
use ipc_proto::frame::{FrameDecoder, FrameError, HEADER_LEN};
use ipc_proto::handshake::{Hello, HelloReply};
use ipc_proto::limits::MAX_FRAME;
use ipc_proto::message::{ToChild, ToSupervisor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::io::duplex;

fn encoded<M: Encode>(message: &M) -> Vec<u8> {
    let mut payload = Vec::new();
    codec::encode_into(message, &mut payload).expect("any message can be encoded");
    payload
}

/// The whole message roundtrips; no part of it does, and nothing may follow it.
fn assert_exact<M>(message: &M) -> Result<(), TestCaseError>
where
    M: Encode + BorrowDecode<'static, ()> + PartialEq + Debug,
{
    let payload: &'static [u8] = encoded(message).leak();
    prop_assert_eq!(&codec::decode::<M>(payload)?, message);
    for len in 0..payload.len() {
        prop_assert!(
            codec::decode::<M>(&payload[..len]).is_err(),
            "decodes from {} of {}",
            len,
            payload.len()
        );
    }
    for extra in 1..3 {
        let longer: &'static [u8] = [payload, &[0; 2][..extra]].concat().leak();
        let result = codec::decode::<M>(longer);
        prop_assert!(matches!(result, Err(CodecError::Trailing(n)) if n == extra), "{result:?}");
    }
    Ok(())
}

/// Decodes `bytes` as everything there is. What decodes must survive another round.
fn decode_as_everything(bytes: &[u8]) -> Result<(), TestCaseError> {
    fn one<M: Encode + BorrowDecode<'static, ()> + PartialEq + Debug>(
        bytes: &'static [u8],
    ) -> Result<(), TestCaseError> {
        if let Ok(message) = codec::decode::<M>(bytes) {
            let again: &'static [u8] = encoded(&message).leak();
            prop_assert_eq!(codec::decode::<M>(again)?, message);
        }
        Ok(())
    }
    let bytes: &'static [u8] = bytes.to_vec().leak();
    one::<Hello>(bytes)?;
    one::<HelloReply>(bytes)?;
    one::<ToChild>(bytes)?;
    one::<ToSupervisor<'_>>(bytes)
}

/// All payloads of `stream`, which arrives in pieces that end at `cuts`.
fn payloads(stream: &[u8], cuts: &[usize]) -> Result<Vec<Vec<u8>>, FrameError> {
    let mut decoder = FrameDecoder::new(MAX_FRAME);
    let mut found = Vec::new();
    let mut from = 0;
    for &to in cuts.iter().chain([&stream.len()]) {
        decoder.feed(&stream[from..to]);
        from = to;
        while let Some(payload) = decoder.next_frame()? {
            found.push(payload.to_vec());
        }
    }
    assert_eq!(
        decoder.is_mid_frame(),
        found.iter().map(|p| p.len() + HEADER_LEN).sum::<usize>() < stream.len()
    );
    Ok(found)
}

fn stream_of(messages: &[ToSupervisor<'_>]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut frame = Vec::new();
    for message in messages {
        encode_frame(message, MAX_FRAME, &mut frame).expect("small messages");
        stream.extend_from_slice(&frame);
    }
    stream
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hello_is_exact(message in strategies::hello()) {
        assert_exact(&message)?;
    }

    #[test]
    fn replies_are_exact(message in strategies::reply()) {
        assert_exact(&message)?;
    }

    #[test]
    fn orders_are_exact(message in strategies::to_child()) {
        assert_exact(&message)?;
    }

    #[test]
    fn reports_are_exact(message in strategies::to_supervisor()) {
        assert_exact(&message)?;
    }

    #[test]
    fn a_stream_may_be_split_anywhere(
        messages in vec(strategies::to_supervisor(), 0..6),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let stream = stream_of(&messages);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let expected: Vec<Vec<u8>> = messages.iter().map(encoded).collect();
        prop_assert_eq!(&payloads(&stream, &cuts)?, &expected);
        let every_byte: Vec<usize> = (0..stream.len()).collect();
        prop_assert_eq!(&payloads(&stream, &every_byte)?, &expected);
    }

    #[test]
    fn a_cut_stream_gives_only_whole_frames(
        messages in vec(strategies::to_supervisor(), 1..4),
        cut in any::<Index>(),
    ) {
        let stream = stream_of(&messages);
        let cut = cut.index(stream.len());
        let found = payloads(&stream[..cut], &[])?;
        let expected: Vec<Vec<u8>> = messages.iter().map(encoded).collect();
        prop_assert!(found.len() < messages.len());
        prop_assert_eq!(&found[..], &expected[..found.len()]);
    }

    #[test]
    fn junk_is_never_a_panic(bytes in vec(any::<u8>(), 0..600)) {
        decode_as_everything(&bytes)?;
        let mut decoder = FrameDecoder::new(64);
        decoder.feed(&bytes);
        while let Ok(Some(payload)) = decoder.next_frame() {
            prop_assert!((1..=64).contains(&payload.len()));
        }
    }

    #[test]
    fn a_damaged_message_is_never_a_panic(
        message in strategies::to_supervisor(),
        order in strategies::to_child(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        for mut payload in [encoded(&message), encoded(&order)] {
            for (at, value) in &damage {
                let at = at.index(payload.len());
                payload[at] = *value;
            }
            decode_as_everything(&payload)?;
        }
    }

    #[test]
    fn a_length_above_the_cap_is_refused_at_once(len in any::<u32>(), cap in 1..=MAX_FRAME) {
        let mut decoder = FrameDecoder::new(cap);
        decoder.feed(&len.to_le_bytes());
        let len = len as usize;
        match decoder.next_frame() {
            Ok(found) => prop_assert!(found.is_none() && (1..=cap).contains(&len)),
            Err(FrameError::Empty) => prop_assert_eq!(len, 0),
            Err(FrameError::TooLarge { len: told, .. }) => prop_assert!(told == len && len > cap),
        }
    }

    #[test]
    fn messages_arrive_through_a_pipe_of_any_size(
        messages in vec(strategies::to_supervisor(), 0..6),
        size in 1..200usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(async {
            let (ours, theirs) = duplex(size);
            let (mut writer, mut reader) = (FrameWriter::new(ours), FrameReader::new(theirs));
            writer.set_cap(MAX_FRAME);
            reader.set_cap(MAX_FRAME);
            let sent = async {
                for message in &messages {
                    writer.send(message).await.expect("sent");
                }
                drop(writer);
            };
            let received = async {
                for message in &messages {
                    assert_eq!(reader.next().await.expect("valid").as_ref(), Some(message));
                }
                assert!(reader.next_payload().await.expect("closed in order").is_none());
            };
            tokio::join!(sent, received);
        });
    }
}
