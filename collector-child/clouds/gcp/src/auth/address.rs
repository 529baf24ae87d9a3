//! Addresses that secrets are sent to.

use http::Uri;

/// An address that secrets may go to: with TLS, or on this machine. `name` is what says it, for errors.
pub(crate) fn checked(text: &str, name: &str) -> Result<String, String> {
    let uri: Option<Uri> = text.trim().parse().ok();
    let host = uri.as_ref().and_then(Uri::host).map(str::to_owned);
    let (Some(uri), Some(host)) = (uri, host) else {
        return Err(format!("its member {name} is {text:?}, which is no address"));
    };
    match uri.scheme_str() {
        Some("https") => Ok(text.trim().to_owned()),
        Some("http") if is_here(&host) => Ok(text.trim().to_owned()),
        Some("http") => Err(format!(
            "its member {name} is {text}: without TLS credentials are sent to this machine only, not to {host}"
        )),
        _ => Err(format!("its member {name} is {text:?}, which is no http or https address")),
    }
}

/// Nobody listens in on the way to it.
fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost",
    }
}
