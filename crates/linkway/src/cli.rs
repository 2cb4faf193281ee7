//! The command line's outermost words, and how a failure ends the program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::admin::AdminArgs;
use crate::demo::DemoArgs;
use crate::edge::EdgeArgs;
use crate::manual::{CompletionArgs, ManArgs};
use crate::{admin, demo, edge, manual, serve};

/// Hosted private virtual interfaces between accounts, over the Direct Connect API.
#[derive(Debug, Parser)]
#[command(
    name = "linkway",
    version,
    arg_required_else_help = true,
    max_term_width = 80,
    after_help = "Examples:
  linkway serve --data-dir /var/lib/linkway
  linkway admin --credentials /var/lib/linkway/operator.json account list
  linkway edge --endpoint https://linkway.example:8580 --credentials edge.json \\
    --state-dir /var/lib/linkway-edge"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArgs),
    Edge(EdgeArgs),
    Admin(AdminArgs),
    Demo(DemoArgs),
    Completion(CompletionArgs),
    Man(ManArgs),
}

/// Serve the API, the operator API and the feed for edges.
///
/// The first start creates the data directory (0700) with the database, the key file and
/// operator.json (0600).
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  linkway serve --data-dir /var/lib/linkway
  linkway serve --data-dir /var/lib/linkway --listen 0.0.0.0:8580 \\
    --tls-cert /etc/linkway/cert.pem --tls-key /etc/linkway/key.pem
  linkway serve --config /etc/linkway/config.toml --print-config")]
pub struct ServeArgs {
    /// Directory of the database, the key file and operator.json
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8580]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address for the operator, health and metrics [default: 127.0.0.1:8581]
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
    /// Serve other machines without TLS: their secrets can be read on the way
    #[arg(long)]
    pub allow_plaintext: bool,
    /// Region that clients sign for [default: eu-west-2]
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Configuration file; arguments go before what it says [default: /etc/linkway/config.toml, where it is there and
    /// no --data-dir is given]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Certificate chain in PEM form: serve HTTPS
    #[arg(long, value_name = "F", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM form
    #[arg(long, value_name = "F", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Print the effective configuration and stop
    #[arg(long)]
    pub print_config: bool,
}

/// Reads the arguments and does what they say.
pub fn run() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Edge(args) => edge::run(&args),
        Command::Admin(args) => return admin::run(args),
        Command::Demo(args) => demo::run(&args),
        Command::Completion(args) => Ok(manual::completion(&args, Cli::command())),
        Command::Man(args) => manual::man(&args, Cli::command()),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {}", told(&error));
        ExitCode::FAILURE
    })
}

/// An error with its causes; a cause that the text before it tells already is not repeated.
pub fn told(error: &anyhow::Error) -> String {
    let texts = error.chain().map(ToString::to_string);
    let told = texts.reduce(|told, cause| match told.contains(&cause) {
        true => told,
        false => format!("{told}: {cause}"),
    });
    told.unwrap_or_default()
}

/// A refusal of the operator API in the words of the `admin` command that was typed.
pub fn in_words_of_admin(text: &str) -> String {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    admin::flags::translate(Cli::command(), &words, text)
}

/// Ends the program as clap does for arguments of `admin` that it refuses itself.
pub fn wrong_admin_usage(text: &str) -> ! {
    wrong_usage("admin", text)
}

/// Ends the program as clap does for arguments of a command that the command refuses itself.
pub fn wrong_usage(command: &str, text: &str) -> ! {
    let mut cli = Cli::command();
    cli.build();
    let command = cli.find_subcommand_mut(command).expect("Command has it");
    command.error(ErrorKind::MissingRequiredArgument, text).exit()
}

/// The configuration file of a package's service, if it is there.
pub fn usual_config(path: &'static str) -> Option<PathBuf> {
    Some(PathBuf::from(path)).filter(|path| path.exists())
}
