//! Slow clients, slow handlers, too many clients.

use std::time::{Duration, Instant};

use linkway_server::http::Limits;

use crate::support::{Server, bounded, get, post};

const SHORT: Duration = Duration::from_millis(150);

/// Sends a byte now and then until the server has had enough.
async fn drip(server: &Server, bytes: impl Iterator<Item = u8>, what: &str) {
    let mut client = server.connect().await;
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(SHORT / 10);
    for byte in bytes.take(1000) {
        ticks.tick().await;
        client.send([byte]).await;
        if begun.elapsed() > SHORT {
            break;
        }
    }
    client.answer().await.assert_error(408, "RequestTimeoutException", what);
    assert!(begun.elapsed() >= SHORT, "{what}");
}

#[test]
fn slow_headers_and_slow_bodies_get_408() {
    bounded(async {
        let limits = Limits { header_timeout: SHORT, body_timeout: SHORT, ..Limits::default() };
        let server = Server::start(limits).await;
        let head = "POST / HTTP/1.1\r\nhost: h\r\nx: ".bytes().chain(std::iter::repeat(b'a'));
        drip(&server, head, "slow headers").await;
        // The head comes at once, so that only the body is slow.
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nabc").await;
        client.answer().await.assert_error(408, "RequestTimeoutException", "slow body");
        assert_eq!((server.refused("header_timeout"), server.refused("body_timeout")), (1, 1));
        // After a request, the next one's headers have the same limit.
        let mut client = server.connect().await;
        client.send(get("/x")).await;
        assert_eq!(client.answer().await.status, 200);
        client.send("GET / HT").await;
        client.answer().await.assert_error(408, "RequestTimeoutException", "second request");
    });
}

#[test]
fn idle_connections_are_closed_without_a_word() {
    bounded(async {
        let server = Server::start(Limits { idle_timeout: SHORT, ..Limits::default() }).await;
        let mut fresh = server.connect().await;
        let mut used = server.connect().await;
        used.send(post(b"a")).await;
        assert_eq!(used.answer().await.status, 200);
        fresh.assert_closed("never used").await;
        used.assert_closed("kept alive").await;
        server.has_connections(0).await;
    });
}

#[test]
fn a_busy_connection_outlives_the_idle_limit() {
    bounded(async {
        let limits = Limits { idle_timeout: SHORT, header_timeout: SHORT, ..Limits::default() };
        let server = Server::start(limits).await;
        let mut client = server.connect().await;
        let mut ticks = tokio::time::interval(SHORT / 5);
        for _ in 0..20 {
            ticks.tick().await;
            client.send(post(b"a")).await;
            assert_eq!(client.answer().await.status, 200);
        }
    });
}

#[test]
fn a_handler_that_takes_too_long_is_503_and_its_connection_goes_on() {
    bounded(async {
        let limits = Limits { request_timeout: SHORT, ..Limits::default() };
        let server = Server::start(limits).await;
        let mut client = server.connect().await;
        let begun = Instant::now();
        client.send(get("/hang")).await;
        client.answer().await.assert_error(503, "ServiceUnavailable", "hang");
        assert!(begun.elapsed() >= SHORT);
        client.send(get("/x")).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(server.refused("handler_timeout"), 1);
    });
}

#[test]
fn a_handler_may_set_its_own_time_limit() {
    bounded(async {
        let limits = Limits { request_timeout: Duration::from_secs(3600), ..Limits::default() };
        let server = Server::start(limits).await;
        let answer = server.answer_to(get("/hang-briefly")).await;
        answer.assert_error(503, "ServiceUnavailable", "own limit");
    });
}

#[test]
fn a_client_that_does_not_read_is_cut_and_a_slow_one_is_not() {
    bounded(async {
        let server = Server::start(Limits { write_timeout: SHORT, ..Limits::default() }).await;
        let mut stuck = server.connect().await;
        stuck.send(get("/stream?1000000000")).await;
        server.has_connections(1).await;
        server.has_connections(0).await;
        assert!(stuck.try_answer().await.is_err());
        // Pipelined answers that nobody takes are the same.
        let mut stuck = server.connect().await;
        stuck.send(get("/bytes?1000000").repeat(50)).await;
        server.has_connections(1).await;
        server.has_connections(0).await;
        let mut slow = server.connect().await;
        slow.send(get("/stream?64000000")).await;
        assert_eq!(slow.answer().await.body.len(), 64_000_000);
    });
}

#[test]
fn one_connection_too_many_is_told_so() {
    bounded(async {
        let server = Server::start(Limits { max_connections: 2, ..Limits::default() }).await;
        let mut busy = [server.connect().await, server.connect().await];
        for client in &mut busy {
            client.send(get("/gate")).await;
        }
        server.begun.acquire_many(2).await.unwrap().forget();
        let answer = server.answer_to(get("/x")).await;
        answer.assert_error(503, "ServiceUnavailable", "third");
        assert_eq!(server.refused("too_many_connections"), 1);
        server.gate.add_permits(2);
        for client in &mut busy {
            assert_eq!(client.answer().await.status, 200);
        }
        drop(busy);
        // The place is free a moment after the connection is gone.
        while server.answer_to(get("/x")).await.status != 200 {}
    });
}

/// Whoever opens connections and says nothing, or half of something, takes no place from those who ask.
#[test]
fn silent_connections_keep_nobody_out() {
    bounded(async {
        for (most, of_address) in [(40, 1_000), (1_000, 40)] {
            let limits = Limits {
                max_connections: most,
                max_connections_per_address: of_address,
                ..Limits::default()
            };
            let server = Server::start(limits).await;
            let mut busy = server.connect().await;
            busy.send(get("/gate")).await;
            server.begun.acquire().await.unwrap().forget();
            let mut kept = server.connect().await;
            kept.send(get("/x")).await;
            assert_eq!(kept.answer().await.status, 200);
            let mut silent = Vec::new();
            for number in 0..120 {
                let mut client = server.connect().await;
                if number % 2 == 0 {
                    client.send("POST / HTTP/1.1\r\nhost: a\r\n").await;
                }
                silent.push(client);
                if number % 10 == 0 {
                    assert_eq!(server.answer_to(get("/x")).await.status, 200, "{number}");
                }
            }
            // Those that were served before, or are being answered, are not the ones to go.
            kept.send(get("/x")).await;
            assert_eq!(kept.answer().await.status, 200);
            server.gate.add_permits(1);
            assert_eq!(busy.answer().await.status, 200);
        }
    });
}

/// A connection has as long for its first byte as a request for its headers.
#[test]
fn a_connection_that_never_says_anything_is_closed() {
    bounded(async {
        let limits = Limits { header_timeout: Duration::from_millis(50), ..Limits::default() };
        let server = Server::start(limits).await;
        let mut silent = server.connect().await;
        server.has_connections(1).await;
        server.has_connections(0).await;
        assert!(silent.try_answer().await.is_err());
    });
}

/// Taking a little now and then is not taking an answer.
#[test]
fn a_client_that_takes_less_than_the_slowest_rate_is_cut() {
    bounded(async {
        let limits =
            Limits { write_timeout: SHORT, min_answer_rate: 1024 * 1024, ..Limits::default() };
        let server = Server::start(limits).await;
        let mut slow = server.connect().await;
        slow.send(get("/stream?1000000000")).await;
        server.has_connections(1).await;
        let begun = Instant::now();
        // Some 80 KiB a second, which is more than nothing.
        while server.metric("linkway_http_connections") > 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is still served");
            slow.take(4096).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

/// Bodies that never end take a bounded part of the memory, and nobody else waits for them.
#[test]
fn unfinished_bodies_have_a_bounded_share_of_the_memory() {
    bounded(async {
        let limits = Limits {
            max_bodies_bytes: 1024 * 1024,
            max_bodies_bytes_per_address: 512 * 1024,
            ..Limits::default()
        };
        let server = Server::start(limits).await;
        let mut clients = Vec::new();
        for _ in 0..40 {
            let mut client = server.connect().await;
            client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 200000\r\n\r\n").await;
            client.send(vec![b'a'; 150_000]).await;
            clients.push(client);
        }
        let mut refused = 0;
        while refused < 37 {
            refused = server.refused("too_many_bodies");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(refused, 37, "three times 150 kB fit into 512 KiB");
        let last = clients.last_mut().expect("forty of them");
        last.answer().await.assert_error(503, "ServiceUnavailable", "no room");
        // Small bodies need no room.
        let mut small = server.connect().await;
        small.send(post(&[b'a'; 1000])).await;
        assert_eq!(small.answer().await.status, 200);
        drop(clients);
        server.has_connections(1).await;
        let mut large = server.connect().await;
        large.send(post(&[b'a'; 200_000])).await;
        assert_eq!(large.answer().await.status, 200, "the room is free again");
    });
}

/// What the head alone shows to be refused is refused before its body is read.
#[test]
fn a_body_that_is_not_wanted_is_not_read() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        for length in ["content-length: 200000", "transfer-encoding: chunked"] {
            let mut client = server.connect().await;
            client.send(format!("POST /unwanted HTTP/1.1\r\nhost: h\r\n{length}\r\n\r\n")).await;
            client.answer().await.assert_error(403, "AccessDeniedException", length);
            client.assert_closed(length).await;
        }
        let mut client = server.connect().await;
        client.send("POST /unwanted HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc").await;
        assert_eq!(client.answer().await.status, 200, "small ones are read");
    });
}

/// Connections that hold their places without asking anything, in every way there is, keep nobody out.
#[test]
fn whoever_holds_places_keeps_nobody_out() {
    let ways: [(&str, &[u8]); 6] = [
        ("silent", b""),
        ("half a head", b"POST / HTTP/1.1\r\nhost: h\r\n"),
        ("half a body", b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nabc"),
        ("refused body", b"POST /unwanted HTTP/1.1\r\nhost: h\r\ncontent-length: 99999\r\n\r\nabc"),
        ("unread answer", b"GET /stream?1000000000 HTTP/1.1\r\nhost: h\r\n\r\n"),
        ("not HTTP", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 and what follows it\r\n\r\n"),
    ];
    bounded(async {
        for (way, bytes) in ways {
            let limits = Limits { max_connections: 40, ..Limits::default() };
            let server = Server::start(limits).await;
            let mut held = Vec::new();
            for number in 0..120 {
                let mut client = server.connect().await;
                client.send(bytes).await;
                held.push(client);
                if number % 10 == 0 {
                    let answer = server.answer_to(get("/x")).await;
                    assert_eq!(answer.status, 200, "{way}: {number}");
                }
            }
        }
    });
}
