//! Closing so that the client reads the answer. A socket closed with unread input is reset by the
//! kernel, and the reset overtakes the answer on its way; so the write side is closed first and
//! what the client is still sending is thrown away, within bounds.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Most that is read and thrown away.
const DRAIN_BYTES: usize = 32 * 1024 * 1024;
/// Longest that a client may go on sending.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// For the closing itself; with TLS it sends an alert.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Closes at once: nothing is left to read.
pub(super) async fn close<I: AsyncWrite + Unpin>(mut io: I) {
    // Whoever is gone needs no goodbye.
    let _ = timeout(CLOSE_TIME, io.shutdown()).await;
}

/// Ends the answer, drains, then closes.
pub(super) async fn drain_and_close<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    let _ = timeout(CLOSE_TIME, io.shutdown()).await;
    let _ = timeout(DRAIN_TIME, discard(&mut io)).await;
}

async fn discard<I: AsyncRead + Unpin>(io: &mut I) {
    let mut buffer = vec![0; 16 * 1024];
    let mut left = DRAIN_BYTES;
    while left > 0 {
        match io.read(&mut buffer).await {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            Ok(_) | Err(_) => return,
        }
    }
}

/// Writes a whole answer, then drains and closes.
pub(super) async fn answer_and_close<I: AsyncRead + AsyncWrite + Unpin>(mut io: I, answer: &[u8]) {
    if matches!(timeout(CLOSE_TIME, io.write_all(answer)).await, Ok(Ok(()))) {
        drain_and_close(io).await;
    }
}
