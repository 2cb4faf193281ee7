//! Walks the hosted private virtual interface from order to deletion with the official Rust SDK.
//!
//! Reads the walk's brief (endpoint, region, three accounts, names) as JSON from standard input and
//! prints a transcript: one JSON member per step. States are compared here as the SDK's own enums,
//! so that an answer which the SDK cannot name fails the walk; the rest is judged by the reader of
//! the transcript. With the words `describe ID` it prints what the owner sees of that interface, and
//! no more.

mod json;

use std::fmt::Debug;
use std::process::ExitCode;
use std::time::Duration;

use aws_sdk_directconnect::Client;
use aws_sdk_directconnect::config::retry::RetryConfig;
use aws_sdk_directconnect::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_directconnect::error::ProvideErrorMetadata;
use aws_sdk_directconnect::types::{
    Connection, ConnectionState, NewPrivateVirtualInterfaceAllocation, Tag, VirtualInterface,
    VirtualInterfaceState,
};
use serde_json::{Map, Value, json};

type Failure = Box<dyn std::error::Error>;

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(transcript) => {
            println!("{transcript}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<Value, Failure> {
    let brief: Value = serde_json::from_reader(std::io::stdin())?;
    let mut walk = Walk {
        lender: client(&brief, "lender")?,
        owner: client(&brief, "owner")?,
        third: client(&brief, "third")?,
        brief,
        transcript: Map::new(),
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, id] = words.as_slice()
        && word == "describe"
    {
        let seen = interfaces(&walk.owner, id).await?;
        return Ok(seen.iter().map(json::interface).collect());
    }
    let connection = walk.order().await?;
    let interface = walk.lend(&connection).await?;
    walk.accept(&interface).await?;
    walk.end(&connection, &interface).await?;
    Ok(Value::Object(walk.transcript))
}

struct Walk {
    lender: Client,
    owner: Client,
    third: Client,
    brief: Value,
    transcript: Map<String, Value>,
}

impl Walk {
    fn note(&mut self, step: &str, answer: Value) {
        self.transcript.insert(step.to_owned(), answer);
    }

    /// Orders a connection and waits until it is available; gives its id.
    async fn order(&mut self) -> Result<String, Failure> {
        let locations = self.lender.describe_locations().send().await?;
        self.note(
            "locations",
            json!(locations.locations().iter().map(json::location).collect::<Vec<_>>()),
        );
        let order = self
            .lender
            .create_connection()
            .location(text(&self.brief, "location")?)
            .bandwidth("1Gbps")
            .connection_name(text(&self.brief, "connectionName")?)
            .send()
            .await?;
        expect(&order.connection_state, &ConnectionState::Requested)?;
        self.note("order", json::connection(&json::created(&order)));
        let id = order.connection_id().ok_or("the order has no connectionId")?.to_owned();
        let connection = self.connection_in(&id, &ConnectionState::Available).await?;
        self.note("connection", json::connection(&connection));
        Ok(id)
    }

    /// Lends an interface and looks at it from all three accounts; gives its id.
    async fn lend(&mut self, connection: &str) -> Result<String, Failure> {
        let allocation = NewPrivateVirtualInterfaceAllocation::builder()
            .virtual_interface_name(text(&self.brief, "virtualInterfaceName")?)
            .vlan(101)
            .asn(65000)
            .auth_key("tgyn26example")
            .amazon_address("172.16.0.1/30")
            .customer_address("172.16.0.2/30")
            .tags(Tag::builder().key("purpose").value("walk").build()?)
            .build()?;
        let lent = self
            .lender
            .allocate_private_virtual_interface()
            .connection_id(connection)
            .owner_account(text(&self.brief["owner"], "accountId")?)
            .new_private_virtual_interface_allocation(allocation)
            .send()
            .await?;
        expect(&lent.virtual_interface_state, &VirtualInterfaceState::Confirming)?;
        self.note("allocate", json::interface(&json::allocated(&lent)));
        let id = lent.virtual_interface_id().ok_or("no virtualInterfaceId")?.to_owned();
        for (step, client) in [
            ("seenByLender", self.lender.clone()),
            ("seenByOwner", self.owner.clone()),
            ("seenByThird", self.third.clone()),
        ] {
            let seen: Vec<Value> =
                interfaces(&client, &id).await?.iter().map(json::interface).collect();
            self.note(step, json!(seen));
        }
        Ok(id)
    }

    /// Accepts the interface, after the third account failed to, and waits until it is up.
    async fn accept(&mut self, interface: &str) -> Result<(), Failure> {
        let gateways = self.owner.describe_virtual_gateways().send().await?;
        self.note(
            "gateways",
            json!(gateways.virtual_gateways().iter().map(json::gateway).collect::<Vec<_>>()),
        );
        let gateway = text(&self.brief, "virtualGatewayId")?.to_owned();
        let confirm = |client: &Client| {
            client
                .confirm_private_virtual_interface()
                .virtual_interface_id(interface)
                .virtual_gateway_id(&gateway)
        };
        let refusal = refused(confirm(&self.third).send().await)?;
        self.note("thirdConfirm", refusal);
        let confirmed = confirm(&self.owner).send().await?;
        expect(&confirmed.virtual_interface_state, &VirtualInterfaceState::Pending)?;
        self.note("confirm", json!({"virtualInterfaceState": confirmed.virtual_interface_state().map(|s| s.as_str())}));
        let settled = self.interface_in(interface, &VirtualInterfaceState::Available).await?;
        self.note("settled", json::interface(&settled));
        let seen: Vec<Value> =
            interfaces(&self.lender, interface).await?.iter().map(json::interface).collect();
        self.note("settledByLender", json!(seen));
        Ok(())
    }

    /// Takes interface and connection down, after the wrong order was refused.
    async fn end(&mut self, connection: &str, interface: &str) -> Result<(), Failure> {
        let too_early = self.lender.delete_connection().connection_id(connection).send().await;
        let refusal = refused(too_early)?;
        self.note("connectionInUse", refusal);
        let deleted =
            self.owner.delete_virtual_interface().virtual_interface_id(interface).send().await?;
        self.note(
            "delete",
            json!({"virtualInterfaceState": deleted.virtual_interface_state().map(|s| s.as_str())}),
        );
        let ended = self.interface_in(interface, &VirtualInterfaceState::Deleted).await?;
        self.note("ended", json::interface(&ended));
        let gone = self.lender.delete_connection().connection_id(connection).send().await?;
        self.note(
            "connectionDelete",
            json!({"connectionState": gone.connection_state().map(|s| s.as_str())}),
        );
        let ended = self.connection_in(connection, &ConnectionState::Deleted).await?;
        self.note("connectionEnded", json::connection(&ended));
        Ok(())
    }

    async fn connection_in(
        &self,
        id: &str,
        state: &ConnectionState,
    ) -> Result<Connection, Failure> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let answer = self.lender.describe_connections().connection_id(id).send().await?;
            let [connection] = answer.connections() else {
                return Err(format!("{id}: {} connections", answer.connections().len()).into());
            };
            if connection.connection_state() == Some(state) {
                return Ok(connection.clone());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(
                    format!("{id} is {:?}, not {state:?}", connection.connection_state()).into()
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn interface_in(
        &self,
        id: &str,
        state: &VirtualInterfaceState,
    ) -> Result<VirtualInterface, Failure> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let found = interfaces(&self.owner, id).await?;
            let [interface] = found.as_slice() else {
                return Err(format!("{id}: {} interfaces", found.len()).into());
            };
            if interface.virtual_interface_state() == Some(state) {
                return Ok(interface.clone());
            }
            if tokio::time::Instant::now() > deadline {
                return Err(format!(
                    "{id} is {:?}, not {state:?}",
                    interface.virtual_interface_state()
                )
                .into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn interfaces(client: &Client, id: &str) -> Result<Vec<VirtualInterface>, Failure> {
    let answer = client.describe_virtual_interfaces().virtual_interface_id(id).send().await?;
    Ok(answer.virtual_interfaces.unwrap_or_default())
}

/// A client for one of the brief's accounts; it never retries, so that each refusal is seen once.
fn client(brief: &Value, who: &str) -> Result<Client, Failure> {
    let key = &brief[who];
    let credentials =
        Credentials::from_keys(text(key, "accessKeyId")?, text(key, "secretAccessKey")?, None);
    let config = aws_sdk_directconnect::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(text(brief, "endpoint")?)
        .region(Region::new(text(brief, "region")?.to_owned()))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Ok(Client::from_conf(config))
}

fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, Failure> {
    value[member].as_str().ok_or_else(|| format!("the brief has no {member}").into())
}

fn expect<T: PartialEq + Debug>(found: &Option<T>, wanted: &T) -> Result<(), Failure> {
    match found {
        Some(found) if found == wanted => Ok(()),
        other => Err(format!("wanted {wanted:?}, found {other:?}").into()),
    }
}

/// Type and text of an error answer; a success is the failure here.
fn refused<T: Debug, E: ProvideErrorMetadata>(result: Result<T, E>) -> Result<Value, Failure> {
    match result {
        Ok(answer) => Err(format!("should have been refused: {answer:?}").into()),
        Err(error) => Ok(json!({"error": error.code(), "message": error.message()})),
    }
}
