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
