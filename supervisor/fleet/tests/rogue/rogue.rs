//! A child that misbehaves exactly as its account id says, for the tests of the fleet. Started with
//! `host RUN_DIR` it is a small supervisor instead, to be killed.

#![expect(
    clippy::unwrap_used,
    clippy::exit,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test helper"
)]

mod host;
mod jobs;
mod modes;
mod wire;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use ipc_proto::handshake::{HelloReply, SUPPORTED, VersionRange};
use ipc_proto::message::ToChild;
use ipc_proto::preface;

use modes::Mode;
use wire::Wire;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--connect", path, "--label", label] => child(Path::new(path), label),
        ["stranger", path] => stranger(Path::new(path)),
        ["host", dir] => host::main(Path::new(dir)),
        _ => {
            eprintln!("this helper is started by the tests of fixworker-fleet");
            std::process::exit(64);
        }
    }
}

/// The mode that an account id names.
pub(crate) fn mode_of(account: &str) -> Mode {
    let name = account.split('@').next().unwrap();
    let found = Mode::ALL.iter().find(|(_, known)| *known == name);
    found.unwrap_or_else(|| panic!("no mode is called {name}")).0
}

pub(crate) fn sleep_forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_mins(1));
    }
}

fn child(path: &Path, label: &str) {
    let (_, account) = label.split_once('/').unwrap();
    // A shared process has no account; its jobs have.
    let mode = if account == "-" { Mode::Ok } else { mode_of(&decode(account)) };
    let mut token = [0; 32];
    std::io::stdin().read_exact(&mut token).unwrap();
    assert_eq!(std::io::stdin().read(&mut [0]).unwrap(), 0, "nothing follows the token");
    if mode == Mode::IgnoreTerm {
        ignore_term();
    }
    if mode == Mode::NeverConnect {
        sleep_forever();
    }
    if mode == Mode::StrangerFirst {
        send_a_stranger(path);
    }
    let mut stream = UnixStream::connect(path).unwrap();
    match mode {
        Mode::NeverHello => {
            stream.write_all(&preface::encode(preface::Role::Child)).unwrap();
            sleep_forever();
        }
        Mode::BadMagic => {
            stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            sleep_forever();
        }
        Mode::WrongToken => token[31] ^= 1,
        _ => {}
    }
    let versions = if mode == Mode::WrongVersion { VersionRange { min: 7, max: 8 } } else { SUPPORTED };
    let mut wire = Wire::open(stream, versions, token);
    match wire.read::<HelloReply>() {
        Some(HelloReply::Welcome(_)) => serve(wire, path),
        Some(HelloReply::Reject(reject)) => {
            eprintln!("{reject}");
            sleep_forever();
        }
        None => std::process::exit(65),
    }
}

/// What the label says after its percent encoding.
fn decode(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Takes orders until the supervisor closes.
fn serve(mut wire: Wire, path: &Path) {
    let desk = jobs::Desk::new(&wire, path);
    while let Some(order) = wire.read::<ToChild>() {
        desk.take(order);
    }
    desk.closed();
}

fn ignore_term() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    #[expect(unsafe_code, reason = "ignoring a signal has no safe form")]
    // SAFETY: no handler is installed, the signal is only ignored.
    unsafe {
        signal(Signal::SIGTERM, SigHandler::SigIgn).unwrap();
    }
}

/// Another process, outside of our group, is first at the socket. It must be sent away, and we must not suffer.
fn send_a_stranger(path: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a test helper")]
    let output = Command::new(std::env::current_exe().unwrap())
        .arg("stranger")
        .arg(path)
        .process_group(0)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn stranger(path: &Path) {
    let stream = UnixStream::connect(path).unwrap();
    let mut wire = Wire::open(stream, SUPPORTED, [0; 32]);
    let Some(HelloReply::Reject(reject)) = wire.read::<HelloReply>() else { panic!("welcome?") };
    println!("{reject}");
}
