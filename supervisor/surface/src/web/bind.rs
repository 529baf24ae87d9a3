//! From `web_host` and `web_port` to a listening socket.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket, lookup_host};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Why the web server does not listen, and what to do.
#[derive(Debug, Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error(
        "the web server cannot listen on {address}: port {port} is in use; stop the program that has it, or choose \
         another port with fixworker.web_port",
        port = address.port()
    )]
    InUse {
        /// Address and port.
        address: SocketAddr,
    },
    /// The port is privileged.
    #[error(
        "the web server may not listen on {address}: ports below 1024 need a privilege; choose another port with \
         fixworker.web_port"
    )]
    Denied {
        /// Address and port.
        address: SocketAddr,
    },
    /// The address belongs to another host.
    #[error(
        "the web server cannot listen on {address}: this host has no such address; choose another one with \
         fixworker.web_host (:: is all addresses)"
    )]
    NoSuchAddress {
        /// Address and port.
        address: SocketAddr,
    },
    /// The name means nothing.
    #[error(
        "the web server cannot listen on '{host}': {source}; set fixworker.web_host to an address or a known name"
    )]
    Name {
        /// The name.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// Anything else.
    #[error("the web server cannot listen on {address}: {source}")]
    Other {
        /// Address and port.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Listens on `host` and `port`.
pub(super) async fn listen(host: &str, port: u16) -> Result<(TcpListener, SocketAddr), BindError> {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host == "::" {
        return match listen_on((Ipv6Addr::UNSPECIFIED, port).into()) {
            Err((address, error)) if has_no_ipv6(&error) => {
                tracing::info!(
                    "this host has no IPv6 ({address}: {error}), the web server listens on IPv4 only"
                );
                listen_on((Ipv4Addr::UNSPECIFIED, port).into())
            }
            other => other,
        }
        .map_err(explain);
    }
    let named = |source| BindError::Name { host: host.to_owned(), source };
    let mut last = named(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    for address in lookup_host((host, port)).await.map_err(named)? {
        match listen_on(address) {
            Ok(listening) => return Ok(listening),
            Err(failed) => last = explain(failed),
        }
    }
    Err(last)
}

fn listen_on(address: SocketAddr) -> Result<(TcpListener, SocketAddr), (SocketAddr, io::Error)> {
    let open = || {
        let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
        // A restarted worker gets its port although old connections linger.
        socket.set_reuseaddr(true)?;
        if address.ip() == Ipv6Addr::UNSPECIFIED {
            // Whatever the system's default is: `::` means IPv4 as well.
            setsockopt(&socket, sockopt::Ipv6V6Only, &false)?;
        }
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    open().map_err(|error| (address, error))
}

fn has_no_ipv6(error: &io::Error) -> bool {
    [Errno::EAFNOSUPPORT, Errno::EADDRNOTAVAIL].iter().any(|&code| error.raw_os_error() == Some(code as i32))
}

fn explain((address, source): (SocketAddr, io::Error)) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        io::ErrorKind::PermissionDenied => BindError::Denied { address },
        io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { address },
        _ => BindError::Other { address, source },
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_addresses_take_ipv4_too() {
        for host in ["::", "[::]", "", " :: "] {
            let (_listener, address) = listen(host, 0).await.expect("a free port");
            TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).await.expect("IPv4");
        }
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_what_to_do() {
        let (_first, address) = listen("127.0.0.1", 0).await.expect("a free port");
        let error = listen("127.0.0.1", address.port()).await.expect_err("in use");
        assert_eq!(
            error.to_string(),
            format!(
                "the web server cannot listen on {address}: port {} is in use; stop the program that has it, or choose \
                 another port with fixworker.web_port",
                address.port()
            )
        );
    }

    #[tokio::test]
    async fn an_address_or_name_that_is_not_ours_is_named() {
        // TEST-NET-1 is nobody's.
        let text = listen("192.0.2.1", 0).await.expect_err("not ours").to_string();
        assert!(text.contains("192.0.2.1") && text.contains("fixworker.web_host"), "{text}");
        let text = listen("no such name", 0).await.expect_err("no name").to_string();
        assert!(text.contains("'no such name'") && text.contains("fixworker.web_host"), "{text}");
    }

    #[test]
    fn only_a_host_without_ipv6_falls_back() {
        for (code, falls_back) in [
            (Errno::EAFNOSUPPORT, true),
            (Errno::EADDRNOTAVAIL, true),
            (Errno::EADDRINUSE, false),
            (Errno::EACCES, false),
        ] {
            assert_eq!(has_no_ipv6(&io::Error::from_raw_os_error(code as i32)), falls_back, "{code}");
        }
        let address = (Ipv6Addr::UNSPECIFIED, 80).into();
        let text = explain((address, Errno::EACCES.into())).to_string();
        assert!(text.contains("[::]:80") && text.contains("privilege"), "{text}");
    }
}
