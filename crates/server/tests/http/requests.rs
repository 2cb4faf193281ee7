//! Requests that are right, however they are cut up.

use std::collections::HashSet;

use linkway_server::http::Limits;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Server, bounded, get, post};

#[test]
fn a_request_arrives_whole_and_its_answer_has_the_headers_clients_read() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        client.send(post(b"{\"a\":1}")).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.text()), (200, "POST / 2 7 520"));
        assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.1");
        answer.assert_request_id("success");
        client.send(get("/a%2Fb?x=%20&y")).await;
        assert_eq!(client.answer().await.text(), "GET /a%2Fb?x=%20&y 1 0 0");
        client.send(get("/error")).await;
        let answer = client.answer().await;
        answer.assert_error(400, "SomeException", "error");
        assert_eq!(answer.text(), r#"{"__type":"SomeException","message":"a \"b\" c."}"#);
        client
            .send("POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
        assert_eq!(client.answer().await.status, 200);
        client.assert_closed("connection: close").await;
        server.has_connections(0).await;
    });
}

#[test]
fn bodies_arrive_however_they_are_sent() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        let chunked = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n\
                       3\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
        let exact = post(&vec![1; Limits::default().max_body_bytes]);
        let requests: [(&[u8], &str); 4] = [
            (chunked.as_bytes(), "POST / 2 4 394"),
            (&post(b""), "POST / 2 0 0"),
            (&exact, "POST / 2 262144 262144"),
            (&post(&[2; 100_000]), "POST / 2 100000 200000"),
        ];
        for (request, expected) in requests {
            client.send(request).await;
            assert_eq!(client.answer().await.text(), expected);
        }
        client.io.get_ref().set_nodelay(true).unwrap();
        for byte in post(b"drop by drop") {
            client.send([byte]).await;
        }
        assert_eq!(client.answer().await.text(), "POST / 2 12 1157");
    });
}

#[test]
fn a_client_that_expects_100_continue_is_told_to_go_on() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        let head =
            "POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
        client.send(head).await;
        assert_eq!(client.answer().await.status, 100);
        client.send("ab").await;
        assert_eq!(client.answer().await.text(), "POST / 3 2 195");
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        let targets: Vec<String> = (0..500).map(|index| format!("/{index}")).collect();
        client.send(targets.iter().map(|target| get(target)).collect::<String>()).await;
        for target in &targets {
            assert_eq!(client.answer().await.text(), format!("GET {target} 1 0 0"));
        }
    });
}

#[test]
fn answers_larger_than_any_buffer_arrive_whole_when_pipelined() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let (reader, mut writer) = stream.into_split();
        // Sizes around hyper's buffer, so that answers queue up behind each other in every way.
        let sizes: Vec<usize> = (0..400).map(|index| (index * 7919) % 70_000).collect();
        let requests: String = sizes
            .iter()
            .enumerate()
            .map(|(index, size)| get(&format!("/{}?{size}", ["bytes", "stream"][index % 2])))
            .collect();
        let sending = tokio::spawn(async move {
            writer.write_all(requests.as_bytes()).await.unwrap();
            writer
        });
        let mut client = crate::support::Client::new(tokio::io::join(reader, tokio::io::sink()));
        for (index, size) in sizes.iter().enumerate() {
            let answer = client.answer().await;
            assert_eq!(answer.body.len(), *size, "answer {index}");
            assert!(answer.body.iter().all(|byte| *byte == b"yx"[index % 2]), "answer {index}");
        }
        drop(sending.await.unwrap());
    });
}

#[test]
fn a_hundred_connections_at_once_each_get_their_answers() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut clients = Vec::new();
        for _ in 0..100 {
            clients.push(server.connect().await);
        }
        server.has_connections(100).await;
        let tasks: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(index, mut client)| {
                tokio::spawn(async move {
                    let mut ids = Vec::new();
                    for round in 0..20 {
                        let target = format!("/{index}/{round}");
                        client.send(get(&target)).await;
                        let answer = client.answer().await;
                        assert_eq!(answer.text(), format!("GET {target} 1 0 0"));
                        ids.push(answer.headers["x-amzn-requestid"].clone());
                    }
                    ids
                })
            })
            .collect();
        let mut ids = HashSet::new();
        for task in tasks {
            ids.extend(task.await.unwrap());
        }
        assert_eq!(ids.len(), 2000);
        server.has_connections(0).await;
    });
}

#[test]
fn a_client_that_has_closed_its_half_still_gets_its_answer() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        client.send(post(b"abc")).await;
        client.io.get_mut().shutdown().await.unwrap();
        assert_eq!(client.answer().await.text(), "POST / 2 3 294");
        client.assert_closed("half-closed").await;
    });
}

#[test]
fn a_stream_that_ends_early_is_not_taken_for_whole() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        client.send(get("/short-stream")).await;
        assert!(client.try_answer().await.is_err());
        assert_eq!(server.answer_to(get("/x")).await.status, 200);
    });
}
