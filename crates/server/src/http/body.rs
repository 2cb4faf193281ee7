//! Bodies in both directions: a request's, read whole and bounded; an answer's, from memory or a
//! reader.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use hyper::body::{Body as _, Incoming};
use tokio::io::{AsyncRead, ReadBuf};

use super::Body;
use super::bodies;
use super::refusal::Refusal;
use super::watch::Watch;

/// Whether a body is known to be small before any of it is read.
pub(super) fn is_small(body: &Incoming) -> bool {
    body.size_hint().upper().is_some_and(|length| length <= bodies::SMALL as u64)
}

/// Reads a body of at most `max` bytes, of which `share` must have room. A body that came in one piece is not copied.
pub(super) async fn read(
    mut body: Incoming,
    max: usize,
    share: &mut bodies::Share<'_>,
) -> Result<Bytes, Refusal> {
    let announced = body.size_hint().lower();
    if announced > max as u64 {
        return Err(Refusal::BodyTooLarge { max });
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(data) = next_data(&mut body).await? {
        let length = first.len().max(whole.len()) + data.len();
        if length > max {
            return Err(Refusal::BodyTooLarge { max });
        }
        if !share.grow(length) {
            return Err(Refusal::TooManyBodies);
        }
        if first.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.reserve(length);
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// The next piece of data; an empty one stands for trailers, which are of no use here.
async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    match std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        None => Ok(None),
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(Refusal::BodyBroken),
    }
}

const CHUNK: usize = 64 * 1024;

/// An answer's body on its way out. The watch holds the connection in the writing phase until the
/// last byte was handed over: a flush before that is not the end of the answer.
pub(super) struct OutBody {
    source: Source,
    watch: Arc<Watch>,
}

enum Source {
    Full(Bytes),
    Stream { reader: Box<dyn AsyncRead + Send + Unpin>, left: u64 },
}

impl OutBody {
    pub fn new(body: Body, watch: &Arc<Watch>) -> Self {
        let source = match body {
            Body::Full(bytes) => Source::Full(bytes),
            Body::Stream { reader, length } => Source::Stream { reader, left: length },
        };
        let body = Self { source, watch: Arc::clone(watch) };
        watch.set_streaming(body.left() > 0);
        body
    }

    fn left(&self) -> u64 {
        match &self.source {
            Source::Full(bytes) => bytes.len() as u64,
            Source::Stream { left, .. } => *left,
        }
    }
}

impl http_body::Body for OutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left() == 0 {
            return Poll::Ready(None);
        }
        let data = match &mut self.source {
            Source::Full(bytes) => std::mem::take(bytes),
            Source::Stream { reader, left } => {
                let data = ready!(poll_chunk(reader, *left, cx))?;
                *left -= data.len() as u64;
                data
            }
        };
        self.watch.set_streaming(self.left() > 0);
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

/// At least one byte, at most `left`; a reader that ends before is an error.
fn poll_chunk(
    reader: &mut (impl AsyncRead + Unpin),
    left: u64,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
    let mut buf = ReadBuf::new(&mut chunk);
    ready!(Pin::new(reader).poll_read(cx, &mut buf))?;
    let filled = buf.filled().len();
    if filled == 0 {
        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
    }
    chunk.truncate(filled);
    Poll::Ready(Ok(chunk.into()))
}
