//! Searches in a graph, read line by line, and changes of single nodes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};

use super::answer::CoreAnswer;
use super::client::{Call, CoreClient, MAX_ERROR_BODY};
use super::error::CoreError;
use super::transport::read_start;

/// What a search may bring, in bytes after decompression.
#[derive(Debug, Clone, Copy)]
pub struct SearchLimits {
    /// The longest line; longer ones are left out, and counted.
    pub line: usize,
    /// All lines together; a larger answer is an error.
    pub total: usize,
    /// The search, with its whole answer, takes no longer.
    pub time: Duration,
}

/// What a search has brought, besides its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchEnd {
    /// Lines that were handed over.
    pub lines: u64,
    /// Lines that were too long.
    pub too_long: u64,
}

impl CoreClient {
    /// Searches in `graph` and hands over each line of the answer: nodes and edges as NDJSON, a node always
    /// before its edges. A search that fails half way has handed over a part.
    pub async fn search_graph(
        &self,
        graph: &str,
        query: &str,
        limits: SearchLimits,
        mut line: impl FnMut(&str) + Send,
    ) -> Result<SearchEnd, CoreError> {
        let action = format!("search in the graph {graph}");
        let search = async {
            let response = match self.search_once(&action, graph, query).await {
                Err(CoreError::Unauthorized { .. }) => {
                    self.renew_token().await;
                    self.search_once(&action, graph, query).await?
                }
                Err(CoreError::Certificate { .. }) if self.renew_trust().await => {
                    self.search_once(&action, graph, query).await?
                }
                result => result?,
            };
            read_lines(&action, response, limits, &mut line).await
        };
        let timed_out = |_| CoreError::TimedOut { action: action.clone(), after: limits.time };
        tokio::time::timeout(limits.time, search).await.map_err(timed_out)?
    }

    async fn search_once(&self, action: &str, graph: &str, query: &str) -> Result<Response, CoreError> {
        let url = self.endpoint().call_url(&["graph", graph, "search", "graph"]);
        let mut request = self.http().post(url).query(&[("section", "reported")]);
        request = request.header(ACCEPT, "application/x-ndjson").body(query.to_owned());
        if let Some(token) = self.authorization().await {
            request = request.header(AUTHORIZATION, token);
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| CoreError::from_transport(action, error, None))?;
        let (status, action) = (response.status(), action.to_owned());
        if status.is_success() {
            return Ok(response);
        }
        let answer = CoreAnswer::parse(&read_start(response, MAX_ERROR_BODY).await);
        Err(match status {
            StatusCode::UNAUTHORIZED => CoreError::Unauthorized { action, answer },
            status => CoreError::Refused { action, status: status.as_u16(), answer },
        })
    }

    /// Changes nodes: one JSON object in a line for each, with `id` and the sections that change. Each node may
    /// appear once. Nodes that are not there (any more) are passed over by fixcore.
    pub async fn patch_nodes(&self, graph: &str, lines: Bytes, time: Duration) -> Result<(), CoreError> {
        let segments = ["graph", graph, "nodes"];
        let mut call = Call::new(format!("change nodes of the graph {graph}"), Method::PATCH, &segments);
        call.headers = &[(CONTENT_TYPE, "application/x-ndjson"), (ACCEPT, "application/x-ndjson")];
        call.body = lines;
        call.timeout = time;
        // All changed nodes come back, which nobody needs.
        call.limit = 0;
        self.call_ok(call).await.map(drop)
    }
}

async fn read_lines(
    action: &str,
    mut response: Response,
    limits: SearchLimits,
    line: &mut (impl FnMut(&str) + Send),
) -> Result<SearchEnd, CoreError> {
    let mut reader =
        Lines { limits, rest: BytesMut::new(), skipping: false, total: 0, end: SearchEnd::default() };
    loop {
        let chunk = response.chunk().await.map_err(|e| CoreError::from_transport(action, e, None))?;
        let Some(chunk) = chunk else { break };
        if !reader.feed(&chunk, line) {
            return Err(CoreError::TooLarge { action: action.to_owned(), limit: limits.total });
        }
    }
    reader.finish(line);
    Ok(reader.end)
}

/// Cuts a stream into lines within limits.
#[derive(Debug)]
struct Lines {
    limits: SearchLimits,
    rest: BytesMut,
    /// Within a line that is too long.
    skipping: bool,
    total: usize,
    end: SearchEnd,
}

impl Lines {
    /// Takes more bytes in; false if that is too much.
    fn feed(&mut self, mut chunk: &[u8], line: &mut impl FnMut(&str)) -> bool {
        self.total = self.total.saturating_add(chunk.len());
        if self.total > self.limits.total {
            return false;
        }
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            self.add(&chunk[..end]);
            self.finish(line);
            chunk = &chunk[end + 1..];
        }
        self.add(chunk);
        true
    }

    fn add(&mut self, part: &[u8]) {
        if self.skipping || self.rest.len() + part.len() > self.limits.line {
            self.skipping = true;
            self.rest.clear();
        } else {
            self.rest.extend_from_slice(part);
        }
    }

    /// The line is at its end.
    fn finish(&mut self, line: &mut impl FnMut(&str)) {
        if std::mem::take(&mut self.skipping) {
            self.end.too_long += 1;
        }
        let bytes = self.rest.split();
        let text = String::from_utf8_lossy(&bytes);
        if !text.trim().is_empty() {
            self.end.lines += 1;
            line(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&str], line: usize, total: usize) -> (Vec<String>, SearchEnd, bool) {
        let limits = SearchLimits { line, total, time: Duration::ZERO };
        let mut reader =
            Lines { limits, rest: BytesMut::new(), skipping: false, total: 0, end: SearchEnd::default() };
        let mut lines = Vec::new();
        let mut collect = |text: &str| lines.push(text.to_owned());
        let fits = chunks.iter().all(|chunk| reader.feed(chunk.as_bytes(), &mut collect));
        reader.finish(&mut collect);
        (lines, reader.end, fits)
    }

    #[test]
    fn lines_are_found_wherever_the_chunks_end() {
        let (lines, end, fits) = cut(&["{\"a\":1}\n{\"b\"", ":2", "}\n", "\n\n{}"], 100, 100);
        assert_eq!(lines, ["{\"a\":1}", "{\"b\":2}", "{}"]);
        assert_eq!((end, fits), (SearchEnd { lines: 3, too_long: 0 }, true));
        assert_eq!(cut(&[], 1, 1).0, Vec::<String>::new());
    }

    #[test]
    fn long_lines_are_left_out_and_counted_and_long_answers_refused() {
        let (lines, end, fits) = cut(&["12345", "678\n12", "345\n", "123456"], 5, 100);
        assert_eq!(lines, ["12345"]);
        assert_eq!((end, fits), (SearchEnd { lines: 1, too_long: 2 }, true));
        assert!(!cut(&["1234", "5678"], 100, 7).2);
    }
}
