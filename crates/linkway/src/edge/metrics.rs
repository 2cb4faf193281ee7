//! `/metrics` and `/healthz` of the agent.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use anyhow::Context as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use linkway_edge::agent::metrics::Gauges;

/// A scraper that is slow with its headers is let go after this.
const HEADERS_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// Serves them from a thread of its own, as long as the program runs.
pub fn serve(address: SocketAddr, gauges: Gauges) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address} for metrics"))?;
    listener.set_nonblocking(true).context("cannot serve metrics")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        runtime.block_on(async {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => accept(listener, gauges).await,
                Err(error) => tracing::error!(%error, "metrics cannot be served"),
            }
        });
    })?;
    Ok(())
}

async fn accept(listener: tokio::net::TcpListener, gauges: Gauges) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let gauges = gauges.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let response = answer(&request, &gauges);
                async move { Ok::<_, Infallible>(response) }
            });
            // What a scraper does wrong is its own affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer(request: &Request<Incoming>, gauges: &Gauges) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, gauges.render()),
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::OK, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "there is /metrics and /healthz\n".to_owned())
        }
        (_, _) => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}
