//! `linkway admin`: the operator's command line, a client of the operator API and nothing more.
//!
//! Words become requests, answers become a table or JSON. Exit codes: 0 done, 1 refused by the
//! server, 2 wrong usage, 3 no server to talk to or a file here that cannot be used.

mod aws_files;
mod aws_profile;
mod backup;
mod client;
mod credentials;
mod edge;
mod events;
mod fabric;
mod failure;
mod operator;
mod output;
mod rows;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use linkway_wire::operator::{
    ApproveConnection, CreateAccessKey, CreateAccount, CreateEdge, CreateGateway, CreateLocation,
    CreatePort, DeleteAccessKey, DeleteGateway, DescribeEdge, DisableAccessKey, EnableAccessKey,
    ListAccessKeys, ListAccounts, ListConnections, ListEdges, ListGateways, ListInterfaces,
    ListLocations, ListPorts, ListRequest, Nothing, RejectConnection, RenewEpoch, Request,
    ResetBgpSession,
};
use serde::Serialize;

use crate::{check, cli};

use aws_files::{AwsProfile, Existing};
use client::Client;
use failure::Failure;
use operator::OperatorWord;
use output::{Form, List, Row, object, one};
use words::{
    AccessKeyWord, AccountWord, CheckArgs, ConnectionWord, EdgeWord, EpochWord, GatewayWord,
    InterfaceWord, LocationWord, PortWord, Word,
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
    /// operator.json of the server's data directory
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
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE", help_heading = GLOBALS)]
    ca_cert: Option<PathBuf>,
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
    let Some(path) = &globals.credentials else {
        cli::wrong_admin_usage(
            "--credentials FILE (or LINKWAY_CREDENTIALS) is required: \
             operator.json of the server's data directory",
        )
    };
    let ended = credentials::load(path)
        .and_then(|operator| Client::new(operator, path, globals.ca_cert.as_deref()))
        .and_then(|client| Session { client, globals: &globals }.obey(word));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !matches!(failure, Failure::ReaderGone) {
                eprintln!("error: {failure}");
            }
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
            Word::Interface(InterfaceWord::List) => self.list(ListInterfaces::default()),
            Word::Interface(InterfaceWord::Reset { id }) => {
                self.one(&ResetBgpSession { virtual_interface_id: id })
            }
            Word::Epoch(EpochWord::Renew) => self.one(&RenewEpoch {}),
            Word::Events(args) => events::run(&self.client, self.globals.output, &args),
            Word::Backup(args) => backup::run(&self.client, &args.file, args.force),
            Word::Check(args) => unreachable!("{args:?} is done without a server"),
        }
    }

    /// One call, and its answer.
    fn one<R: Request<Answer: Row>>(&self, request: &R) -> Result<(), Failure> {
        one(self.globals.output, &self.client.call(request)?)
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
        let mut list = List::new(self.globals.output);
        self.client.pages(request, |items| list.page(items))?;
        list.end()
    }

    fn account(&self, word: AccountWord) -> Result<(), Failure> {
        match word {
            AccountWord::Create { id, name } => self.one(&CreateAccount { account_id: id, name }),
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
            LocationWord::List => self.list(ListLocations::default()),
        }
    }

    fn edge(&self, word: EdgeWord) -> Result<(), Failure> {
        match word {
            EdgeWord::Create { id, location } => {
                self.one(&CreateEdge { edge_id: id, location_code: location })
            }
            EdgeWord::List => self.list(ListEdges::default()),
            EdgeWord::Show { id } => {
                edge::show(self.globals.output, self.client.call(&DescribeEdge { edge_id: id })?)
            }
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
            PortWord::List { edge } => self.list(ListPorts { edge_id: edge, ..Default::default() }),
        }
    }

    fn connection(&self, word: ConnectionWord) -> Result<(), Failure> {
        match word {
            ConnectionWord::List { state } => {
                self.list(ListConnections { state, ..Default::default() })
            }
            ConnectionWord::Approve { id, edge, interface } => {
                self.one(&ApproveConnection { connection_id: id, edge_id: edge, interface })
            }
            ConnectionWord::Reject { id } => self.one(&RejectConnection { connection_id: id }),
        }
    }

    fn gateway(&self, word: GatewayWord) -> Result<(), Failure> {
        match word {
            GatewayWord::Create { account, asn, vpc, cidr, handoff, fabric_peer } => {
                self.one(&CreateGateway {
                    account_id: account,
                    amazon_side_asn: asn,
                    vpc_id: vpc,
                    cidrs: cidr,
                    handoffs: fabric::handoffs(handoff, fabric_peer)?,
                })
            }
            GatewayWord::List => self.list(ListGateways::default()),
            GatewayWord::Delete { id } => self.one(&DeleteGateway { virtual_gateway_id: id }),
        }
    }
}
