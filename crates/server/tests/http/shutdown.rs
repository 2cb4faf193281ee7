//! Stopping without harm.

use std::time::Duration;

use linkway_server::http::{Limits, Stopped};
use tokio::net::TcpStream;

use crate::support::{Server, bounded, get, post};

#[test]
fn requests_in_flight_are_answered_and_idle_connections_closed() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let (mut fresh, mut idle) = (server.connect().await, server.connect().await);
        idle.send(post(b"a")).await;
        assert_eq!(idle.answer().await.status, 200);
        let mut busy = server.connect().await;
        busy.send(get("/gate") + &get("/never-served")).await;
        server.begun.acquire().await.unwrap().forget();
        server.has_connections(3).await;
        server.shutdown.cancel();
        fresh.assert_closed("fresh").await;
        idle.assert_closed("idle").await;
        server.has_connections(1).await;
        assert!(TcpStream::connect(server.address).await.is_err());
        server.gate.add_permits(1);
        let answer = busy.answer().await;
        assert_eq!(answer.status, 200);
        assert!(answer.closes());
        assert_eq!(server.stopped.await.unwrap(), Stopped { cut: 0 });
    });
}

#[test]
fn a_request_that_takes_too_long_does_not_hold_the_server() {
    bounded(async {
        let limits = Limits { shutdown_timeout: Duration::from_millis(100), ..Limits::default() };
        let server = Server::start(limits).await;
        let mut hanging = server.connect().await;
        hanging.send(get("/gate")).await;
        server.begun.acquire().await.unwrap().forget();
        server.shutdown.cancel();
        assert!(hanging.try_answer().await.is_err());
        assert_eq!(server.stopped.await.unwrap(), Stopped { cut: 1 });
        assert_eq!(server.telemetry.render().matches("in_flight 0").count(), 1);
    });
}

#[test]
fn a_request_whose_head_has_begun_may_end() {
    bounded(async {
        let server = Server::start(Limits::default()).await;
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\na").await;
        // The other request's answer tells that the server has seen what was sent before it.
        assert_eq!(server.answer_to(get("/x")).await.status, 200);
        server.has_connections(1).await;
        server.shutdown.cancel();
        client.send("b").await;
        assert_eq!(client.answer().await.text(), "POST / 2 2 195");
        assert_eq!(server.stopped.await.unwrap(), Stopped { cut: 0 });
    });
}
