//! `linkway admin`: the operator's command line, a client of the operator API and nothing more.
//!
//! Words become requests, answers become a table or JSON. Exit codes: 0 done, 1 refused by the
//! server, 2 wrong usage, 3 no server to talk to or a file here that cannot be used.

mod account;
mod aws_files;
mod aws_profile;
mod backup;
mod client;
mod credentials;
mod dx_gateway;
mod edge;
mod events;
mod explain;
mod fabric;
mod failure;
pub mod flags;
mod narrow;
mod operator;
mod output;
mod public_network;
mod rows;
mod store;
mod tenant_words;
mod trail;
mod transit_gateway;
mod webhook;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use linkway_wire::operator::{
    ApproveConnection, CreateAccessKey, CreateAccount, CreateEdge, CreateGateway, CreateLocation,
    CreatePort, DeleteAccessKey, DeleteAccount, DeleteConnection, DeleteEdge, DeleteGateway,
    DeleteInterface, DeleteLocation, DeletePort, DescribeAccount, DescribeEdge, DisableAccessKey,
    DisableAccount, DrainEdge, DrainInterface, EnableAccessKey, EnableAccount, ExplainInterface,
    GiveUpEdge, ListAccessKeys, ListAccounts, ListConnections, ListEdges, ListGateways,
    ListInterfaces, ListLocations, ListPorts, ListRequest, Nothing, RejectConnection, RenewEpoch,
    Request, ResetBgpSession, ResetEdge, UpdateAccount, UpdateGateway, UpdateLocation,
    VerifyInterface,
};
use serde::Serialize;

use crate::{check, cli};

use aws_files::{AwsProfile, Existing};
use client::Client;
use failure::Failure;
use operator::OperatorWord;
use output::{Form, List, Row, Width, object, one};
use store::StoreWord;
use tenant_words::{ConnectionWord, GatewayWord, InterfaceWord};
use words::{
    AccessKeyWord, AccountWord, CheckArgs, EdgeWord, EpochWord, LocationWord, PortName, PortWord,
    Word,
};

/// Administer a Linkway server: accounts, keys, locations, edges, ports, gateways.
#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 refused by the server, 2 wrong usage,
3 no server to talk to or a file that cannot be used.

Examples:
  export LINKWAY_CREDENTIALS=/var/lib/linkway/operator.json
  linkway admin account create --id 123456789000 --name 'Example Ltd'
  linkway admin access-key create --account 123456789000 --aws-profile tenant-a
  linkway admin connection list --state requested --output json"
)]
pub struct AdminArgs {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    word: Word,
}

/// Where help lists what every word takes.
const GLOBALS: &str = "Options of every word";

#[derive(Debug, Args)]
struct Globals {
    /// operator.json of the server's data directory [default: /var/lib/linkway/operator.json]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LINKWAY_CREDENTIALS",
        help_heading = GLOBALS
    )]
    credentials: Option<PathBuf>,
    /// Form of the output
    #[arg(
        long,
        global = true,
        value_name = "FORM",
        value_enum,
        default_value = "table",
        help_heading = GLOBALS
    )]
    output: Form,
    /// All columns of a list, whole, instead of what fits into 80 columns
    #[arg(long, global = true, help_heading = GLOBALS)]
    wide: bool,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBALS)]
    ca_cert: Option<PathBuf>,
}

impl Globals {
    fn width(&self) -> Width {
        if self.wide { Width::Wide } else { Width::Narrow }
    }
}

/// Does what the words say; what went wrong is on stderr.
pub fn run(args: AdminArgs) -> ExitCode {
    let AdminArgs { globals, word } = args;
    if let Word::Check(args) = word {
        return offline_check(args, globals.output);
    }
    if let Word::Operator(OperatorWord::Rescue { dir }) = &word {
        return operator::rescue(dir, globals.output);
    }
    if let Word::Store(StoreWord::Rekey(args)) = &word {
        return store::rekey(args, globals.output);
    }
    let path = &match credentials::path(globals.credentials.as_deref()) {
        Ok(path) => path,
        Err(text) => cli::wrong_admin_usage(&text),
    };
    let ended = credentials::load(path)
        .and_then(|operator| Client::new(operator, path, globals.ca_cert.as_deref()))
        .and_then(|client| Session { client, globals: &globals }.obey(word));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let told = match &failure {
                Failure::Refused { .. } => cli::in_words_of_admin(&failure.to_string()),
                Failure::Unreachable(_) | Failure::Local(_) => failure.to_string(),
                Failure::ReaderGone => return failure.exit_code(),
            };
            eprintln!("error: {told}");
            failure.exit_code()
        }
    }
}

fn offline_check(args: CheckArgs, form: Form) -> ExitCode {
    let dir = args.dir.or(args.data_dir).expect("clap requires one of the two");
    check::run(&dir, form == Form::Json)
}

/// One run of the program: whom to ask and how to show the answer.
struct Session<'a> {
    client: Client,
    globals: &'a Globals,
}

impl Session<'_> {
    fn obey(&self, word: Word) -> Result<(), Failure> {
        match word {
            Word::Account(word) => self.account(word),
            Word::AccessKey(word) => self.access_key(word),
            Word::Operator(word) => self.operator(word),
            Word::Location(word) => self.location(word),
            Word::Edge(word) => self.edge(word),
            Word::Port(word) => self.port(word),
            Word::Connection(word) => self.connection(word),
            Word::Gateway(word) => self.gateway(word),
            Word::TransitGateway(word) => self.transit_gateway(word),
            Word::DxGateway(word) => self.dx_gateway(word),
            Word::PublicNetwork(word) => self.public_network(word),
            Word::Interface(word) => self.interface(word),
            Word::Epoch(EpochWord::Renew) => self.one(&RenewEpoch {}),
            Word::Webhook(word) => self.webhook(word),
            Word::Events(args) => {
                events::run(&self.client, self.globals.output, self.globals.width(), &args)
            }
            Word::Backup(args) => backup::run(&self.client, &args.file, args.force),
            Word::Check(args) => unreachable!("{args:?} is done without a server"),
            Word::Store(word) => unreachable!("{word:?} is done without a server"),
        }
    }

    /// One call, and its answer.
    fn one<R: Request<Answer: Row>>(&self, request: &R) -> Result<(), Failure> {
        one(self.globals.output, &self.client.call(request)?)
    }

    /// One thing, asked for by a list that names it.
    fn show<R: ListRequest<Item: Row + Serialize>>(&self, request: R) -> Result<(), Failure> {
        let (items, _) = R::into_page(self.client.call(&request)?);
        match &items[..] {
            [thing] => one(self.globals.output, thing),
            others => {
                let count = others.len();
                let why = format!("it answered with {count} things where one was asked for");
                Err(self.client.unreachable(why))
            }
        }
    }

    /// One call whose answer says no more than that it is done.
    fn nothing<R: Request<Answer = Nothing>>(&self, request: &R) -> Result<(), Failure> {
        let answer = self.client.call(request)?;
        match self.globals.output {
            Form::Table => Ok(()),
            Form::Json => object(&answer),
        }
    }

    /// All pages of a list.
    fn list<R: ListRequest<Item: Row + Serialize>>(&self, request: R) -> Result<(), Failure> {
        let mut list = List::new(self.globals.output).of_width(self.globals.width());
        self.client.pages(request, |items| list.page(items))?;
        list.end()
    }

    fn account(&self, word: AccountWord) -> Result<(), Failure> {
        match word {
            AccountWord::Create { id, name } => self.one(&CreateAccount { account_id: id, name }),
            AccountWord::Update { id, name } => self.one(&UpdateAccount { account_id: id, name }),
            AccountWord::Disable(it) => self.one(&DisableAccount { account_id: it.id }),
            AccountWord::Enable(it) => self.one(&EnableAccount { account_id: it.id }),
            AccountWord::Delete(it) => self.one(&DeleteAccount { account_id: it.id }),
            AccountWord::Show { id } => {
                let detail = self.client.call(&DescribeAccount { account_id: id })?;
                account::show(self.globals.output, self.globals.width(), detail)
            }
            AccountWord::List => self.list(ListAccounts::default()),
        }
    }

    fn access_key(&self, word: AccessKeyWord) -> Result<(), Failure> {
        match word {
            AccessKeyWord::Create { account, edge, aws_profile, overwrite } => {
                let new = CreateAccessKey { account_id: account, edge_id: edge };
                let existing = if overwrite { Existing::Overwrite } else { Existing::Keep };
                self.create_access_key(&new, aws_profile.as_deref(), existing)
            }
            AccessKeyWord::List { account, edge } => self.list(ListAccessKeys {
                account_id: account,
                edge_id: edge,
                ..Default::default()
            }),
            AccessKeyWord::Show(key) => {
                let access_key_id = Some(key.id);
                self.show(ListAccessKeys { access_key_id, ..Default::default() })
            }
            AccessKeyWord::Disable(key) => self.one(&DisableAccessKey { access_key_id: key.id }),
            AccessKeyWord::Enable(key) => self.one(&EnableAccessKey { access_key_id: key.id }),
            AccessKeyWord::Delete(key) => self.nothing(&DeleteAccessKey { access_key_id: key.id }),
        }
    }

    fn create_access_key(
        &self,
        new: &CreateAccessKey,
        profile: Option<&str>,
        existing: Existing,
    ) -> Result<(), Failure> {
        // Files that cannot be edited must be known before there is a key whose secret is shown
        // once.
        let profile = profile.map(|name| AwsProfile::open(name, existing)).transpose()?;
        let key = self.client.call(new)?;
        let written = profile.map_or(Ok(()), |profile| {
            profile.write(self.client.operator(), &key, self.globals.ca_cert.as_deref())
        });
        one(self.globals.output, &key)?;
        written
    }

    fn location(&self, word: LocationWord) -> Result<(), Failure> {
        match word {
            LocationWord::Create { code, name, simulated } => {
                self.one(&CreateLocation { location_code: code, location_name: name, simulated })
            }
            LocationWord::Show(it) => {
                let location_code = Some(it.code);
                self.show(ListLocations { location_code, ..Default::default() })
            }
            LocationWord::Update { code, name } => {
                self.one(&UpdateLocation { location_code: code, location_name: name })
            }
            LocationWord::Delete(it) => self.one(&DeleteLocation { location_code: it.code }),
            LocationWord::List => self.list(ListLocations::default()),
        }
    }

    fn edge(&self, word: EdgeWord) -> Result<(), Failure> {
        match word {
            EdgeWord::Create { id, location } => {
                self.one(&CreateEdge { edge_id: id, location_code: location })
            }
            EdgeWord::List => self.list(ListEdges::default()),
            EdgeWord::Show(it) => {
                let detail = self.client.call(&DescribeEdge { edge_id: it.id })?;
                edge::show(self.globals.output, self.globals.width(), detail)
            }
            EdgeWord::Reset(it) => self.one(&ResetEdge { edge_id: it.id }),
            EdgeWord::Drain { id, how } => {
                self.one(&DrainEdge { edge_id: id, wait_seconds: how.wait, undo: how.undo })
            }
            EdgeWord::GiveUp { id, force } => self.one(&GiveUpEdge { edge_id: id, force }),
            EdgeWord::Delete(it) => self.one(&DeleteEdge { edge_id: it.id }),
        }
    }

    fn port(&self, word: PortWord) -> Result<(), Failure> {
        match word {
            PortWord::Create { edge, interface, bandwidth, no_jumbo_frames } => {
                self.one(&CreatePort {
                    edge_id: edge,
                    interface,
                    bandwidth,
                    jumbo_frame_capable: !no_jumbo_frames,
                })
            }
            PortWord::Show(PortName { edge, interface }) => {
                let (edge_id, interface) = (Some(edge), Some(interface));
                self.show(ListPorts { edge_id, interface, ..Default::default() })
            }
            PortWord::Delete(PortName { edge, interface }) => {
                self.one(&DeletePort { edge_id: edge, interface })
            }
            PortWord::List { edge } => self.list(ListPorts { edge_id: edge, ..Default::default() }),
        }
    }

    fn connection(&self, word: ConnectionWord) -> Result<(), Failure> {
        match word {
            ConnectionWord::List { account, state } => {
                let account_id = account;
                self.list(ListConnections { account_id, state, ..Default::default() })
            }
            ConnectionWord::Show(it) => {
                let connection_id = Some(it.id);
                self.show(ListConnections { connection_id, ..Default::default() })
            }
            ConnectionWord::Approve { id, edge, interface } => {
                self.one(&ApproveConnection { connection_id: id, edge_id: edge, interface })
            }
            ConnectionWord::Reject(it) => self.one(&RejectConnection { connection_id: it.id }),
            ConnectionWord::Delete(it) => self.one(&DeleteConnection { connection_id: it.id }),
        }
    }

    fn gateway(&self, word: GatewayWord) -> Result<(), Failure> {
        match word {
            GatewayWord::Create { account, name, asn, vpc, cidr, handoffs } => {
                self.one(&CreateGateway {
                    account_id: account,
                    name,
                    amazon_side_asn: asn,
                    vpc_id: vpc,
                    cidrs: cidr,
                    handoffs: fabric::handoffs(handoffs.handoff, handoffs.fabric_peer)?,
                })
            }
            GatewayWord::List { account } => {
                self.list(ListGateways { account_id: account, ..Default::default() })
            }
            GatewayWord::Show(it) => {
                let virtual_gateway_id = Some(it.id);
                self.show(ListGateways { virtual_gateway_id, ..Default::default() })
            }
            GatewayWord::Update { id, name, handoffs, no_handoffs } => {
                let is_moved = no_handoffs || !handoffs.handoff.is_empty();
                let handoffs = fabric::handoffs(handoffs.handoff, handoffs.fabric_peer)?;
                let handoffs = is_moved.then_some(handoffs);
                self.one(&UpdateGateway { virtual_gateway_id: id, name, handoffs })
            }
            GatewayWord::Delete(it) => self.one(&DeleteGateway { virtual_gateway_id: it.id }),
        }
    }

    fn interface(&self, word: InterfaceWord) -> Result<(), Failure> {
        match word {
            InterfaceWord::List { account, state } => {
                let account_id = account;
                self.list(ListInterfaces { account_id, state, ..Default::default() })
            }
            InterfaceWord::Show(it) => {
                let virtual_interface_id = Some(it.id);
                self.show(ListInterfaces { virtual_interface_id, ..Default::default() })
            }
            InterfaceWord::Drain { id, how } => self.one(&DrainInterface {
                virtual_interface_id: id,
                wait_seconds: how.wait,
                undo: how.undo,
            }),
            InterfaceWord::Why(it) => {
                let request = ExplainInterface { virtual_interface_id: it.id };
                explain::show(
                    self.globals.output,
                    self.globals.width(),
                    self.client.call(&request)?,
                )
            }
            InterfaceWord::Reset(it) => self.one(&ResetBgpSession { virtual_interface_id: it.id }),
            InterfaceWord::Verify { id, reject } => {
                self.one(&VerifyInterface { virtual_interface_id: id, accepted: !reject })
            }
            InterfaceWord::Delete(it) => self.one(&DeleteInterface { virtual_interface_id: it.id }),
        }
    }
}
