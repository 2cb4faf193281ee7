//! Whatever bytes arrive, the answer is an API error, and the server goes on.

use linkway_server::http::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Server, bounded, get, post};

const BAD: (u16, &str) = (400, "BadRequestException");
const LARGE_HEAD: (u16, &str) = (431, "RequestHeaderFieldsTooLargeException");
const LARGE_BODY: (u16, &str) = (413, "RequestEntityTooLargeException");

fn with_header(header: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: h\r\n{header}\r\n\r\n")
}

#[test]
fn broken_requests_are_answered_with_an_error_and_closed() {
    let many: String = (0..200).map(|index| format!("x-{index}: 1\r\n")).collect();
    let cases: Vec<(&str, String, (u16, &str))> = vec![
        ("not HTTP", "\u{16}\u{3}\u{1}hello hello hello\r\n\r\n".into(), BAD),
        ("a bare word", "hello\r\n\r\n".into(), BAD),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), BAD),
        ("HTTP/3.7", "GET / HTTP/3.7\r\n\r\n".into(), BAD),
        ("a header without colon", with_header("what is this"), BAD),
        ("a header with NUL", with_header("x: a\0b"), BAD),
        ("a length that is no number", with_header("content-length: abc"), BAD),
        ("a negative length", with_header("content-length: -1"), BAD),
        ("two lengths", with_header("content-length: 1\r\ncontent-length: 2"), BAD),
        ("an unknown coding", with_header("transfer-encoding: magic"), BAD),
        ("a broken chunk", with_header("transfer-encoding: chunked") + "xyz\r\nabc\r\n", BAD),
        ("a long header", with_header(&format!("x: {}", "a".repeat(40_000))), LARGE_HEAD),
        ("a long target", get(&format!("/{}", "a".repeat(40_000))), LARGE_HEAD),
        ("many headers", with_header(many.trim_end()), LARGE_HEAD),
        ("a long body announced", with_header("content-length: 262145"), LARGE_BODY),
        (
            "the longest body announced",
            with_header("content-length: 9223372036854775807"),
            LARGE_BODY,
        ),
        (
            "a long body in chunks",
            with_header("transfer-encoding: chunked")
                + &format!("40000\r\n{}\r\n1\r\na\r\n", "a".repeat(0x40000)),
            LARGE_BODY,
        ),
    ];
    bounded(async {
        let server = Server::start(Limits::default()).await;
        for (what, request, (status, code)) in cases {
            let mut client = server.connect().await;
            client.send(&request).await;
            let answer = client.answer().await;
            answer.assert_error(status, code, what);
            assert!(answer.closes(), "{what}");
            client.io.get_mut().shutdown().await.unwrap();
            client.assert_closed(what).await;
        }
        assert_eq!(server.answer_to(get("/x")).await.status, 200);
        server.has_connections(0).await;
        assert_eq!(server.refused("body_too_large"), 3);
        assert_eq!(server.refused("header_too_large"), 3);
        assert_eq!(server.refused("body_broken"), 1);
        assert_eq!(server.refused("not_http"), 10);
    });
}

#[test]
fn random_bytes_never_harm_the_server() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        for seed in 0..300 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut bytes = post(b"{}");
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let mut client = server.connect().await;
            client.send(&bytes).await;
            client.io.get_mut().shutdown().await.unwrap();
            let answer = client.answer().await;
            assert!((200..500).contains(&answer.status), "seed {seed}: {answer:?}");
            answer.assert_request_id(&format!("seed {seed}"));
        }
        server.has_connections(0).await;
    });
}

#[test]
fn a_client_that_sends_all_before_it_reads_still_reads_the_413() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        for length in [262_145, 1024 * 1024, 16 * 1024 * 1024] {
            let mut client = server.connect().await;
            client.send(post(&vec![b'a'; length])).await;
            let answer = client.answer().await;
            answer.assert_error(413, "RequestEntityTooLargeException", &length.to_string());
            assert!(answer.text().contains("longer than 262144 bytes"), "{answer:?}");
        }
    });
}

#[test]
fn a_client_that_expects_100_continue_is_spared_a_body_that_is_too_long() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let head = with_header("expect: 100-continue\r\ncontent-length: 1048576");
        server.answer_to(head).await.assert_error(413, "RequestEntityTooLargeException", "expect");
    });
}

#[test]
fn requests_that_end_half_way_are_answered() {
    let table = ["POST / HT", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\nabc"];
    bounded(async {
        let server = Server::start(Limits::default()).await;
        for request in table {
            let mut client = server.connect().await;
            client.send(request).await;
            client.io.get_mut().shutdown().await.unwrap();
            client.answer().await.assert_error(400, "BadRequestException", request);
            client.assert_closed(request).await;
        }
        let mut client = server.connect().await;
        client.io.get_mut().shutdown().await.unwrap();
        client.assert_closed("nothing sent").await;
    });
}

#[test]
fn good_requests_before_a_bad_one_are_answered() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        client.send(get("/a") + &get("/b") + "nonsense\r\n\r\n").await;
        assert_eq!(client.answer().await.text(), "GET /a 1 0 0");
        assert_eq!(client.answer().await.text(), "GET /b 1 0 0");
        client.answer().await.assert_error(400, "BadRequestException", "nonsense");
    });
}

#[test]
fn a_panic_is_answered_counted_and_survived() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        for target in ["/panic", "/panic-at-once"] {
            client.send(get(target)).await;
            client.answer().await.assert_error(500, "DirectConnectServerException", target);
        }
        client.send(get("/x")).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(server.refused("handler_panic"), 2);
        assert_eq!(server.metric("linkway_http_requests_in_flight"), 0);
    });
}
