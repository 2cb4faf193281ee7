//! A server of a few lines: reads requests, verifies their signature with the server's own
//! verifier, records them, and answers what a function says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use jiff::Timestamp;
use linkway_wire::sigv4::{HeaderList, Policy, RequestParts, SigningKey, parse, verify};
use serde_json::{Value, json};

use super::{ACCESS_KEY_ID, REGION, SECRET};

/// What is answered.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// What Content-Length says; the body's length unless the test wants it wrong.
    pub length: usize,
    /// Sent in chunks, without the last one: as a server that breaks off.
    pub is_cut_chunked: bool,
}

impl Answer {
    pub fn json(body: Value) -> Answer {
        Answer::bytes(200, "application/x-amz-json-1.1", body.to_string().into_bytes())
    }

    pub fn error(status: u16, code: &str, message: &str) -> Answer {
        let body = json!({"__type": code, "message": message});
        Answer::bytes(status, "application/json", body.to_string().into_bytes())
    }

    pub fn bytes(status: u16, content_type: &'static str, body: Vec<u8>) -> Answer {
        Answer { status, content_type, length: body.len(), body, is_cut_chunked: false }
    }
}

/// A request whose signature was right.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub target: String,
    pub body: Value,
}

/// A server that lives as long as the test's process.
pub struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Answers each request with what `answer` says of its number (from 0) and of itself.
    pub fn start(answer: impl Fn(usize, &Received) -> Answer + Send + 'static) -> Server {
        Self::start_with(answer, |stream| Box::new(stream))
    }

    /// The same behind `wrap`, which may speak TLS.
    pub fn start_with(
        answer: impl Fn(usize, &Received) -> Answer + Send + 'static,
        wrap: impl Fn(std::net::TcpStream) -> Box<dyn ReadWrite> + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(wrap(stream.expect("accepted")), &log, &answer);
            }
        });
        Server { address, received }
    }

    /// The same answer to everything.
    pub fn always(answer: Answer) -> Server {
        Self::start(move |_, _| answer.clone())
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic while locked").clone()
    }
}

pub trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// One request of one connection; a client that hangs up or fails the handshake is none of our
/// business.
fn serve(
    stream: Box<dyn ReadWrite>,
    log: &Mutex<Vec<Received>>,
    answer: &impl Fn(usize, &Received) -> Answer,
) {
    let mut stream = BufReader::new(stream);
    let Some((headers, body)) = read_request(&mut stream) else { return };
    let reply = match checked(&headers, &body) {
        Err(refusal) => Answer::error(403, "TestRefusal", &refusal),
        Ok(request) => {
            let mut log = log.lock().expect("no panic while locked");
            log.push(request.clone());
            let number = log.len() - 1;
            drop(log);
            answer(number, &request)
        }
    };
    // The client may have gone, which some tests want.
    let _ = write_answer(stream.get_mut(), &reply);
}

type Headers = Vec<(String, String)>;

fn read_request(stream: &mut impl BufRead) -> Option<(Headers, Vec<u8>)> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
    assert_eq!(line, "POST / HTTP/1.1\r\n");
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = header(&headers, "content-length").parse().expect("a length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((headers, body))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let found = headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value)
}

fn checked(headers: &[(String, String)], body: &[u8]) -> Result<Received, String> {
    let lookup = HeaderList(headers);
    let parts = RequestParts { method: "POST", path: "/", query: None, headers: &lookup, body };
    let claim = parse(&parts, Timestamp::now(), &Policy::new(REGION)).map_err(|e| e.to_string())?;
    verify(&claim, &SigningKey::derive(SECRET, claim.scope())).map_err(|e| e.to_string())?;
    let said = [
        ("access key", claim.access_key_id(), ACCESS_KEY_ID),
        ("service", claim.scope().service, "linkway"),
        ("content type", header(headers, "content-type"), "application/x-amz-json-1.1"),
    ];
    for (what, is, should) in said {
        if is != should {
            return Err(format!("{what} is {is}, not {should}"));
        }
    }
    for name in ["host", "content-type", "x-amz-target", "x-amz-date"] {
        if !claim.signs(name) {
            return Err(format!("{name} is not signed"));
        }
    }
    let body = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    Ok(Received { target: header(headers, "x-amz-target").to_owned(), body })
}

fn write_answer(stream: &mut impl Write, answer: &Answer) -> std::io::Result<()> {
    let Answer { status, content_type, body, length, is_cut_chunked } = answer;
    let framing = match is_cut_chunked {
        true => "transfer-encoding: chunked".to_owned(),
        false => format!("content-length: {length}"),
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nconnection: close\r\n\
         content-type: {content_type}\r\n{framing}\r\n\r\n"
    )?;
    if *is_cut_chunked {
        write!(stream, "{:x}\r\n", body.len())?;
    }
    stream.write_all(body)?;
    stream.flush()
}
