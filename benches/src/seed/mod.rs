//! Fills stores: accounts with keys and gateways, edges with ports, connections that are up, and on each twenty hosted
//! interfaces, of which some are not confirmed and the others are confirmed and reported by their edge.

mod ledger;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use linkway_domain::access_key::Principal;
use linkway_domain::access_key::decide::CreateAccessKey;
use linkway_domain::account::decide::CreateAccount;
use linkway_domain::connection::decide::{ApproveConnection, CreateConnection, PortChoice};
use linkway_domain::decide::Command;
use linkway_domain::edge::ConfigVersion;
use linkway_domain::edge::decide::CreateEdge;
use linkway_domain::edge::report::{ReportConnection, ReportHead, ReportInterface, ReportSeen};
use linkway_domain::id::{AccountId, ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_domain::location::decide::CreateLocation;
use linkway_domain::port::decide::CreatePort;
use linkway_domain::quota::Quotas;
use linkway_domain::settings::Settings;
use linkway_domain::virtual_gateway::decide::CreateGateway;
use linkway_domain::virtual_interface::NewInterface;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface, ConfirmPrivateVirtualInterface,
};
use linkway_domain::virtual_interface::{InterfaceReport, PeerReport};
use linkway_server::boot::{self, DataDir};
use linkway_server::config::Config;
use linkway_server::{clock, migrate, server, verify};
use linkway_store::seal::Sealer;
use linkway_store::{SqliteOptions, Store};
use tokio::task::JoinSet;

use self::ledger::Ledger;
use crate::requests::Key;

/// Interfaces on each connection.
const PER_CONNECTION: usize = 20;
/// The first connections have fewer interfaces: a connection has 4,094 VLANs, and the smallest store must not run out of
/// them during the measurement on a fast machine.
const NEARLY_EMPTY: usize = 500;
/// Interfaces on each of the first connections.
const PER_NEARLY_EMPTY: usize = 2;
/// Connections of each account in a large store.
const CONNECTIONS_PER_ACCOUNT: usize = 10;
/// The least number of accounts.
const FEWEST_ACCOUNTS: usize = 100;
const LOCATIONS: usize = 4;
const EDGES: usize = 20;
/// One in so many interfaces is not confirmed.
const UNCONFIRMED: u64 = 4;
/// Concurrent commits.
const IN_FLIGHT: usize = 64;
/// Commits in one batch: more bring no gain.
const BATCH: usize = 32;

/// An account of the filled store.
pub struct Tenant {
    /// Its id.
    pub id: AccountId,
    /// Its access key.
    pub key: Key,
    gateway: String,
}

/// How many of each kind in the [`Population`] a store of one size has: always the first ones.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Interfaces.
    pub interfaces: usize,
    /// Connections.
    pub connections: usize,
    /// Accounts.
    pub tenants: usize,
}

/// The owner of an interface or a connection, as an index into the tenants.
pub type Owner = usize;

/// The ids in the largest store that requests use. The smaller stores have the first of each kind.
#[derive(Default)]
pub struct Population {
    /// The accounts.
    pub tenants: Vec<Tenant>,
    /// The connections.
    pub connections: Vec<(ConnectionId, Owner)>,
    /// The interfaces.
    pub interfaces: Vec<(VirtualInterfaceId, Owner)>,
}

/// Fills one data directory, in several steps.
pub struct Filling {
    /// The ids so far.
    pub population: Population,
    ledger: Ledger,
    edges: Vec<EdgeId>,
}

impl Filling {
    /// Empty.
    pub fn new() -> Self {
        let ledger = Ledger::new(settings(), clock::now());
        Self { population: Population::default(), ledger, edges: Vec::new() }
    }

    /// Adds to the data directory until it has `interfaces` interfaces; its size then. The store is
    /// closed when this returns.
    ///
    /// # Errors
    ///
    /// The data directory cannot be opened, a commit fails, or a rule refuses a command.
    pub async fn fill(&mut self, path: &Path, interfaces: usize) -> Result<Extent> {
        let dir = DataDir::new(path);
        let options = SqliteOptions { max_batch: BATCH, ..SqliteOptions::default() };
        let records = boot::open_records(&dir, settings(), options)?;
        migrate::records(&records).await?;
        let sealer = Sealer::load(&dir.key_file())?;
        let mut commits = Commits { store: Arc::clone(records.store()), running: JoinSet::new() };
        if self.edges.is_empty() {
            self.add_network()?;
            commits.add(self.ledger.take(&sealer)).await?;
            // Later commits write some of the same records, and the order of concurrent commits is undefined.
            commits.settle().await?;
        }
        while self.population.tenants.len() < FEWEST_ACCOUNTS {
            self.add_tenant()?;
            if let Some(commit) = self.ledger.take_full(&sealer) {
                commits.add(commit).await?;
            }
        }
        while self.population.interfaces.len() < interfaces {
            self.add_connection()?;
            commits.add(self.ledger.take(&sealer)).await?;
            let nearly_empty = self.population.connections.len() <= NEARLY_EMPTY;
            for nth in 0..if nearly_empty { PER_NEARLY_EMPTY } else { PER_CONNECTION } {
                self.add_interface(nth)?;
                if let Some(commit) = self.ledger.take_full(&sealer) {
                    commits.add(commit).await?;
                }
            }
        }
        commits.add(self.ledger.take(&sealer)).await?;
        commits.settle().await?;
        for commit in self.ledger.take_counters(&sealer) {
            commits.add(commit).await?;
        }
        commits.settle().await?;
        let Population { tenants, connections, interfaces } = &self.population;
        Ok(Extent {
            interfaces: interfaces.len(),
            connections: connections.len(),
            tenants: tenants.len(),
        })
    }

    fn add_network(&mut self) -> Result<()> {
        for location in 0..LOCATIONS {
            let code = format!("LOC{location}");
            let new =
                CreateLocation { code, name: format!("Location {location}"), simulated: false };
            self.operator(&new)?;
        }
        for edge in 0..EDGES {
            let new = CreateEdge {
                id: format!("edge-{edge:02}"),
                location: format!("LOC{}", edge % LOCATIONS),
            };
            let (edge, _) = self.operator(&new)?;
            self.as_edge(&edge.id, &ReportSeen { head: head(edge.id.clone()), quiet: false })?;
            self.edges.push(edge.id);
        }
        Ok(())
    }

    fn add_tenant(&mut self) -> Result<()> {
        let number = self.population.tenants.len();
        let id = format!("{:012}", 100_000_000_000 + number);
        let new = CreateAccount { id: id.clone(), name: format!("Tenant {number}") };
        let account = self.operator(&new)?;
        let key = self.operator(&CreateAccessKey::Account(id.clone()))?;
        let new = CreateGateway {
            account: id,
            name: None,
            asn: None,
            vpc: format!("vpc-{number}"),
            cidrs: vec![format!("10.{}.0.0/16", number % 256)],
            handoffs: Vec::new(),
        };
        let gateway = self.operator(&new)?;
        self.population.tenants.push(Tenant {
            id: account.id,
            key: Key { id: key.id.to_string(), secret: key.secret.reveal().to_owned() },
            gateway: gateway.id.to_string(),
        });
        Ok(())
    }

    /// Orders and approves a connection, and reports it as up.
    fn add_connection(&mut self) -> Result<()> {
        let number = self.population.connections.len();
        if number >= self.population.tenants.len() * CONNECTIONS_PER_ACCOUNT {
            self.add_tenant()?;
        }
        let owner = number % self.population.tenants.len();
        let edge = self.edges[number % EDGES].clone();
        let interface = format!("eth{number}");
        let port = CreatePort {
            edge: edge.to_string(),
            interface: interface.clone(),
            bandwidth: "10Gbps".to_owned(),
            jumbo: true,
        };
        self.operator(&port)?;
        let order = CreateConnection {
            location: format!("LOC{}", number % EDGES % LOCATIONS),
            bandwidth: "10Gbps".to_owned(),
            name: format!("Connection {number}"),
            ..CreateConnection::default()
        };
        let tenant = Principal::Account(self.population.tenants[owner].id.clone());
        let ordered = self.ledger.must(&tenant, &order)?;
        let port = PortChoice::Named { edge: edge.to_string(), interface };
        let approve = ApproveConnection { connection: ordered.id.to_string(), port };
        self.operator(&approve)?;
        let connection = ordered.id.clone();
        let report = ReportConnection { head: head(edge.clone()), connection, carrier: Some(true) };
        self.as_edge(&edge, &report)?;
        self.population.connections.push((ordered.id, owner));
        Ok(())
    }

    /// Allocates an interface on the newest connection, and confirms and reports most of them.
    fn add_interface(&mut self, nth: usize) -> Result<()> {
        let number = self.population.interfaces.len();
        let (connection, lender) =
            self.population.connections.last().context("connections come first")?;
        let tenants = &self.population.tenants;
        // The recipients are spread over all other accounts.
        let spread = mix(number as u64);
        let others = tenants.len() - 1;
        let owner = (lender + 1 + usize::try_from(spread % others as u64)?) % tenants.len();
        let (lender, recipient) = (&tenants[*lender], &tenants[owner]);
        let new = NewInterface {
            name: format!("Interface {number}"),
            vlan: Some(100 + i64::try_from(nth)?),
            asn: Some(64_600 + i64::try_from(number % 800)?),
            tags: vec![("cost-centre".to_owned(), Some(format!("{}", spread % 97)))],
            ..NewInterface::default()
        };
        let allocate = AllocatePrivateVirtualInterface {
            connection: connection.to_string(),
            owner: recipient.id.to_string(),
            new,
        };
        let lender = Principal::Account(lender.id.clone());
        let lent = self.ledger.must(&lender, &allocate)?;
        let confirm = ConfirmPrivateVirtualInterface {
            interface: lent.id.to_string(),
            gateway: Some(recipient.gateway.clone()),
            direct_connect_gateway: None,
        };
        let recipient = Principal::Account(recipient.id.clone());
        self.population.interfaces.push((lent.id.clone(), owner));
        // If the gateway has the peer subnet on this edge already, the confirmation is refused, and the interface stays
        // unconfirmed.
        if spread.is_multiple_of(UNCONFIRMED) || self.ledger.run(&recipient, &confirm)?.is_err() {
            return Ok(());
        }
        let family = lent.first_peer().addresses.family();
        let peers = vec![PeerReport { family, established: true }];
        let report = ReportInterface {
            head: head(lent.edge.clone()),
            interface: lent.id.clone(),
            report: Some(InterfaceReport { programmed: true, peers, error: None }),
        };
        self.as_edge(&lent.edge, &report)
    }

    fn operator<C: Command>(&mut self, command: &C) -> Result<C::Outcome> {
        self.ledger.must(&Principal::Operator, command)
    }

    fn as_edge(&mut self, edge: &EdgeId, report: &impl Command<Outcome = ()>) -> Result<()> {
        self.ledger.must(&Principal::Edge(edge.clone()), report)
    }
}

/// Quotas that no turn meets: each lends hundreds of thousands of interfaces on the connections that there are.
pub fn quotas() -> Quotas {
    const NEVER_MET: u32 = 1_000_000;
    Quotas {
        private_and_public_interfaces_per_connection: 4094,
        interfaces_per_connection: 4094,
        connections_per_location: 100_000,
        unanswered_offers_per_lender: NEVER_MET,
        unanswered_offers: NEVER_MET,
        tag_bytes_per_account: 1 << 30,
        ..Quotas::default()
    }
}

fn settings() -> Settings {
    server::settings(&Config { quotas: quotas(), ..Config::default() })
}

/// The head of each edge's only report.
fn head(edge: EdgeId) -> ReportHead {
    let version = ConfigVersion { epoch: 0, generation: 1 };
    ReportHead { edge, version, sequence: 1, access_key: None }
}

/// Concurrent commits.
struct Commits {
    store: Arc<dyn Store>,
    running: JoinSet<Result<()>>,
}

impl Commits {
    async fn add(&mut self, commit: linkway_store::Commit) -> Result<()> {
        if self.running.len() >= IN_FLIGHT
            && let Some(ended) = self.running.join_next().await
        {
            ended??;
        }
        let store = Arc::clone(&self.store);
        self.running.spawn(async move {
            store.commit(commit).await?;
            Ok(())
        });
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        while let Some(ended) = self.running.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// Checks every invariant of the data directory.
///
/// # Errors
///
/// An invariant is violated, or the directory cannot be read.
pub async fn check(path: &Path) -> Result<()> {
    let report = verify::data_dir(path).await?;
    match report.violations.first() {
        None => Ok(()),
        Some(first) => {
            bail!("{} violations in the filled store, the first: {first}", report.violations.len())
        }
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit.
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
