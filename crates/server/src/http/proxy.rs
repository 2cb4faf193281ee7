//! Who is behind a proxy: the PROXY protocol, and `X-Forwarded-For` of proxies that are trusted.

use std::io;
use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;
use ppp::{HeaderResult, PartialResult as _};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What the second version of the protocol begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of the first version, with its end.
const LONGEST_LINE: usize = 107;
/// The longest rest of a header of the second version that is read: addresses and some additions.
const LONGEST_REST: usize = 4096;

/// The proxies in front of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<IpNet>,
    /// Whether each of their connections begins with a header of the PROXY protocol, version 1 or 2 ("The PROXY protocol",
    /// HAProxy's specification). Nobody else may connect.
    pub protocol: bool,
}

impl Proxies {
    /// Whether this is the address of one of them.
    #[must_use]
    pub fn are_at(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|net| net.contains(&address))
    }

    /// The client of a request: the last address of `X-Forwarded-For` that is not a trusted proxy's. What stands before it
    /// anybody may have written, and so may anything in a request that did not come from a trusted proxy.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if self.protocol || !self.are_at(peer.ip()) {
            return peer;
        }
        let mut client = peer;
        for value in headers.get_all("x-forwarded-for").iter().rev() {
            for part in value.to_str().unwrap_or("").rsplit(',') {
                let Some(address) = forwarded(part.trim()) else { return client };
                client = address;
                if !self.are_at(address.ip()) {
                    return client;
                }
            }
        }
        client
    }
}

/// An address as proxies write it, with or without a port.
fn forwarded(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| Some(SocketAddr::new(bare.parse().ok()?, 0)))
}

/// Reads the header that a connection begins with: the client, or `None` if the proxy speaks for itself (a health check).
///
/// # Errors
///
/// If what comes is no such header.
pub(super) async fn read_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<SocketAddr>> {
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if length > LONGEST_REST {
            return Err(invalid());
        }
        header.extend_from_slice(&rest);
        let begun = header.len();
        header.resize(begun + length, 0);
        stream.read_exact(&mut header[begun..]).await?;
    } else {
        while !header.ends_with(b"\r\n") {
            if header.len() >= LONGEST_LINE || !header.starts_with(b"PROXY ") {
                return Err(invalid());
            }
            header.push(stream.read_u8().await?);
        }
    }
    client_of(&header).ok_or_else(invalid)
}

/// The client that a whole header names; the outer `None` if it is not one.
fn client_of(header: &[u8]) -> Option<Option<SocketAddr>> {
    let parsed = HeaderResult::parse(header);
    if parsed.is_incomplete() {
        return None;
    }
    match parsed {
        HeaderResult::V1(Ok(header)) => match header.addresses {
            ppp::v1::Addresses::Tcp4(tcp) => {
                Some(Some(SocketAddr::new(tcp.source_address.into(), tcp.source_port)))
            }
            ppp::v1::Addresses::Tcp6(tcp) => {
                Some(Some(SocketAddr::new(tcp.source_address.into(), tcp.source_port)))
            }
            ppp::v1::Addresses::Unknown => Some(None),
        },
        HeaderResult::V2(Ok(header)) => match (header.command, header.addresses) {
            (ppp::v2::Command::Proxy, ppp::v2::Addresses::IPv4(ip)) => {
                Some(Some(SocketAddr::new(ip.source_address.into(), ip.source_port)))
            }
            (ppp::v2::Command::Proxy, ppp::v2::Addresses::IPv6(ip)) => {
                Some(Some(SocketAddr::new(ip.source_address.into(), ip.source_port)))
            }
            (ppp::v2::Command::Proxy | ppp::v2::Command::Local, _) => Some(None),
        },
        HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)) => None,
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no header of the PROXY protocol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_whom_the_last_trusted_proxy_names() {
        let proxies = Proxies {
            trusted: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/64".parse().unwrap()],
            protocol: false,
        };
        // The peer, the headers, the client.
        let table: [(&str, &[&str], &str); 10] = [
            ("198.51.100.9", &["203.0.113.5"], "198.51.100.9"),
            ("192.0.2.1", &[], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.5"], "203.0.113.5"),
            ("192.0.2.1", &["10.0.0.1, 203.0.113.5"], "203.0.113.5"),
            ("192.0.2.1", &["203.0.113.5, 192.0.2.7"], "203.0.113.5"),
            ("192.0.2.1", &["203.0.113.5", "192.0.2.7"], "203.0.113.5"),
            ("192.0.2.1", &["203.0.113.5:4711"], "203.0.113.5"),
            ("2001:db8::1", &["[2001:db8:1::5]"], "2001:db8:1::5"),
            ("192.0.2.1", &["somebody"], "192.0.2.1"),
            ("192.0.2.1", &["203.0.113.5, unknown, 192.0.2.7"], "192.0.2.7"),
        ];
        for (peer, values, expected) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            let client = proxies.client(SocketAddr::new(peer.parse().unwrap(), 1), &headers);
            assert_eq!(client.ip().to_string(), expected, "{peer} {values:?}");
        }
    }

    #[tokio::test]
    async fn headers_are_read_to_their_end_and_no_further() {
        let v2 = |command: u8, family: u8, addresses: &[u8]| {
            let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
            [&SIGNATURE[..], &[0x20 | command, family], &length, addresses].concat()
        };
        let four = [203, 0, 113, 5, 192, 0, 2, 1, 0x12, 0x67, 0, 80];
        let client: SocketAddr = "203.0.113.5:4711".parse().unwrap();
        let good: [(Vec<u8>, Option<SocketAddr>); 5] = [
            (b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\n".to_vec(), Some(client)),
            (
                b"PROXY TCP6 2001:db8::5 2001:db8::1 4711 80\r\n".to_vec(),
                Some("[2001:db8::5]:4711".parse().unwrap()),
            ),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (v2(1, 0x11, &four), Some(client)),
            (v2(0, 0, &[]), None),
        ];
        for (header, expected) in good {
            let bytes = [&header[..], b"GET / HTTP/1.1\r\n"].concat();
            let mut stream = &bytes[..];
            let found = read_header(&mut stream).await;
            assert_eq!(found.unwrap(), expected, "{}", header.escape_ascii());
            assert_eq!(stream, b"GET / HTTP/1.1\r\n", "{}", header.escape_ascii());
        }
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        let bad: [Vec<u8>; 6] = [
            b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.5 192.0.2.1 4711\r\n".to_vec(),
            b"PROXY TCP4 203.0.113.500 192.0.2.1 4711 80\r\n".to_vec(),
            long,
            v2(1, 0x11, &four[..8]),
            [&SIGNATURE[..], &[0x21, 0x11, 0xff, 0xff]].concat(),
        ];
        for header in bad {
            assert!(read_header(&mut &header[..]).await.is_err(), "{}", header.escape_ascii());
        }
    }
}
