//! `copy MEGABYTES FILE`: a plain copy over a Unix socket to a file, for the bench to compare with.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;

use anyhow::Context as _;

const CHUNK: usize = 256 << 10;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let megabytes: usize =
        args.next().and_then(|arg| arg.parse().ok()).context("MEGABYTES is not a number")?;
    let mut file = File::create(args.next().context("FILE is missing")?)?;

    let (mut from, mut to) = UnixStream::pair()?;
    let sender = thread::spawn(move || -> std::io::Result<()> {
        let chunk = vec![b'x'; CHUNK];
        let mut left = megabytes * 1_000_000;
        while left > 0 {
            let now = left.min(CHUNK);
            to.write_all(&chunk[..now])?;
            left -= now;
        }
        Ok(())
    });
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            n => file.write_all(&buffer[..n])?,
        }
    }
    sender.join().expect("the sender does not panic")?;
    Ok(())
}
