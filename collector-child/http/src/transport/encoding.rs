//! Bodies that come compressed although nobody asked for it: some proxies do so.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The body as it was before it was compressed; as it came if it is not compressed, in another way than its header
/// says, or longer than `most` bytes.
pub(crate) fn unpacked(headers: &HeaderMap, body: &Bytes, most: usize) -> Bytes {
    let mut body = body.clone();
    let named = headers.get_all(CONTENT_ENCODING);
    let encodings: Vec<&str> = named.iter().filter_map(|value| value.to_str().ok()).collect();
    // What was done last stands last.
    for encoding in encodings.iter().flat_map(|value| value.split(',')).map(str::trim).rev() {
        let read = match encoding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&*body), most),
            // Half of the world leaves the head of the format away.
            "deflate" => {
                read(ZlibDecoder::new(&*body), most).or_else(|| read(DeflateDecoder::new(&*body), most))
            }
            _ => None,
        };
        let Some(read) = read else { break };
        body = read.into();
    }
    body
}

fn read(packed: impl Read, most: usize) -> Option<Vec<u8>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    packed.take(limit).read_to_end(&mut body).ok()?;
    (body.len() <= most).then_some(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    const TEXT: &[u8] = b"<a>some text, some text, some text</a>";

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn shown(encodings: &[&'static str], body: &Bytes) -> Bytes {
        let mut headers = HeaderMap::new();
        for encoding in encodings {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        unpacked(&headers, body, 1000)
    }

    #[test]
    fn every_usual_encoding_is_read() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(TEXT).unwrap();
        assert_eq!(shown(&["gzip"], &gzip(TEXT)), TEXT);
        assert_eq!(shown(&["X-GZip"], &gzip(TEXT)), TEXT);
        assert_eq!(shown(&["deflate"], &zlib.finish().unwrap().into()), TEXT);
        assert_eq!(shown(&["deflate"], &raw.finish().unwrap().into()), TEXT);
        assert_eq!(shown(&["gzip, gzip"], &gzip(&gzip(TEXT))), TEXT);
        assert_eq!(shown(&["gzip", "gzip"], &gzip(&gzip(TEXT))), TEXT);
    }

    #[test]
    fn what_is_not_compressed_stays_as_it_came() {
        let plain = Bytes::from_static(TEXT);
        for encodings in [&[][..], &["identity"], &["br"], &["gzip"], &["deflate"]] {
            assert_eq!(shown(encodings, &plain), TEXT, "{encodings:?}");
        }
    }

    #[test]
    fn what_grows_beyond_the_limit_is_not_unpacked() {
        let bomb = gzip(&vec![b'a'; 1001]);
        assert_eq!(shown(&["gzip"], &bomb), bomb);
        assert_eq!(shown(&["gzip"], &gzip(&vec![b'a'; 1000])).len(), 1000);
    }
}
