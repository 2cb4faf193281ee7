//! Who is behind a proxy.

use linkway_server::http::{Limits, Proxies};
use tokio::io::AsyncWriteExt as _;

use crate::support::{Server, bounded, get};

fn trusted(nets: &[&str], protocol: bool) -> Proxies {
    let nets = nets.iter().map(|net| net.parse().expect("a prefix"));
    Proxies { trusted: nets.collect(), protocol }
}

async fn peer(server: &Server, before: &[u8], header: &str) -> Option<String> {
    let mut client = server.connect().await;
    let request = format!("GET /peer HTTP/1.1\r\nhost: h\r\n{header}\r\n");
    // Who is refused may learn of it while it still sends.
    client.io.write_all(&[before, request.as_bytes()].concat()).await.ok()?;
    client.io.flush().await.ok()?;
    let answer = client.try_answer().await.ok()?;
    assert_eq!(answer.status, 200);
    Some(String::from_utf8(answer.body).expect("an address"))
}

#[test]
fn the_header_of_the_proxy_protocol_names_the_client() {
    bounded(async {
        let proxies = trusted(&["127.0.0.0/8"], true);
        let server = Server::start_behind(proxies, Limits::default(), None).await;
        let v1 = b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\n";
        let v2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x05\xc0\0\x02\x01\x12\x67\0\x50";
        assert_eq!(peer(&server, v1, "").await.as_deref(), Some("203.0.113.5"));
        assert_eq!(peer(&server, v2, "").await.as_deref(), Some("203.0.113.5"));
        // Behind such a proxy the header of HTTP is the client's own word.
        let forwarded = "x-forwarded-for: 198.51.100.1\r\n";
        assert_eq!(peer(&server, v1, forwarded).await.as_deref(), Some("203.0.113.5"));
        assert_eq!(peer(&server, b"", "").await, None, "no header");
        assert_eq!(peer(&server, b"PROXY TCP4 a b 1 2\r\n", "").await, None, "no addresses");
    });
}

#[test]
fn only_trusted_proxies_are_believed() {
    bounded(async {
        let header = "x-forwarded-for: 203.0.113.5\r\n";
        let server =
            Server::start_behind(trusted(&["127.0.0.0/8"], false), Limits::default(), None).await;
        assert_eq!(peer(&server, b"", header).await.as_deref(), Some("203.0.113.5"));
        assert_eq!(peer(&server, b"", "").await.as_deref(), Some("127.0.0.1"));
        let server =
            Server::start_behind(trusted(&["192.0.2.0/24"], false), Limits::default(), None).await;
        assert_eq!(peer(&server, b"", header).await.as_deref(), Some("127.0.0.1"));
        let server =
            Server::start_behind(trusted(&["192.0.2.0/24"], true), Limits::default(), None).await;
        let v1 = b"PROXY TCP4 203.0.113.5 192.0.2.1 4711 80\r\n";
        assert_eq!(peer(&server, v1, "").await, None, "a stranger speaks for others");
    });
}

/// All clients of a proxy come from its address: it is not one source.
#[test]
fn a_trusted_proxy_may_have_all_connections() {
    bounded(async {
        let limits = Limits { max_connections_per_address: 2, ..Limits::default() };
        let server = Server::start_behind(trusted(&["127.0.0.1/32"], false), limits, None).await;
        let mut clients = Vec::new();
        for _ in 0..10 {
            let mut client = server.connect().await;
            client.send(get("/x")).await;
            assert_eq!(client.answer().await.status, 200);
            clients.push(client);
        }
        server.has_connections(10).await;
    });
}
