use collector::SinkExt;
use ipc_proto::codec;
use ipc_proto::frame::HEADER_LEN;
use ipc_proto::graph::{DeferredEdge, Edge, EdgeType};
use tokio::sync::mpsc::{Receiver, channel};

use super::*;

const SMALL_CAP: usize = 4096;

fn output(limits: OutputLimits, queue: usize) -> (Output, Receiver<Vec<u8>>) {
    let (lane, frames) = channel(queue);
    (Output::new(JobId(1), lane, limits), frames)
}

fn small(queue: usize) -> (Output, Receiver<Vec<u8>>) {
    output(OutputLimits { frame_cap: SMALL_CAP, max_resources: None }, queue)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn decoded(frame: &[u8]) -> Report<'_> {
    let message: ToSupervisor<'_> = codec::decode(&frame[HEADER_LEN..]).unwrap();
    message.body
}

fn node<'a>(id: &'a str, json: &'a [u8]) -> Node<'a> {
    Node { id, kind: "kind", role: Role::Resource, json }
}

/// All frames that were queued.
fn drain(frames: &mut Receiver<Vec<u8>>) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| frames.try_recv().ok()).collect()
}

fn faults(frames: &[Vec<u8>]) -> Vec<Fault> {
    let fault = |frame: &Vec<u8>| if let Report::Fault(fault) = decoded(frame) { Some(fault) } else { None };
    frames.iter().filter_map(fault).collect()
}

#[test]
fn what_the_supervisor_would_refuse_is_left_out_with_a_fault() {
    let (output, mut frames) = small(100);
    run(async {
        let id = "i".repeat(MAX_ID + 1);
        output.node(node("", b"{}")).await.unwrap();
        output.node(node(&id, b"{}")).await.unwrap();
        output.node(node("two", b"{\n}")).await.unwrap();
        output.node(node("big", &vec![b'x'; SMALL_CAP])).await.unwrap();
        let edge = Edge { from: "", to: "a", edge_type: EdgeType::Default, reported: None };
        output.edge(edge).await.unwrap();
        output.edge(Edge { from: "a", reported: Some(b"{\n}"), ..edge }).await.unwrap();
        let deferred = DeferredEdge {
            from: Selector::NodeId("a"),
            to: Selector::NodeId(&id),
            edge_type: EdgeType::Default,
        };
        output.deferred_edge(deferred).await.unwrap();
        output.node(node("fine", b"{}")).await.unwrap();
        let done = output.finish().await.unwrap();
        assert_eq!((done.totals.nodes, done.totals.edges, done.totals.deferred), (1, 0, 0));
        assert_eq!(done.faults, 7);
    });
    let messages: Vec<String> = faults(&drain(&mut frames)).into_iter().map(|fault| fault.message).collect();
    assert_eq!(messages[0], "a resource of kind kind was left out: an id is empty");
    assert_eq!(
        messages[3],
        "a resource of kind kind was left out: it takes 4096 bytes, more than the 3072 allowed"
    );
    assert_eq!(messages[6], "a deferred edge was left out: an id has 257 bytes, more than the 256 allowed");
}

#[test]
fn every_frame_fits_the_cap_whatever_is_in_it() {
    let (output, mut frames) = small(10_000);
    run(async {
        for n in 0..200 {
            let json = vec![b'x'; n * 15];
            output.node(node(&n.to_string(), &json)).await.unwrap();
            output
                .deferred_edge(DeferredEdge {
                    from: Selector::Search(&"s".repeat(n * 10)),
                    to: Selector::NodeId("x"),
                    edge_type: EdgeType::Default,
                })
                .await
                .unwrap();
            let long = "l".repeat(5000);
            output
                .fault(fault(FaultKind::Internal, format!("{n}{long}")).with_hint(&long).scope_region(&long));
            output.progress(Progress {
                path: vec![long.clone(); 20],
                name: n.to_string(),
                current: 0,
                total: 1,
            });
        }
        output.send_news().await.unwrap();
        output.finish().await.unwrap();
    });
    let frames = drain(&mut frames);
    assert!(frames.iter().all(|frame| frame.len() <= SMALL_CAP + HEADER_LEN));
    let nodes =
        |frame: &Vec<u8>| if let Report::Chunk(chunk) = decoded(frame) { chunk.nodes.len() } else { 0 };
    assert_eq!(frames.iter().map(nodes).sum::<usize>(), 200);
    assert_eq!(faults(&frames).len(), 200);
}

#[test]
fn many_writers_make_one_unbroken_sequence() {
    let (output, mut frames) = small(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let writers: Vec<_> = (0..50)
            .map(|writer| {
                let output = output.clone();
                tokio::spawn(async move {
                    for n in 0..50 {
                        output.node(node(&format!("{writer}-{n}"), &[b'x'; 100])).await.unwrap();
                    }
                })
            })
            .collect();
        let finished = tokio::spawn(async move {
            for writer in writers {
                writer.await.unwrap();
            }
            output.finish().await.unwrap()
        });
        let mut tally = Tally::default();
        while let Some(frame) = frames.recv().await {
            match decoded(&frame) {
                Report::Chunk(chunk) => {
                    assert_eq!(chunk.seq, tally.totals().chunks);
                    tally.add(&chunk);
                }
                Report::Done(done) => assert_eq!(done.totals, tally.totals()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(finished.await.unwrap().totals.nodes, 2500);
    });
}

#[test]
fn nothing_follows_the_end_of_a_job() {
    let (output, mut frames) = small(100);
    run(async {
        output.node(node("a", b"{}")).await.unwrap();
        output.end_from_outside(fault(FaultKind::Internal, "over"));
        assert!(matches!(output.node(node("b", b"{}")).await, Err(Failure::Stopped)));
        assert!(output.check().is_err());
        assert!(output.finish().await.is_err());
        assert!(!output.fail(fault(FaultKind::Internal, "later")).await);
        output.fault(fault(FaultKind::Internal, "late"));
        assert!(output.send_news().await.is_err());
        assert!(output.try_heartbeat(1), "there is nothing to try again");
    });
    let frames = drain(&mut frames);
    assert_eq!(frames.len(), 1);
    assert!(matches!(decoded(&frames[0]), Report::Fatal(fault) if fault.message == "over"));
}

#[test]
fn the_last_message_waits_for_room_in_the_queue() {
    let (output, mut frames) = small(1);
    run(async {
        output.send(Report::Ready).await.unwrap();
        output.end_from_outside(fault(FaultKind::Internal, "over"));
        assert!(matches!(decoded(&frames.recv().await.unwrap()), Report::Ready));
        assert!(matches!(decoded(&frames.recv().await.unwrap()), Report::Fatal(_)));
    });
}

#[test]
fn a_queue_without_reader_stops_the_job() {
    let (output, frames) = small(1);
    drop(frames);
    run(async {
        let mut written = 0;
        while output.node(node("a", &[b'x'; 500])).await.is_ok() {
            written += 1;
            assert!(written < 100);
        }
        assert_eq!(output.stopped(), Some(Stop::Disconnected));
    });
}

#[test]
fn a_full_queue_asks_the_heartbeat_to_try_again() {
    let (output, mut frames) = small(1);
    output.step("s".repeat(1000));
    output.work(41);
    assert!(output.try_heartbeat(5));
    assert!(!output.try_heartbeat(5));
    let frame = frames.try_recv().unwrap();
    let Report::Heartbeat(beat) = decoded(&frame) else { panic!("a heartbeat") };
    assert_eq!((beat.rss, beat.work, beat.step.len()), (5, 41, MAX_NAME));
    assert!(output.try_heartbeat(5));
}

#[test]
fn what_comes_after_done_was_computed_is_no_silent_loss() {
    let (output, mut frames) = small(1);
    run(async {
        output.node(node("in time", b"{}")).await.unwrap();
        let late = async {
            // The chunk fills the queue, so that Done has to wait.
            assert!(frames.len() == 1);
            output.node(node("late", b"{}")).await.unwrap();
            frames.recv().await.unwrap();
        };
        let (finished, ()) = tokio::join!(biased; output.finish(), late);
        let Err(Failure::Fault(fault)) = finished else { panic!("{finished:?}") };
        assert_eq!(fault.message, "the collector put out more after its end");
        assert_eq!(output.exit_code(), None);
    });
}

#[test]
fn what_has_gathered_goes_out_before_the_chunk_is_full() {
    let (output, mut frames) = small(100);
    run(async {
        output.send_gathered().await.unwrap();
        assert!(drain(&mut frames).is_empty(), "nothing has gathered");
        for (seq, id) in [(0, "one"), (1, "two")] {
            output.node(node(id, b"{}")).await.unwrap();
            output.send_gathered().await.unwrap();
            let sent = drain(&mut frames);
            let Report::Chunk(chunk) = decoded(&sent[0]) else { panic!("a chunk is expected") };
            assert_eq!((chunk.seq, chunk.nodes.len(), chunk.nodes[0].id), (seq, 1, id));
        }
        assert_eq!(output.finish().await.unwrap().totals.chunks, 2);
    });
}
