//! Bodies that come compressed although nobody asked for it: some proxies do so.

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// How everything begins that gzip has made, and no document of an API.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The body as it was before it was compressed, also where no header says that it is; as it came if it is not
/// compressed, or in another way than its header says. Why not, in words, if it is cut off, damaged, or longer than
/// `most` bytes.
pub(crate) fn unpacked(headers: &HeaderMap, body: &Bytes, most: usize) -> Result<Bytes, String> {
    let mut body = body.clone();
    let named = headers.get_all(CONTENT_ENCODING);
    let encodings: Vec<&str> = named.iter().filter_map(|value| value.to_str().ok()).collect();
    // What was done last stands last.
    for encoding in encodings.iter().flat_map(|value| value.split(',')).map(str::trim).rev() {
        let read = match encoding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" if body.starts_with(&GZIP) => Some(gunzip(&body, most)?),
            // Half of the world leaves the head of the format away.
            "deflate" => {
                read(ZlibDecoder::new(&*body), most).or_else(|_| read(DeflateDecoder::new(&*body), most)).ok()
            }
            _ => None,
        };
        let Some(read) = read else { break };
        body = read;
    }
    // Twice would be more than a mistake.
    if body.starts_with(&GZIP) { gunzip(&body, most) } else { Ok(body) }
}

fn gunzip(packed: &Bytes, most: usize) -> Result<Bytes, String> {
    read(MultiGzDecoder::new(&**packed), most).map_err(|error| match error {
        Some(ErrorKind::UnexpectedEof) => "cut off".to_owned(),
        Some(_) => "damaged".to_owned(),
        None => format!("longer than {most} bytes when it is unpacked"),
    })
}

/// What was packed; `None` as error if it is longer than `most` bytes.
fn read(packed: impl Read, most: usize) -> Result<Bytes, Option<ErrorKind>> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    packed.take(limit).read_to_end(&mut body).map_err(|error| Some(error.kind()))?;
    if body.len() <= most { Ok(body.into()) } else { Err(None) }
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
        tried(encodings, body).unwrap()
    }

    fn tried(encodings: &[&'static str], body: &Bytes) -> Result<Bytes, String> {
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
    fn what_nobody_says_is_compressed_is_read_all_the_same() {
        for encodings in [&[][..], &["identity"], &["br"], &["utf-8"]] {
            assert_eq!(shown(encodings, &gzip(TEXT)), TEXT, "{encodings:?}");
        }
    }

    #[test]
    fn what_cannot_be_unpacked_says_why() {
        let whole = gzip(TEXT);
        for encodings in [&[][..], &["gzip"]] {
            for end in [3, 15, whole.len() - 9, whole.len() - 1] {
                assert_eq!(tried(encodings, &whole.slice(..end)), Err("cut off".to_owned()), "{end}");
            }
            let mut other = whole.to_vec();
            let at = other.len() - 6;
            other[at] ^= 0xff;
            assert_eq!(tried(encodings, &other.into()), Err("damaged".to_owned()));
            let told = tried(encodings, &gzip(&vec![b'a'; 1001])).unwrap_err();
            assert_eq!(told, "longer than 1000 bytes when it is unpacked");
            assert_eq!(shown(encodings, &gzip(&vec![b'a'; 1000])).len(), 1000);
        }
    }
}
