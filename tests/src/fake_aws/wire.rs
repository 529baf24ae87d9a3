//! HTTP/1.1 as far as SDKs and mock clouds speak it: requests and answers with a length.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;

use anyhow::Context as _;

/// A request.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    /// The headers as they came, without those of the connection.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What came back: status line and headers, and the body.
#[derive(Debug, Clone)]
pub(super) struct Got {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Asked {
    /// The next request of a connection; `None` at its end.
    pub(super) fn read(from: &mut impl BufRead) -> anyhow::Result<Option<Self>> {
        let Some((line, headers)) = head(from)? else { return Ok(None) };
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, target) = (word(), word());
        let mut asked = Self { method, target, headers, body: Vec::new() };
        asked.body = if asked.header("transfer-encoding").contains("chunked") {
            chunks(from)?
        } else {
            let length = asked.header("content-length").parse().unwrap_or(0);
            body(from, length)?
        };
        Ok(Some(asked))
    }

    /// A header; empty if there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Key, region and service of the signature: `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
    pub(super) fn scope(&self) -> [&str; 3] {
        let credential = self.header("authorization").split("Credential=").nth(1).unwrap_or_default();
        let mut parts = credential.split([',', ' ']).next().unwrap_or_default().split('/');
        let key = parts.next().unwrap_or_default();
        let region = parts.nth(1).unwrap_or_default();
        [key, region, parts.next().unwrap_or_default()]
    }
}

/// Asks another server.
pub(super) fn forward(address: &str, asked: &Asked) -> anyhow::Result<Got> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("{address} is not there"))?;
    let mut text = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target);
    for (name, value) in &asked.headers {
        let of_connection =
            ["connection", "content-length", "transfer-encoding", "expect"].contains(&&*name.to_lowercase());
        if !of_connection {
            text.extend([name, ": ", value, "\r\n"]);
        }
    }
    stream.write_all(text.as_bytes())?;
    write!(stream, "content-length: {}\r\nconnection: close\r\n\r\n", asked.body.len())?;
    stream.write_all(&asked.body)?;
    let mut reader = BufReader::new(stream);
    let (line, headers) = head(&mut reader)?.context("no answer")?;
    let header = |wanted: &str| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let body = if header("transfer-encoding").is_some() {
        chunks(&mut reader)?
    } else if asked.method == "HEAD" {
        Vec::new()
    } else if let Some((_, length)) = header("content-length") {
        body(&mut reader, length.parse()?)?
    } else {
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest)?;
        rest
    };
    let mut kept = line + "\r\n";
    for (name, value) in &headers {
        if !["connection", "content-length", "transfer-encoding", "date"].contains(&&*name.to_lowercase()) {
            kept.extend([name, ": ", value, "\r\n"]);
        }
    }
    Ok(Got { head: kept, body })
}

/// An answer of our own.
pub(super) fn answer(status: u16, body: &str) -> Vec<u8> {
    answer_of(status, "application/json", body)
}

/// An answer of this type.
pub(super) fn answer_of(status: u16, content: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} -\r\ncontent-type: {content}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// The first line and the headers; `None` if the connection is at its end.
#[expect(clippy::type_complexity, reason = "a line and pairs")]
fn head(from: &mut impl BufRead) -> anyhow::Result<Option<(String, Vec<(String, String)>)>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        from.read_line(&mut header)?;
        let header = header.trim_end();
        if header.is_empty() {
            return Ok(Some((line.trim_end().to_owned(), headers)));
        }
        if let Some((name, value)) = header.split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
}

fn body(from: &mut impl BufRead, length: usize) -> anyhow::Result<Vec<u8>> {
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

fn chunks(from: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).with_context(|| format!("`{size}` is no size"))?;
        let mut chunk = vec![0; size + 2];
        from.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(all);
        }
        all.extend_from_slice(&chunk[..size]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_with_length_or_in_chunks() {
        let text = "POST /a?b HTTP/1.1\r\nContent-Length: 2\r\nAuthorization: AWS4-HMAC-SHA256 Credential=K/20261201/eu-west-1/ec2/aws4_request, SignedHeaders=host\r\n\r\nxyPUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let mut from = text.as_bytes();
        let first = Asked::read(&mut from).unwrap().unwrap();
        assert_eq!(
            (first.method.as_str(), first.target.as_str(), first.body.as_slice()),
            ("POST", "/a?b", &b"xy"[..])
        );
        assert_eq!(first.scope(), ["K", "eu-west-1", "ec2"]);
        assert_eq!(Asked::read(&mut from).unwrap().unwrap().body, b"abc");
        assert!(Asked::read(&mut from).unwrap().is_none());
    }
}
