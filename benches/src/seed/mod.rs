//! Fills stores: accounts with keys and gateways, edges with ports, connections that are up, and on each twenty hosted
//! interfaces, of which some still wait for their owner and the others are accepted and reported by their edge.

mod ledger;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use linkway_domain::access_key::Principal;
use linkway_domain::decide::{
    Allocate, ApproveConnection, Command, Confirm, CreateAccessKey, CreateAccount,
    CreateConnection, CreateEdge, CreateGateway, CreateLocation, CreatePort, NewInterface, Outcome,
    PortChoice, ReportConnection, ReportHead, ReportInterface, ReportSeen,
};
use linkway_domain::edge::ConfigVersion;
use linkway_domain::id::{AccountId, ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_domain::virtual_interface::Reported;
use linkway_server::boot::{self, DataDir};
use linkway_server::rim::config::Config;
use linkway_server::{clock, server, verify};
use linkway_store::seal::Sealer;
use linkway_store::{SqliteOptions, Store};
use tokio::task::JoinSet;

use self::ledger::Ledger;
use crate::requests::Key;

/// Interfaces on each connection.
const PER_CONNECTION: usize = 20;
/// The first connections have fewer: each has 4,094 VLANs, and the smallest store must not run out of them while it is
/// measured, however quick the machine is.
const NEARLY_EMPTY: usize = 500;
/// Interfaces on each of those.
const PER_NEARLY_EMPTY: usize = 2;
/// Connections of each account, once there are many.
const CONNECTIONS_PER_ACCOUNT: usize = 10;
/// Accounts that there are at least.
const FEWEST_ACCOUNTS: usize = 100;
const LOCATIONS: usize = 4;
const EDGES: usize = 20;
/// One in so many interfaces waits for its owner.
const WAITING: u64 = 4;
/// Commits that are on their way to the store at a time.
const IN_FLIGHT: usize = 64;
/// Commits in one batch: large values make for long transactions without a gain.
const BATCH: usize = 32;

/// An account of the filled store.
pub struct Tenant {
    /// Its id.
    pub id: AccountId,
    /// Its access key.
    pub key: Key,
    gateway: String,
}

/// What a store of one size holds: the first of each kind in the [`Population`].
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Interfaces.
    pub interfaces: usize,
    /// Connections.
    pub connections: usize,
    /// Accounts.
    pub tenants: usize,
}

/// Whom an interface or a connection belongs to, as an index into the tenants.
pub type Owner = usize;

/// What a filled store holds, as far as requests must name it. The first of each kind are in the smaller stores too.
#[derive(Default)]
pub struct Population {
    /// The accounts.
    pub tenants: Vec<Tenant>,
    /// The connections.
    pub connections: Vec<(ConnectionId, Owner)>,
    /// The interfaces.
    pub interfaces: Vec<(VirtualInterfaceId, Owner)>,
}

/// Fills one data directory, in as many steps as wanted.
pub struct Filling {
    /// What is there so far.
    pub population: Population,
    ledger: Ledger,
    edges: Vec<EdgeId>,
}

impl Filling {
    /// Of nothing yet.
    pub fn new() -> Self {
        let ledger = Ledger::new(server::settings(&Config::default()), clock::now());
        Self { population: Population::default(), ledger, edges: Vec::new() }
    }

    /// Adds to the data directory until it holds `interfaces`; what it holds then. The store is
    /// closed when this returns.
    pub async fn fill(&mut self, path: &Path, interfaces: usize) -> Result<Extent> {
        let dir = DataDir::new(path);
        let options = SqliteOptions { max_batch: BATCH, ..SqliteOptions::default() };
        let records = boot::open_records(&dir, server::settings(&Config::default()), options)?;
        let sealer = Sealer::load(&dir.key_file())?;
        let mut commits = Commits { store: Arc::clone(records.store()), running: JoinSet::new() };
        if self.edges.is_empty() {
            self.add_network()?;
            commits.add(self.ledger.take(&sealer)).await?;
            // Later commits write some of the same records, and commits may overtake one another.
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
            self.operator(Command::CreateLocation(new))?;
        }
        for edge in 0..EDGES {
            let new = CreateEdge {
                id: format!("edge-{edge:02}"),
                location: format!("LOC{}", edge % LOCATIONS),
            };
            let Outcome::Edge(edge, _) = self.operator(Command::CreateEdge(new))? else {
                bail!("CreateEdge has an edge as its outcome");
            };
            self.as_edge(&edge.id, |edge| {
                Command::ReportSeen(ReportSeen { head: head(edge), quiet: false })
            })?;
            self.edges.push(edge.id);
        }
        Ok(())
    }

    fn add_tenant(&mut self) -> Result<()> {
        let number = self.population.tenants.len();
        let id = format!("{:012}", 100_000_000_000 + number);
        let new = CreateAccount { id: id.clone(), name: format!("Tenant {number}") };
        let Outcome::Account(account) = self.operator(Command::CreateAccount(new))? else {
            bail!("CreateAccount has an account as its outcome");
        };
        let new = Command::CreateAccessKey(CreateAccessKey::Account(id.clone()));
        let Outcome::AccessKey(key) = self.operator(new)? else {
            bail!("CreateAccessKey has an access key as its outcome");
        };
        let new = CreateGateway {
            account: id,
            asn: None,
            vpc: format!("vpc-{number}"),
            cidrs: vec![format!("10.{}.0.0/16", number % 256)],
            handoffs: Vec::new(),
        };
        let Outcome::Gateway(gateway) = self.operator(Command::CreateGateway(new))? else {
            bail!("CreateGateway has a gateway as its outcome");
        };
        self.population.tenants.push(Tenant {
            id: account.id,
            key: Key { id: key.id.to_string(), secret: key.secret.reveal().to_owned() },
            gateway: gateway.id.to_string(),
        });
        Ok(())
    }

    /// A connection that was ordered, approved and came up.
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
        self.operator(Command::CreatePort(port))?;
        let order = CreateConnection {
            location: format!("LOC{}", number % EDGES % LOCATIONS),
            bandwidth: "10Gbps".to_owned(),
            name: format!("Connection {number}"),
            ..CreateConnection::default()
        };
        let tenant = Principal::Account(self.population.tenants[owner].id.clone());
        let Outcome::Connection(ordered) =
            self.ledger.must(&tenant, &Command::CreateConnection(order))?
        else {
            bail!("CreateConnection has a connection as its outcome");
        };
        let port = PortChoice::Named { edge: edge.to_string(), interface };
        let approve = ApproveConnection { connection: ordered.id.to_string(), port };
        self.operator(Command::ApproveConnection(approve))?;
        let connection = ordered.id.clone();
        self.as_edge(&edge, |edge| {
            let carrier = Some(true);
            Command::ReportConnection(ReportConnection { head: head(edge), connection, carrier })
        })?;
        self.population.connections.push((ordered.id, owner));
        Ok(())
    }

    /// A hosted interface on the newest connection.
    fn add_interface(&mut self, nth: usize) -> Result<()> {
        let number = self.population.interfaces.len();
        let (connection, lender) =
            self.population.connections.last().context("connections come first")?;
        let tenants = &self.population.tenants;
        // Spread over all the others, so that an account has interfaces everywhere.
        let spread = mix(number as u64);
        let others = tenants.len() - 1;
        let owner = (lender + 1 + usize::try_from(spread % others as u64)?) % tenants.len();
        let (lender, recipient) = (&tenants[*lender], &tenants[owner]);
        let new = NewInterface {
            name: format!("Interface {number}"),
            vlan: 100 + i64::try_from(nth)?,
            asn: Some(64_600 + i64::try_from(number % 800)?),
            tags: vec![("cost-centre".to_owned(), Some(format!("{}", spread % 97)))],
            ..NewInterface::default()
        };
        let allocate =
            Allocate { connection: connection.to_string(), owner: recipient.id.to_string(), new };
        let lender = Principal::Account(lender.id.clone());
        let Outcome::VirtualInterface(lent) =
            self.ledger.must(&lender, &Command::Allocate(allocate))?
        else {
            bail!("Allocate has an interface as its outcome");
        };
        let confirm = Confirm {
            interface: lent.id.to_string(),
            gateway: Some(recipient.gateway.clone()),
            direct_connect_gateway: None,
        };
        let recipient = Principal::Account(recipient.id.clone());
        self.population.interfaces.push((lent.id.clone(), owner));
        // A peer subnet that the gateway has on this edge already is refused: such an interface stays unanswered.
        if spread.is_multiple_of(WAITING)
            || self.ledger.run(&recipient, &Command::Confirm(confirm))?.is_err()
        {
            return Ok(());
        }
        self.as_edge(&lent.edge, |edge| {
            let reported = Some(Reported { programmed: true, bgp_up: true, error: None });
            Command::ReportInterface(ReportInterface {
                head: head(edge),
                interface: lent.id.clone(),
                reported,
            })
        })
    }

    fn operator(&mut self, command: Command) -> Result<Outcome> {
        self.ledger.must(&Principal::Operator, &command)
    }

    fn as_edge(&mut self, edge: &EdgeId, command: impl FnOnce(EdgeId) -> Command) -> Result<()> {
        self.ledger.must(&Principal::Edge(edge.clone()), &command(edge.clone()))?;
        Ok(())
    }
}

/// The one report of each edge.
fn head(edge: EdgeId) -> ReportHead {
    ReportHead { edge, version: ConfigVersion { epoch: 0, generation: 1 }, sequence: 1 }
}

/// Commits on their way to the store.
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

/// Fails if the data directory breaks an invariant.
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
