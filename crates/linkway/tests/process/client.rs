//! A small HTTP client that signs: one connection, kept alive, of which every failure is seen.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use jiff::Timestamp;
use linkway_server::http::RequestId;
use linkway_wire::sigv4::{Credentials, SignRequest, sign};
use serde_json::{Value, json};

use super::{PATIENCE, REGION, wait_for};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// An access key with its secret.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

impl Key {
    /// The key of an answer, or of `operator.json`.
    pub fn of(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().expect("a key has an id and a secret").into();
        Self { id: text("accessKeyId"), secret: text("secretAccessKey") }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// `x-amzn-requestid`
    pub request_id: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    /// The error's code and text.
    pub fn error(&self) -> (String, String) {
        assert!(!self.is_ok(), "it was not refused: {}", self.text());
        let body = self.json();
        let text = |name: &str| body[name].as_str().expect("errors have both").to_owned();
        (text("__type"), text("message"))
    }
}

/// A caller with a key.
pub struct Client {
    address: SocketAddr,
    key: Key,
    /// The first part of the target, and the service of the signature.
    service: (&'static str, &'static str),
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// Calls the tenants' API.
    pub fn tenant(address: SocketAddr, key: &Key) -> Self {
        let service = ("OvertureService", "directconnect");
        Self { address, key: key.clone(), service, connection: None }
    }

    /// Calls the operator API or the feed.
    pub fn linkway(address: SocketAddr, key: &Key) -> Self {
        Self { service: ("Linkway", "linkway"), ..Self::tenant(address, key) }
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One call. An error means that nobody knows what became of it.
    pub fn try_call(&mut self, operation: &str, body: &Value) -> io::Result<Answer> {
        let target = format!("{}.{operation}", self.service.0);
        self.try_raw(&target, body.to_string().as_bytes())
    }

    /// One call of any target with any bytes.
    pub fn try_raw(&mut self, target: &str, body: &[u8]) -> io::Result<Answer> {
        let request = self.request(target, body);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(connect(self.address)?),
        };
        connection.get_mut().write_all(&request)?;
        let answer = read_answer(&mut connection)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// The bytes of a signed request.
    pub fn request(&self, target: &str, body: &[u8]) -> Vec<u8> {
        let host = self.address.to_string();
        // Two calls of one second would have one signature.
        let nonce = RequestId::random().to_string();
        let headers = [
            ("amz-sdk-invocation-id", nonce.as_str()),
            ("content-type", CONTENT_TYPE),
            ("host", host.as_str()),
            ("x-amz-target", target),
        ];
        let unsigned =
            SignRequest { method: "POST", path: "/", query: None, headers: &headers, body };
        let credentials =
            Credentials { access_key_id: &self.key.id, secret_access_key: &self.key.secret };
        let added = sign(&unsigned, credentials, REGION, self.service.1, Timestamp::now());
        let added = added.expect("host is among the headers");
        let mut request = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers.into_iter().chain(added.iter().map(|(n, v)| (*n, &**v))) {
            request.extend([name, ": ", value, "\r\n"]);
        }
        request.push_str("\r\n");
        [request.as_bytes(), body].concat()
    }

    /// One call that must be answered.
    pub fn call(&mut self, operation: &str, body: &Value) -> Answer {
        self.try_call(operation, body).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// One call that must succeed.
    pub fn ok(&mut self, operation: &str, body: &Value) -> Value {
        let answer = self.call(operation, body);
        assert!(answer.is_ok(), "{operation} {body}: {} {}", answer.status, answer.text());
        answer.json()
    }

    /// One call that must be refused: the error's code and text.
    pub fn refused(&mut self, operation: &str, body: &Value) -> (String, String) {
        let answer = self.call(operation, body);
        assert!(!answer.is_ok(), "{operation} {body} was not refused: {}", answer.text());
        answer.error()
    }

    /// Every element of a list, page by page.
    pub fn all(&mut self, operation: &str, member: &str, mut body: Value) -> Vec<Value> {
        let mut found = Vec::new();
        loop {
            let mut page = self.ok(operation, &body);
            found.append(page[member].as_array_mut().expect("a list"));
            match page["nextToken"].take() {
                Value::Null => return found,
                token => body["nextToken"] = token,
            }
        }
    }

    /// One interface as this caller sees it.
    pub fn interface(&mut self, id: &str) -> Option<Value> {
        let body = json!({ "virtualInterfaceId": id });
        let mut answer = self.ok("DescribeVirtualInterfaces", &body);
        answer["virtualInterfaces"].as_array_mut().expect("a list").pop()
    }

    /// The state of an interface that is there.
    pub fn interface_state(&mut self, id: &str) -> String {
        let interface = self.interface(id).expect("it is there");
        interface["virtualInterfaceState"].as_str().expect("a state").to_owned()
    }

    /// The state of a connection that is there.
    pub fn connection_state(&mut self, id: &str) -> String {
        let answer = self.ok("DescribeConnections", &json!({ "connectionId": id }));
        answer["connections"][0]["connectionState"].as_str().expect("a state").to_owned()
    }
}

/// Reads a page without a signature.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    let mut connection = connect(address)?;
    write!(connection, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    read_answer(&mut BufReader::new(connection))
}

/// Waits until so many requests are being answered, beside the one that asks. `address` is the operator's.
pub fn wait_in_flight(address: SocketAddr, count: u32) {
    wait_for("requests in flight", || {
        let metrics = get(address, "/metrics").ok()?.text();
        let line = metrics.lines().find_map(|l| l.strip_prefix("linkway_http_requests_in_flight "));
        (line?.parse::<u32>().ok()? > count).then_some(())
    });
}

/// A connection on which nothing is waited for without end.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    connection.set_nodelay(true)?;
    Ok(connection)
}

/// Reads one answer whose length is told.
pub fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let torn = |what: &str| io::Error::new(io::ErrorKind::UnexpectedEof, what.to_owned());
    let mut line = String::new();
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| torn("no status line"))?;
    let (mut length, mut request_id) = (0, String::new());
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(torn("the head is cut off"));
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| torn("no length"))?,
            "x-amzn-requestid" => value.clone_into(&mut request_id),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(Answer { status, request_id, body })
}
