//! From the parameters of a call to method, address and body.

use http::Uri;
use serde_json::{Map, Value};

/// A request without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub(crate) method: String,
    /// The whole address.
    pub(crate) address: String,
    pub(crate) body: Option<Body>,
    /// Headers that the operation has.
    pub(crate) headers: Vec<(String, String)>,
}

/// What is sent, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) media: &'static str,
    pub(crate) text: String,
}

/// A request of an operation that is its method and path: `GET /things/{id}`. `params` has `path`, `query`, `body`, `form`;
/// `constants` are parameters that go with every call. The error is for people.
pub(crate) fn prepare(
    base: &str,
    operation: &str,
    params: &Map<String, Value>,
    constants: &Map<String, Value>,
) -> Result<Prepared, String> {
    let (method, path) = operation.split_once(' ').ok_or("an operation is a method and a path")?;
    let path = filled(path, params.get("path"))?;
    let address = address(base, &path)?;
    let empty = Map::new();
    let query = match params.get("query") {
        Some(Value::Object(query)) => query,
        _ => &empty,
    };
    let more = constants.iter().filter(|(name, _)| !query.contains_key(*name));
    let pairs = pairs(query.iter().chain(more))?;
    let address = match (pairs.is_empty(), address.contains('?')) {
        (true, _) => address,
        (false, true) => format!("{address}&{pairs}"),
        (false, false) => format!("{address}?{pairs}"),
    };
    let body = match (params.get("body"), params.get("form")) {
        (Some(body), _) => Some(Body { media: "application/json", text: body.to_string() }),
        (None, Some(Value::Object(form))) => {
            Some(Body { media: "application/x-www-form-urlencoded", text: self::pairs(form.iter())? })
        }
        _ => None,
    };
    Ok(Prepared { method: method.to_owned(), address, body, headers: Vec::new() })
}

/// The path with its placeholders filled in.
fn filled(path: &str, values: Option<&Value>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}').ok_or("a brace without its partner")?;
        let value = values.and_then(|values| values.get(name)).and_then(text);
        let value = value.ok_or_else(|| format!("nothing is there for `{name}` in the path"))?;
        if value.is_empty() {
            return Err(format!("`{name}` in the path is empty"));
        }
        filled.push_str(before);
        encode(&mut filled, &value, name.starts_with('+'));
        rest = tail;
    }
    filled.push_str(rest);
    if filled.split(['/', '?']).any(|segment| matches!(segment, "." | "..")) {
        return Err("the path leads out of itself".to_owned());
    }
    Ok(filled)
}

/// Behind the base; an absolute address is taken if it is on the same host.
fn address(base: &str, path: &str) -> Result<String, String> {
    if path.contains("://") {
        return if same_origin(base, path) {
            Ok(path.to_owned())
        } else {
            Err(format!("it leads to another host: {}", host(path)))
        };
    }
    let base = base.trim_end_matches('/');
    let between = if path.starts_with('/') { "" } else { "/" };
    Ok(format!("{base}{between}{path}"))
}

/// The address that a link in an answer of `from` means, if it is on the same host. The error is its host.
pub(crate) fn follow(from: &str, link: &str) -> Result<String, String> {
    if link.contains("://") {
        return if same_origin(from, link) { Ok(link.to_owned()) } else { Err(host(link)) };
    }
    if let Some(elsewhere) = link.strip_prefix("//") {
        return Err(host(&format!("x://{elsewhere}")));
    }
    let uri: Uri = from.parse().map_err(|_| "unknown".to_owned())?;
    let origin = format!(
        "{}://{}",
        uri.scheme_str().unwrap_or("https"),
        uri.authority().map_or("", http::uri::Authority::as_str)
    );
    if link.starts_with('/') {
        return Ok(format!("{origin}{link}"));
    }
    if link.starts_with('?') {
        return Ok(format!("{origin}{}{link}", uri.path()));
    }
    let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok(format!("{origin}{folder}/{link}"))
}

/// Whether two addresses have the same scheme, host and port.
pub(crate) fn same_origin(one: &str, other: &str) -> bool {
    let origin = |address: &str| {
        let uri: Uri = address.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
        Some((scheme, uri.host()?.to_ascii_lowercase(), port))
    };
    let known = origin(one);
    known.is_some() && known == origin(other)
}

fn host(address: &str) -> String {
    address
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// `a=1&b=2`. Each element of a list is a pair of its own, null is none.
fn pairs<'v>(members: impl Iterator<Item = (&'v String, &'v Value)>) -> Result<String, String> {
    let mut all = String::new();
    for (name, value) in members {
        let values = match value {
            Value::Null => continue,
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            let value = text(value).ok_or_else(|| format!("the parameter `{name}` is no text"))?;
            if !all.is_empty() {
                all.push('&');
            }
            encode(&mut all, name, false);
            all.push('=');
            encode(&mut all, &value, false);
        }
    }
    Ok(all)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Appends `text` with everything escaped but letters, digits and `-._~`; with `reserved` also what parts addresses.
fn encode(out: &mut String, text: &str, reserved: bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' | b':' | b'@' | b'?' | b'&' | b'=' | b'%' | b',' | b'$' | b'+' if reserved => {
                out.push(char::from(byte));
            }
            other => {
                out.push('%');
                out.push(char::from(HEX[usize::from(other >> 4)]));
                out.push(char::from(HEX[usize::from(other & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BASE: &str = "https://api.example.com/v1/";

    fn made(operation: &str, params: &Value) -> Result<Prepared, String> {
        let constants = json!({"alt": "json"});
        prepare(BASE, operation, params.as_object().unwrap(), constants.as_object().unwrap())
    }

    fn address_of(operation: &str, params: &Value) -> Result<String, String> {
        made(operation, params).map(|prepared| prepared.address)
    }

    #[test]
    fn addresses_are_made_of_base_path_and_parameters() {
        let place = "https://api.example.com/v1";
        assert_eq!(address_of("GET /things", &json!({})), Ok(format!("{place}/things?alt=json")));
        let params = json!({"path": {"id": "a/b c", "+name": "p/x"}, "query": {"n": 5, "t": true, "l": ["x", "ü"], "none": null, "alt": "y"}});
        assert_eq!(
            address_of("GET /things/{id}/{+name}", &params),
            Ok(format!("{place}/things/a%2Fb%20c/p/x?n=5&t=true&l=x&l=%C3%BC&alt=y"))
        );
        assert_eq!(
            address_of("GET /things/{id}", &json!({"path": {"id": ""}})),
            Err("`id` in the path is empty".to_owned())
        );
        assert_eq!(
            address_of("GET /things/{id}", &json!({})),
            Err("nothing is there for `id` in the path".to_owned())
        );
        assert!(address_of("GET /things/{id}/x", &json!({"path": {"id": ".."}})).is_err());
    }

    #[test]
    fn addresses_in_documents_stay_on_their_host() {
        let to = |url: &str| address_of("GET {+url}", &json!({"path": {"+url": url}}));
        assert_eq!(
            to("https://api.example.com:443/x?a=1"),
            Ok("https://api.example.com:443/x?a=1&alt=json".to_owned())
        );
        assert_eq!(
            to("https://evil.example.com/x"),
            Err("it leads to another host: evil.example.com".to_owned())
        );
        assert_eq!(
            to("http://api.example.com/x"),
            Err("it leads to another host: api.example.com".to_owned())
        );
        // A name in front of the host is none.
        assert!(to("https://api.example.com@evil.example.com/x").is_err());
    }

    #[test]
    fn bodies_are_json_or_forms() {
        let body = |params: &Value| made("POST /x", params).unwrap().body.unwrap();
        let json_body = body(&json!({"body": {"labels": {"a": null}}}));
        assert_eq!(
            (json_body.media, json_body.text.as_str()),
            ("application/json", r#"{"labels":{"a":null}}"#)
        );
        let form = body(&json!({"form": {"a": "b c", "n": 1}}));
        assert_eq!((form.media, form.text.as_str()), ("application/x-www-form-urlencoded", "a=b%20c&n=1"));
    }

    #[test]
    fn links_are_followed_on_the_same_host_only() {
        let from = "https://api.example.com/v1/things?page=1";
        for (link, expected) in [
            ("https://api.example.com/v1/things?page=2", Ok("https://api.example.com/v1/things?page=2")),
            ("/v1/things?page=2", Ok("https://api.example.com/v1/things?page=2")),
            ("?page=2", Ok("https://api.example.com/v1/things?page=2")),
            ("things?page=2", Ok("https://api.example.com/v1/things?page=2")),
            ("https://other.example.com/x", Err("other.example.com")),
            ("http://api.example.com/v1/things?page=2", Err("api.example.com")),
            ("//other.example.com/x", Err("other.example.com")),
        ] {
            assert_eq!(follow(from, link), expected.map(str::to_owned).map_err(str::to_owned), "{link}");
        }
    }
}
