//! Invariant 10, as a property: wherever a request has a secret, and however broken the request is,
//! the secret reaches neither the audit trail nor a log nor the text of an error.

mod in_process;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use in_process::{Directory, Key, LENDER, Pair, Served};
use linkway_server::audit::journal::Cursor;
use linkway_store::Store as _;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

/// Everything that is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logged {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// How the member's name is written.
#[derive(Clone, Copy, Debug)]
enum Name {
    Right,
    Lower,
    Upper,
    Title,
    Snake,
    Kebab,
    Spaced,
}

impl Name {
    fn of(self, member: Member) -> String {
        let words = member.words();
        let title = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
        match self {
            Self::Right => words[..1]
                .iter()
                .map(|w| (*w).to_owned())
                .chain(words[1..].iter().map(|w| title(w)))
                .collect(),
            Self::Lower => words.concat(),
            Self::Upper => words.concat().to_uppercase(),
            Self::Title => words.iter().map(|word| title(word)).collect(),
            Self::Snake => words.join("_"),
            Self::Kebab => words.join("-"),
            Self::Spaced => format!(" {} ", words.join(" ")),
        }
    }
}

/// Members that hold secrets.
#[derive(Clone, Copy, Debug)]
enum Member {
    AuthKey,
    SecretAccessKey,
    Cak,
    Password,
    WebhookUrl,
}

impl Member {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::AuthKey => &["auth", "key"],
            Self::SecretAccessKey => &["secret", "access", "key"],
            Self::Cak => &["cak"],
            Self::Password => &["password"],
            Self::WebhookUrl => &["webhook", "url"],
        }
    }
}

/// What stands where the secret's text belongs.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Text,
    LongText,
    Number,
    List,
    Object,
    Nested,
}

impl Shape {
    fn of(self, secret: u64) -> Value {
        let text = secret.to_string();
        match self {
            Self::Text => json!(text),
            Self::LongText => json!(format!("{text} and {}", "x".repeat(400))),
            Self::Number => json!(secret),
            Self::List => json!([text, [text]]),
            Self::Object => json!({ "value": text }),
            Self::Nested => json!({ "a": [{ "b": { "c": secret } }] }),
        }
    }
}

/// Where the member is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Allocation,
    Top,
    Tags,
    /// So many objects deep.
    Deep(usize),
    /// In an object that was encoded twice: a text that holds JSON.
    Encoded,
    /// In the peer of a gateway's handoff, of a request that is else a good one.
    FabricPeer,
    /// The same of a gateway whose handoffs are moved.
    MovedHandoff,
    /// In a good request for a new key beside the one in use.
    Rotation,
    /// The same of a Direct Connect gateway's handoff to the backbone.
    Backbone,
    /// In such a text, and the request is nothing but that.
    WhollyEncoded,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug)]
enum Harm {
    None,
    /// Cut off, at so many thousandths of its length.
    Truncated(usize),
    /// Followed by something.
    Trailing,
    /// A byte of it replaced by one that means something to JSON, or to UTF-8.
    Replaced(usize, u8),
}

#[derive(Clone, Debug)]
struct Odd {
    operation: &'static str,
    member: Member,
    name: Name,
    shape: Shape,
    place: Place,
    harm: Harm,
    vlan: u64,
    secret: u64,
}

fn odd() -> impl Strategy<Value = Odd> {
    use prop::sample::select;
    let operation = select(vec![
        "OvertureService.AllocatePrivateVirtualInterface",
        "OvertureService.AllocateTransitVirtualInterface",
        "OvertureService.AllocatePublicVirtualInterface",
        "OvertureService.CreatePrivateVirtualInterface",
        "OvertureService.CreateTransitVirtualInterface",
        "OvertureService.CreatePublicVirtualInterface",
        "OvertureService.ConfirmPrivateVirtualInterface",
        "OvertureService.DescribeVirtualInterfaces",
        "OvertureService.TagResource",
        "OvertureService.CreateConnection",
        "OvertureService.CreateBGPPeer",
        "OvertureService.NoSuchThing",
        "Linkway.CreateAccount",
        "Linkway.CreateGateway",
        "Linkway.PutWebhook",
        "Linkway.UpdateGateway",
    ]);
    let member = select(vec![
        Member::AuthKey,
        Member::SecretAccessKey,
        Member::Cak,
        Member::Password,
        Member::WebhookUrl,
    ]);
    let name = select(vec![
        Name::Right,
        Name::Lower,
        Name::Upper,
        Name::Title,
        Name::Snake,
        Name::Kebab,
        Name::Spaced,
    ]);
    let shape = select(vec![
        Shape::Text,
        Shape::LongText,
        Shape::Number,
        Shape::List,
        Shape::Object,
        Shape::Nested,
    ]);
    let place = prop_oneof![
        4 => Just(Place::Allocation),
        1 => Just(Place::Top),
        1 => Just(Place::Tags),
        1 => (1..12_usize).prop_map(Place::Deep),
        1 => Just(Place::Encoded),
        1 => Just(Place::FabricPeer),
        1 => Just(Place::MovedHandoff),
        1 => Just(Place::Rotation),
        1 => Just(Place::Backbone),
        1 => Just(Place::WhollyEncoded),
    ];
    let harm = prop_oneof![
        3 => Just(Harm::None),
        2 => (1..1000_usize).prop_map(Harm::Truncated),
        1 => Just(Harm::Trailing),
        2 => (0..1000_usize, select(b"\"\\{}[]:,0\n\xff".to_vec()))
            .prop_map(|(at, byte)| Harm::Replaced(at, byte)),
    ];
    // 19 digits: nothing else that a server writes looks like it.
    let secret = 1_000_000_000_000_000_000..u64::MAX / 2;
    (operation, member, name, shape, place, harm, 0..6_u64, secret).prop_map(
        |(operation, member, name, shape, place, harm, vlan, secret)| Odd {
            operation,
            member,
            name,
            shape,
            place,
            harm,
            vlan,
            secret,
        },
    )
}

impl Odd {
    /// The only place of a session with the fabric is a gateway's handoff.
    fn operation(&self) -> &'static str {
        match self.place {
            Place::FabricPeer => "Linkway.CreateGateway",
            Place::MovedHandoff => "Linkway.UpdateGateway",
            Place::Rotation => "Linkway.RotateAuthKey",
            Place::Backbone => "Linkway.PutBackbone",
            _ => self.operation,
        }
    }

    /// The member of the operation's request that describes a new interface, and a number for each operation: each has VLANs of its own.
    fn inner(&self) -> (&'static str, u64) {
        let (_, name) = self.operation.split_once('.').expect("a service and a name");
        match name {
            "AllocateTransitVirtualInterface" => ("newTransitVirtualInterfaceAllocation", 1),
            "AllocatePublicVirtualInterface" => ("newPublicVirtualInterfaceAllocation", 2),
            "CreateTransitVirtualInterface" => ("newTransitVirtualInterface", 3),
            "CreatePublicVirtualInterface" => ("newPublicVirtualInterface", 4),
            _ => ("newPrivateVirtualInterfaceAllocation", 0),
        }
    }

    /// A good request for a new interface, of the operation's kind.
    fn allocation(&self, ground: &Ground) -> Value {
        let (inner, number) = self.inner();
        // Four transit interfaces fill a connection: two for each of the operations.
        let few = if inner.contains("Transit") { 2 } else { 6 };
        let vlan = self.vlan % few + 10 * number;
        let mut request = ground.pair.allocation("odd", vlan);
        let mut new = request["newPrivateVirtualInterfaceAllocation"].take();
        if inner.contains("Public") {
            let address = |host: u64| json!(format!("203.0.113.{}/30", vlan * 4 + host));
            new["routeFilterPrefixes"] = json!([{ "cidr": "198.51.100.0/24" }]);
            (new["amazonAddress"], new["customerAddress"]) = (address(1), address(2));
        }
        if inner == "newTransitVirtualInterface" {
            new["directConnectGatewayId"] = json!(ground.direct);
        }
        let members = request.as_object_mut().expect("an object");
        members.remove("newPrivateVirtualInterfaceAllocation");
        members.insert(inner.to_owned(), new);
        request
    }

    /// The member's name in the request. A new key is required: without a member of its name there is no good request.
    fn written(&self) -> String {
        match self.place {
            Place::Rotation => Name::Right.of(Member::AuthKey),
            _ => self.name.of(self.member),
        }
    }

    /// The request's bytes.
    fn body(&self, ground: &Ground) -> Vec<u8> {
        let (name, value) = (self.written(), self.shape.of(self.secret));
        let holder = json!({ name.clone(): value });
        let mut request = self.allocation(ground);
        let (inner, _) = self.inner();
        match self.place {
            Place::Allocation => request[inner][name] = value,
            Place::Top => request[name] = value,
            Place::Tags => request[inner]["tags"] = json!([{ "key": "k" }, holder]),
            Place::Deep(depth) => {
                request["deep"] = (0..depth).fold(holder, |inner, _| json!({ "more": [inner] }));
            }
            Place::FabricPeer | Place::MovedHandoff | Place::Backbone => {
                let mut peer = json!({ "address": "192.0.2.1", "asn": 65_010 });
                peer[name] = value;
                // What one gateway has no other may have.
                let word = match self.place {
                    Place::FabricPeer => "up",
                    Place::Backbone => "backbone",
                    _ => "moved",
                };
                let interface = format!("{word}{}", self.vlan);
                let handoffs = json!([{ "edgeId": "r1", "interface": interface, "nextHop": "192.0.2.1",
                                        "fabricPeer": peer }]);
                request = match self.place {
                    Place::FabricPeer => {
                        json!({ "accountId": LENDER, "vpcId": "vpc-1", "cidrs": ["10.0.0.0/16"],
                                "handoffs": handoffs })
                    }
                    Place::Backbone => {
                        json!({ "directConnectGatewayId": ground.direct, "handoffs": handoffs })
                    }
                    _ => json!({ "virtualGatewayId": ground.pair.gateway, "handoffs": handoffs }),
                };
            }
            Place::Rotation => {
                request = json!({ "virtualInterfaceId": ground.accepted });
                request[name] = value;
            }
            Place::Encoded => request[inner] = json!(holder.to_string()),
            Place::WhollyEncoded => {
                request[inner][name] = value;
                request = json!(request.to_string());
            }
        }
        let mut bytes = request.to_string().into_bytes();
        let length = bytes.len();
        match self.harm {
            Harm::None => {}
            Harm::Truncated(at) => bytes.truncate(length * at / 1000),
            Harm::Trailing => bytes.extend_from_slice(b"} trailing"),
            Harm::Replaced(at, byte) => {
                let (at, name) = (length * at / 1000, self.written());
                let names = bytes.windows(name.len()).position(|part| part == name.as_bytes());
                // A name that is no longer one of a secret tells nobody that its value is.
                if names.is_none_or(|begin| !(begin..begin + name.len()).contains(&at)) {
                    bytes[at] = byte;
                }
            }
        }
        bytes
    }
}

/// What requests name.
struct Ground {
    pair: Pair,
    /// A Direct Connect gateway of the lender's.
    direct: String,
    /// The recipient's accepted interface.
    accepted: String,
}

impl Ground {
    async fn create(server: &Served, pair: Pair) -> Self {
        let text = |value: &Value, name: &str| value[name].as_str().expect("text").to_owned();
        let named = json!({ "directConnectGatewayName": "odd", "amazonSideAsn": 64520 });
        let target = "OvertureService.CreateDirectConnectGateway";
        let direct = server.ok(&pair.lender, target, &named).await;
        let direct = text(&direct["directConnectGateway"], "directConnectGatewayId");
        let target = "OvertureService.AllocatePrivateVirtualInterface";
        let made = server.ok(&pair.lender, target, &pair.allocation("accepted", 60)).await;
        let accepted = text(&made, "virtualInterfaceId");
        let confirm = json!({ "virtualInterfaceId": accepted, "virtualGatewayId": pair.gateway });
        let target = "OvertureService.ConfirmPrivateVirtualInterface";
        server.ok(&pair.recipient, target, &confirm).await;
        Self { pair, direct, accepted }
    }
}

/// What the store's trail holds.
async fn changes(directory: &Directory) -> String {
    let page = directory.store.scan("audit/", None, 10_000).await.expect("readable");
    page.items.iter().map(|(_, value)| String::from_utf8_lossy(&value.value).into_owned()).collect()
}

/// What the journal got since it was looked at last.
fn journal(server: &Served, place: &Mutex<Cursor>) -> String {
    assert!(server.journal.flush(Duration::from_secs(10)));
    let mut place = place.lock().expect("not poisoned");
    let (events, next) = server.journal.read(Some(*place), 1000).expect("readable");
    *place = next;
    let events = events.iter().map(|event| serde_json::to_string(event).expect("JSON"));
    events.collect()
}

#[test]
fn no_secret_of_a_request_is_written_down_anywhere() {
    let logged = Logged::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(logged.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let directory = Directory::create();
    let mut server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    let (operator, ground) = runtime.block_on(async {
        server.reconcile();
        let operator = server.operator().await;
        let pair = Pair::create(&server, &operator).await;
        (operator, Ground::create(&server, pair).await)
    });
    runtime.block_on(async {
        let location = json!({ "locationCode": "PAR1", "locationName": "x" });
        server.ok(&operator, "Linkway.CreateLocation", &location).await;
        let edge = json!({ "edgeId": "r1", "locationCode": "PAR1" });
        server.ok(&operator, "Linkway.CreateEdge", &edge).await;
    });
    let (sent, place) = (Mutex::new(Vec::new()), Mutex::new(Cursor::default()));
    let mut runner =
        TestRunner::new(Config { cases: 3000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&odd(), |odd| {
        let secret = odd.secret.to_string();
        let key: &Key = match odd.operation() {
            "Linkway.RotateAuthKey" => &ground.pair.recipient,
            name if name.starts_with("Linkway.") => &operator,
            _ => &ground.pair.lender,
        };
        let body = odd.body(&ground);
        let (status, answer) = runtime.block_on(server.raw(key, odd.operation(), &body));
        let answer = String::from_utf8(answer).expect("UTF-8");
        // Only whoever lent an interface is told its key.
        prop_assert!(status == 200 || !answer.contains(&secret), "answer: {answer}");
        let last = journal(&server, &place);
        prop_assert!(!last.contains(&secret), "journal: {last}");
        sent.lock().expect("not poisoned").push(secret);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let trail = runtime.block_on(changes(&directory));
    let logs = logged.0.lock().unwrap_or_else(PoisonError::into_inner);
    let logs = String::from_utf8_lossy(&logs);
    // One allocation is the accepted interface.
    for (operation, before) in [
        ("AllocatePrivateVirtualInterface", 1),
        ("AllocateTransitVirtualInterface", 0),
        ("AllocatePublicVirtualInterface", 0),
        ("CreateTransitVirtualInterface", 0),
        ("CreatePublicVirtualInterface", 0),
        ("RotateAuthKey", 0),
    ] {
        let made = trail.matches(operation).count();
        assert!(made > before, "not one {operation} was a good one");
    }
    // One is what gave the pair its gateway.
    let gateways = trail.matches("CreateGateway").count();
    assert!(gateways > 1, "not one of the handoffs with a session was a good one");
    let moved = trail.matches("UpdateGateway").count();
    assert!(moved > 0, "not one of the moved handoffs with a session was a good one");
    let backbones = trail.matches("PutBackbone").count();
    assert!(backbones > 0, "not one of the handoffs to the backbone was a good one");
    for secret in sent.into_inner().expect("not poisoned") {
        assert!(!trail.contains(&secret), "{secret} is in the trail");
        assert!(!logs.contains(&secret), "{secret} is in the log");
    }
    runtime.block_on(server.stop());
}
