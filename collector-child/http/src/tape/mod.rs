//! Exchanges kept in a file, and answered from it: one account, debugged where its cloud cannot be reached.
//!
//! A process records or replays, or does neither: [`record`] and [`replay`] decide that once, before the first
//! connection. Every [`Transport`](crate::Transport) passes its exchanges through here, so nobody else has to know of it
//! but for three things that are not in an exchange:
//!
//! - what was read from the machine (files of profiles, say) is [`remember`]ed, and [`recalled`] in place of it;
//! - what depends on the time of the day asks [`now`], which stands still;
//! - credentials are not replayed: whoever makes them looks at [`is_replaying`] and takes stand-ins.
//!
//! What is secret does not come into the file: see `scrub`.

mod file;
mod inspect;
mod play;
mod record;
mod scrub;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use http::Request;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use serde::de::DeserializeOwned;

use bytes::Bytes;

pub use file::{Exchange, Opening, Outcome, Recording, Unreadable};
pub use inspect::{Inspected, Inspection, Suspicion, inspect};
pub use scrub::{STAND_IN, is_secret};

use crate::transport::{Answer, TransportTrouble};
use file::Asked;
use play::Player;
use record::Recorder;

static TAPE: OnceLock<Tape> = OnceLock::new();

/// Who asks, in an extension of a request: tells apart what several credentials ask for in the same words. The same in
/// every run, and no secret.
#[derive(Debug, Clone)]
pub struct Caller(pub String);

/// In an extension of a request whose answer is a credential: nothing of either body is kept.
#[derive(Debug, Clone, Copy)]
pub struct MakesCredentials;

/// What becomes of the exchanges of this process.
pub(crate) enum Tape {
    Record(Recorder),
    Replay(Player),
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Record(_) => "Record",
            Self::Replay(_) => "Replay",
        })
    }
}

/// What a recording holds when it is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Exchanges.
    pub exchanges: u64,
    /// Values that stand-ins replace.
    pub secrets: usize,
}

/// All exchanges from now on go into this file, too. To be called once, before the first connection.
///
/// # Errors
///
/// The file cannot be written, or the process records or replays already.
pub fn record(file: File, opening: &Opening) -> io::Result<()> {
    let recorder = Recorder::new(file, opening)?;
    TAPE.set(Tape::Record(recorder)).map_err(|_| io::Error::other("a recording was begun before"))
}

/// All exchanges from now on are answered from this recording, each after `latency`; nothing is sent. To be called once,
/// before the first connection.
///
/// # Errors
///
/// The process records or replays already.
pub fn replay(recording: Recording, latency: Duration) -> io::Result<()> {
    let player = Player::new(recording, latency);
    TAPE.set(Tape::Replay(player)).map_err(|_| io::Error::other("a recording was begun before"))
}

/// Completes the file, if the process records.
///
/// # Errors
///
/// The file could not be written, be it now or before: the recording is not complete.
pub fn finish() -> io::Result<Option<Summary>> {
    match TAPE.get() {
        Some(Tape::Record(recorder)) => recorder.finish().map(Some),
        _ => Ok(None),
    }
}

/// Requests that the recording has no answer to, each once; empty if the process does not replay.
pub fn missed() -> Vec<String> {
    match TAPE.get() {
        Some(Tape::Replay(player)) => player.missed(),
        _ => Vec::new(),
    }
}

/// The process records or replays.
pub fn is_running() -> bool {
    TAPE.get().is_some()
}

/// The process replays: credentials are stand-ins, and nothing of this machine counts.
pub fn is_replaying() -> bool {
    matches!(TAPE.get(), Some(Tape::Replay(_)))
}

/// The time for what is computed from it and asked for (the last hour of a metric). It stands still while the process
/// records, and is the time of the recording while it replays: so requests are the same.
pub fn now() -> SystemTime {
    match TAPE.get() {
        Some(Tape::Record(recorder)) => recorder.began(),
        Some(Tape::Replay(player)) => player.began(),
        None => SystemTime::now(),
    }
}

/// Keeps what was read from this machine, if the process records; else `read` is not asked. `name` tells facts from each
/// other. No secret may be among them.
pub fn remember<T: Serialize>(name: &str, read: impl FnOnce() -> T) {
    if let Some(Tape::Record(recorder)) = TAPE.get() {
        recorder.fact(name, &read());
    }
}

/// What [`remember`] has kept under this name, if the process replays and it is in the recording.
pub fn recalled<T: DeserializeOwned>(name: &str) -> Option<T> {
    match TAPE.get() {
        Some(Tape::Replay(player)) => player.fact(name),
        _ => None,
    }
}

/// What a request asks for, as recordings tell requests apart.
async fn asked(request: &Request<Full<Bytes>>) -> Asked {
    let body = request.body().clone().collect().await.map(http_body_util::Collected::to_bytes);
    Asked::of(request, &body.unwrap_or_default())
}

/// Passes a request on, or answers it.
pub(crate) async fn pass<F>(
    tape: &Tape,
    request: Request<Full<Bytes>>,
    unpacked: impl Fn(&Answer) -> Option<Bytes>,
    send: impl FnOnce(Request<Full<Bytes>>) -> F,
) -> Result<Answer, TransportTrouble>
where
    F: Future<Output = Result<Answer, TransportTrouble>>,
{
    let asked = asked(&request).await;
    match tape {
        Tape::Replay(player) => player.answer(asked).await,
        Tape::Record(recorder) => {
            recorder.learn(request.headers());
            let answered = send(request).await;
            recorder.exchange(asked, &answered, unpacked);
            answered
        }
    }
}

/// What the process does, for transports.
pub(crate) fn current() -> Option<&'static Tape> {
    TAPE.get()
}

/// Reads a recording.
///
/// # Errors
///
/// It is none, in words. One that was cut off is read as far as it goes.
pub fn read(path: &Path) -> Result<Recording, Unreadable> {
    file::read(File::open(path).map_err(|error| Unreadable::Io(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn request(uri: &str, caller: &str, body: &str) -> Request<Full<Bytes>> {
        let request = Request::post(uri).header("authorization", "Scheme the-token-of-a-run");
        let request = request.header("x-operation-target", "Op").extension(Caller(caller.to_owned()));
        request.body(Full::new(body.to_owned().into())).unwrap()
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: HeaderMap::new(), body: body.to_owned().into() }
    }

    async fn kept(tape: &Tape, request: Request<Full<Bytes>>, answered: Result<Answer, TransportTrouble>) {
        let unpacked = |answer: &Answer| Some(answer.body.clone());
        drop(pass(tape, request, unpacked, |_| async { answered }).await);
    }

    async fn replayed(
        player: &Player,
        request: Request<Full<Bytes>>,
    ) -> Result<(u16, String), TransportTrouble> {
        let answer = player.answer(asked(&request).await).await?;
        Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }

    /// A recording of what happens in `keep`.
    async fn recorded(folder: &Path, keep: impl AsyncFnOnce(&Tape)) -> Recording {
        let path = folder.join("recording");
        let recorder = Recorder::new(File::create(&path).unwrap(), &Opening::now("sky")).unwrap();
        let tape = Tape::Record(recorder);
        keep(&tape).await;
        let Tape::Record(recorder) = tape else { panic!() };
        recorder.finish().unwrap();
        read(&path).unwrap()
    }

    #[tokio::test]
    async fn equal_requests_get_their_answers_in_order_and_the_last_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let recording = recorded(folder.path(), async |tape| {
            kept(tape, request("http://h/x", "a", "{}"), Ok(answer(503, "slow down"))).await;
            kept(tape, request("http://h/x", "a", "{}"), Ok(answer(200, "{\"n\": 1}"))).await;
            kept(tape, request("http://h/x", "b", "{}"), Ok(answer(200, "of b"))).await;
            let broken = TransportTrouble::Broken("h".to_owned(), "reset".to_owned());
            kept(tape, request("http://h/y", "a", ""), Err(broken)).await;
        })
        .await;
        assert_eq!((recording.exchanges.len(), recording.cut_off.clone()), (4, None));
        let player = Player::new(recording, Duration::ZERO);
        let a = || request("http://h/x", "a", "{}");
        assert_eq!(replayed(&player, a()).await.unwrap(), (503, "slow down".to_owned()));
        for _ in 0..2 {
            assert_eq!(replayed(&player, a()).await.unwrap(), (200, "{\"n\": 1}".to_owned()));
        }
        assert_eq!(replayed(&player, request("http://h/x", "b", "{}")).await.unwrap().1, "of b");
        let trouble = replayed(&player, request("http://h/y", "a", "")).await.unwrap_err();
        assert_eq!(trouble.code(), "ConnectionLost");
        assert_eq!(player.missed(), Vec::<String>::new());
        let trouble = replayed(&player, request("http://h/x", "c", "{}")).await.unwrap_err();
        assert_eq!(trouble.to_string(), "the recording has no answer to POST http://h/x Op");
        assert!(!trouble.passes());
        assert_eq!(player.missed(), ["POST http://h/x Op"]);
    }

    #[tokio::test]
    async fn secrets_have_stand_ins_that_requests_send_again() {
        let folder = tempfile::tempdir().unwrap();
        let recording = recorded(folder.path(), async |tape| {
            let page = "{\"token\": \"p4ge\", \"echo\": \"the-token-of-a-run\"}";
            kept(tape, request("http://h/x", "a", ""), Ok(answer(200, page))).await;
            kept(tape, request("http://h/x?token=p4ge", "a", ""), Ok(answer(200, "two"))).await;
            let mut of_credentials = request("http://h/token", "a", "client_secret=s3cret");
            of_credentials.extensions_mut().insert(MakesCredentials);
            kept(tape, of_credentials, Ok(answer(200, "plain-s3cret"))).await;
        })
        .await;
        let text = format!("{recording:?}");
        for secret in ["p4ge", "the-token-of-a-run", "s3cret"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(inspect(&recording).suspicions, []);
        let player = Player::new(recording, Duration::ZERO);
        let (_, page) = replayed(&player, request("http://h/x", "a", "")).await.unwrap();
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let next = format!("http://h/x?token={}", page["token"].as_str().unwrap());
        assert_eq!(replayed(&player, request(&next, "a", "")).await.unwrap().1, "two");
    }

    #[tokio::test]
    async fn what_was_cut_off_is_read_as_far_as_it_goes_and_what_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recording");
        let recorder = Recorder::new(File::create(&path).unwrap(), &Opening::now("sky")).unwrap();
        let tape = Tape::Record(recorder);
        for n in 0..250 {
            kept(&tape, request(&format!("http://h/{n}"), "a", ""), Ok(answer(200, &n.to_string()))).await;
        }
        // Killed: what was written last is lost.
        let Tape::Record(recorder) = tape else { panic!() };
        std::mem::forget(recorder);
        let recording = read(&path).unwrap();
        assert!(recording.cut_off.is_some() && recording.exchanges.len() >= 100, "{:?}", recording.cut_off);

        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(read(&path), Err(Unreadable::Foreign(_))));
        assert!(matches!(read(&folder.path().join("none")), Err(Unreadable::Io(_))));
    }

    #[tokio::test]
    async fn facts_are_told_again() {
        let folder = tempfile::tempdir().unwrap();
        let recording = recorded(folder.path(), async |tape| {
            let Tape::Record(recorder) = tape else { panic!() };
            recorder.fact("profile", &json!({"region": "eu-1", "secret_key": "s3cret-s3cret"}));
        })
        .await;
        let player = Player::new(recording, Duration::ZERO);
        let told: serde_json::Value = player.fact("profile").unwrap();
        assert_eq!((&told["region"], &told["secret_key"]), (&json!("eu-1"), &json!("redacted-1")));
        assert_eq!(player.fact::<String>("another"), None);
    }
}
