//! A server without a socket: the API over a data directory, called with signed requests.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use jiff::Timestamp;
use linkway_domain::access_key::AccessKey;
use linkway_domain::settings::Settings;
use linkway_server::api::endpoint::{Endpoint, Side, Watchers};
use linkway_server::api::{Api, Parts};
use linkway_server::audit::journal::Journal;
use linkway_server::audit::trail::Trail;
use linkway_server::boot::{self, DataDir};
use linkway_server::config::{Config, Overrides};
use linkway_server::feed::Feed;
use linkway_server::http::{Body, Handler as _, Request, RequestId, Response};
use linkway_server::liveness::Liveness;
use linkway_server::operators;
use linkway_server::reconcile::unheard::EdgesChanged;
use linkway_server::reconcile::{changes, deadlines, simulated};
use linkway_server::records::Records;
use linkway_server::telemetry::Telemetry;
use linkway_store::seal::Sealer;
use linkway_store::{SqliteOptions, SqliteStore, Store};
use linkway_wire::sigv4::{Credentials, SignRequest, sign};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// An access key with its secret.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

impl Key {
    pub fn of(answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().expect("a key has both").to_owned();
        Self { id: text("accessKeyId"), secret: text("secretAccessKey") }
    }
}

impl From<&AccessKey> for Key {
    fn from(key: &AccessKey) -> Self {
        Self { id: key.id.to_string(), secret: key.secret.reveal().to_owned() }
    }
}

/// A data directory.
pub struct Directory {
    temp: TempDir,
    pub store: Arc<SqliteStore>,
}

impl Directory {
    /// With a new key file and a new database.
    pub fn create() -> Self {
        let private = Permissions::from_mode(0o700);
        let temp = tempfile::Builder::new().permissions(private).tempdir().expect("a directory");
        let dir = DataDir::new(temp.path());
        dir.create().expect("made");
        Sealer::create(&dir.key_file()).expect("made");
        let options = SqliteOptions { create: true, ..boot::existing() };
        let store = SqliteStore::open(dir.database(), options).expect("made");
        Self { temp, store: Arc::new(store) }
    }

    pub fn path(&self) -> PathBuf {
        self.temp.path().to_owned()
    }

    /// Closes the database; the files stay until the value is dropped.
    pub fn close(self) -> TempDir {
        let store = Arc::into_inner(self.store).expect("nobody has the database open");
        drop(store);
        self.temp
    }

    /// A server over `store`, which must end up in this directory's.
    pub fn serve(&self, store: Arc<dyn Store>) -> Served {
        self.serve_with(
            store,
            Settings { simulated_approval: Duration::from_millis(1), ..Settings::default() },
        )
    }

    /// The same with other settings.
    pub fn serve_with(&self, store: Arc<dyn Store>, settings: Settings) -> Served {
        let overrides = Overrides { data_dir: Some(self.path()), ..Overrides::default() };
        let config = Config::load(None, overrides).expect("the defaults are valid");
        let sealer = Sealer::load(&DataDir::new(self.path()).key_file()).expect("made before");
        let records = Arc::new(Records::new(store, sealer, settings));
        let telemetry = Arc::new(Telemetry::new("0", "0"));
        let journal = Journal::open(config.journal(), telemetry.journal_dropped.clone());
        let journal = journal.expect("the directory is there");
        let strangers = Journal::open(config.strangers(), telemetry.journal_dropped.clone());
        let strangers = strangers.expect("the directory is there");
        let trail = Trail::new(Arc::clone(&records), Arc::clone(&journal), Arc::clone(&strangers));
        let trail = Arc::new(trail);
        let feed = Arc::new(Feed::new(Arc::clone(&records)));
        let closing = CancellationToken::new();
        let api = Arc::new(Api::new(Parts {
            records: Arc::clone(&records),
            liveness: Arc::new(Liveness::new(Arc::clone(&records))),
            feed: Arc::clone(&feed),
            lockout: config.lockout(),
            throttle: config.throttle(Instant::now()),
            in_flight: config.in_flight(),
            telemetry,
            trail: Arc::clone(&trail),
            scratch: DataDir::new(self.path()).scratch(),
            closing: closing.clone(),
        }));
        Served {
            api,
            records,
            feed,
            journal,
            strangers,
            trail,
            closing,
            background: JoinSet::new(),
        }
    }
}

/// A server that is called directly.
pub struct Served {
    pub api: Arc<Api>,
    pub records: Arc<Records>,
    pub journal: Arc<Journal>,
    pub strangers: Arc<Journal>,
    pub trail: Arc<Trail>,
    feed: Arc<Feed>,
    closing: CancellationToken,
    background: JoinSet<()>,
}

impl Served {
    /// Starts what a server does by itself.
    pub fn reconcile(&mut self) {
        let alarm = Arc::new(deadlines::Alarm::default());
        let (records, feed) = (|| Arc::clone(&self.records), || Arc::clone(&self.feed));
        let closing = || self.closing.clone();
        self.background.spawn(deadlines::run(records(), Arc::clone(&alarm), closing()));
        let (webhooks, edges) = (Arc::default(), EdgesChanged::default());
        let api = Arc::clone(&self.api);
        let changes = changes::run(records(), api, feed(), alarm, webhooks, edges, closing());
        self.background.spawn(changes);
        let step = Duration::from_millis(1);
        self.background.spawn(simulated::run(records(), feed(), step, closing()));
    }

    /// Ends what was started, and waits for it.
    pub async fn stop(self) {
        self.closing.cancel();
        self.background.join_all().await;
    }

    /// The operator's key.
    pub async fn operator(&self) -> Key {
        boot::epoch(&self.records).await.expect("the store works");
        let key = operators::first_key(&self.records).await.expect("the store works");
        Key::from(&key.expect("nobody has disabled it"))
    }

    /// One call with any body: the status, and the answer's bytes.
    pub async fn raw(&self, key: &Key, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let (response, bytes) = self.send(key, target, body, &[]).await;
        (response.status.as_u16(), bytes)
    }

    /// One call with any body and with more headers: the answer, and its bytes.
    pub async fn send(
        &self,
        key: &Key,
        target: &str,
        body: &[u8],
        more: &[(&str, &str)],
    ) -> (Response, Vec<u8>) {
        let service = if target.starts_with("Linkway.") { "linkway" } else { "directconnect" };
        let nonce = RequestId::random().to_string();
        let headers = [
            ("amz-sdk-invocation-id", nonce.as_str()),
            ("host", "localhost"),
            ("x-amz-target", target),
        ];
        let unsigned =
            SignRequest { method: "POST", path: "/", query: None, headers: &headers, body };
        let credentials = Credentials { access_key_id: &key.id, secret_access_key: &key.secret };
        let region = &self.records.settings().region;
        let added = sign(&unsigned, credentials, region, service, Timestamp::now());
        let added = added.expect("host is among the headers");
        let all = headers.into_iter().chain(added.iter().map(|(name, value)| (*name, &**value)));
        let mut headers = HeaderMap::new();
        for (name, value) in all.chain(more.iter().copied()) {
            headers.insert(
                HeaderName::try_from(name).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        self.handle(Method::POST, Uri::from_static("/"), headers, body).await
    }

    /// A page that needs no signature.
    pub async fn page(&self, path: &'static str) -> String {
        let uri = Uri::from_static(path);
        let host = (HOST, HeaderValue::from_static("localhost"));
        let accept = (ACCEPT, HeaderValue::from_static("application/openmetrics-text"));
        let headers = HeaderMap::from_iter([host, accept]);
        let (_, bytes) = self.handle(Method::GET, uri, headers, b"").await;
        String::from_utf8(bytes).expect("text")
    }

    async fn handle(
        &self,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: &[u8],
    ) -> (Response, Vec<u8>) {
        let request = Request {
            method,
            uri,
            headers,
            body: body.to_vec().into(),
            peer: ([192, 0, 2, 1], 4711).into(),
            received: Instant::now(),
            request_id: RequestId::random(),
        };
        let side = match request.method {
            Method::GET => Side::Admin(Watchers::new(&[])),
            _ => Side::Public { operator: true },
        };
        let endpoint = Endpoint { api: Arc::clone(&self.api), side };
        let mut response = endpoint.handle(request).await;
        let bytes = match &mut response.body {
            Body::Full(bytes) => bytes.to_vec(),
            Body::Stream { reader, .. } => {
                let mut bytes = Vec::new();
                reader.read_to_end(&mut bytes).await.expect("the stream can be read");
                bytes
            }
        };
        (response, bytes)
    }

    /// One call.
    pub async fn call(&self, key: &Key, target: &str, body: &Value) -> (u16, Value) {
        let (status, bytes) = self.raw(key, target, body.to_string().as_bytes()).await;
        let answer = serde_json::from_slice(&bytes);
        (status, answer.unwrap_or_else(|error| panic!("{target}: {error}: {bytes:?}")))
    }

    /// One call that must succeed.
    pub async fn ok(&self, key: &Key, target: &str, body: &Value) -> Value {
        let (status, answer) = self.call(key, target, body).await;
        assert_eq!(status, 200, "{target} {body}: {answer}");
        answer
    }
}

/// A lender with a connection and a recipient with a gateway.
pub struct Pair {
    pub lender: Key,
    pub recipient: Key,
    pub gateway: String,
    pub connection: String,
}

pub const LENDER: &str = "123456789000";
pub const RECIPIENT: &str = "210987654321";

impl Pair {
    /// Made on a server that reconciles.
    pub async fn create(server: &Served, operator: &Key) -> Self {
        let mut keys = Vec::new();
        for id in [LENDER, RECIPIENT] {
            let account = json!({ "accountId": id, "name": id });
            server.ok(operator, "Linkway.CreateAccount", &account).await;
            let account = json!({ "accountId": id });
            keys.push(Key::of(&server.ok(operator, "Linkway.CreateAccessKey", &account).await));
        }
        let location =
            json!({ "locationCode": "SIM1", "locationName": "Nowhere", "simulated": true });
        server.ok(operator, "Linkway.CreateLocation", &location).await;
        let gateway = json!({
            "accountId": RECIPIENT, "amazonSideAsn": 64512, "vpcId": "vpc-12345678",
            "cidrs": ["10.0.0.0/16"],
        });
        let gateway = server.ok(operator, "Linkway.CreateGateway", &gateway).await;
        let order = json!({
            "location": "SIM1", "bandwidth": "1Gbps", "connectionName": "trunk",
        });
        let ordered = server.ok(&keys[0], "OvertureService.CreateConnection", &order).await;
        let text = |value: &Value, name: &str| value[name].as_str().expect("text").to_owned();
        let pair = Self {
            gateway: text(&gateway, "virtualGatewayId"),
            connection: text(&ordered, "connectionId"),
            recipient: keys.pop().expect("two"),
            lender: keys.pop().expect("two"),
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let all = json!({});
            let seen = server.ok(&pair.lender, "OvertureService.DescribeConnections", &all).await;
            if seen["connections"][0]["connectionState"] == "available" {
                return pair;
            }
            assert!(Instant::now() < deadline, "{seen}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The request that lends an interface.
    pub fn allocation(&self, name: &str, vlan: u64) -> Value {
        let address = |host: u64| format!("172.16.{}.{}/30", vlan / 64, vlan % 64 * 4 + host);
        json!({
            "connectionId": self.connection,
            "ownerAccount": RECIPIENT,
            "newPrivateVirtualInterfaceAllocation": {
                "virtualInterfaceName": name, "vlan": vlan, "asn": 65000,
                "amazonAddress": address(1), "customerAddress": address(2),
            },
        })
    }
}
