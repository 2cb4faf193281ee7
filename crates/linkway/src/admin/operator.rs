//! `linkway admin operator`: who runs this installation, and with which keys.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use linkway_server::boot::BootError;
use linkway_server::operators::{self, Rescued};
use linkway_wire::operator::{
    CreateOperator, CreateOperatorKey, DeleteOperator, DeleteOperatorKey, DescribeOperator,
    DisableOperator, DisableOperatorKey, EnableOperator, EnableOperatorKey, ListOperators,
    NewOperatorKey, OperatorDetail,
};
use serde::Serialize;

use super::Session;
use super::failure::Failure;
use super::output::{Form, List, object, one};
use super::words::KeyId;

/// What `rescue` exits with where the directory cannot be used.
const UNUSABLE: u8 = 3;

#[derive(Debug, Subcommand)]
pub enum OperatorWord {
    /// Make an operator, who has no key yet
    #[command(
        after_help = "Roles: read sees everything but secrets, operate changes what tenants and edges
have, admin also says who the operators are.

Example:
  linkway admin operator create --name alice --role operate
  linkway admin operator key create alice --output json > alice.json"
    )]
    Create {
        /// Name, as the audit trail shows it
        #[arg(long)]
        name: String,
        /// read, operate or admin
        #[arg(long)]
        role: String,
    },
    /// List all operators
    #[command(after_help = "Example:\n  linkway admin operator list")]
    List,
    /// Show one operator and its keys: expiry, and when each was last used
    #[command(after_help = "Example:\n  linkway admin operator show alice")]
    Show(Name),
    /// Refuse all of an operator's keys until it is enabled again
    #[command(after_help = "Example:\n  linkway admin operator disable alice")]
    Disable(Name),
    /// Accept a disabled operator's keys again
    #[command(after_help = "Example:\n  linkway admin operator enable alice")]
    Enable(Name),
    /// Delete an operator and its keys for good
    #[command(after_help = "Example:\n  linkway admin operator delete alice")]
    Delete(Name),
    /// Keys of operators
    #[command(subcommand, arg_required_else_help = true)]
    Key(OperatorKeyWord),
    /// Make a new key for the first operator; works offline, needs no credentials
    #[command(
        after_help = "For whoever has the data directory and no key that works. The server must be
stopped. The operator called operator is enabled, gets the role admin and a new
key, and operator.json of the directory is written. Its other keys stay as they
are. The audit trail has it.

Example:
  sudo -u linkway linkway admin operator rescue /var/lib/linkway"
    )]
    Rescue {
        /// Data directory of the server
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub enum OperatorKeyWord {
    /// Make a key beside those that the operator has; the secret is shown this once
    #[command(
        after_help = "With --output json it is what --credentials reads. To replace a key make a new
one, use it, and delete the old one.

Examples:
  linkway admin operator key create alice --output json > alice.json
  linkway admin operator key create backup --expires 90d --output json"
    )]
    Create {
        /// The operator
        #[arg(value_name = "NAME")]
        name: String,
        /// Refuse it after this time: 30m, 12h, 90d
        #[arg(long, value_name = "TIME", value_parser = life)]
        expires: Option<Duration>,
    },
    /// List an operator's keys, without secrets
    #[command(after_help = "Example:\n  linkway admin operator key list alice")]
    List(Name),
    /// Refuse what a key signs until it is enabled again
    #[command(after_help = "Example:\n  linkway admin operator key disable AKIAIOSFODNN7EXAMPLE")]
    Disable(KeyId),
    /// Accept a disabled key again
    #[command(after_help = "Example:\n  linkway admin operator key enable AKIAIOSFODNN7EXAMPLE")]
    Enable(KeyId),
    /// Delete a key for good
    #[command(after_help = "Example:\n  linkway admin operator key delete AKIAIOSFODNN7EXAMPLE")]
    Delete(KeyId),
}

#[derive(Debug, clap::Args)]
pub struct Name {
    /// The operator
    #[arg(value_name = "NAME")]
    name: String,
}

/// A new key with what else a client must know: what `--credentials` reads.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_endpoint: Option<&'a str>,
    region: &'a str,
    #[serde(flatten)]
    key: &'a NewOperatorKey,
}

impl Session<'_> {
    pub(super) fn operator(&self, word: OperatorWord) -> Result<(), Failure> {
        match word {
            OperatorWord::Create { name, role } => {
                self.one(&CreateOperator { operator_name: name, role })
            }
            OperatorWord::List => self.list(ListOperators::default()),
            OperatorWord::Show(Name { name }) => {
                let detail = self.client.call(&DescribeOperator { operator_name: name })?;
                show(self.globals.output, &detail)
            }
            OperatorWord::Disable(Name { name }) => {
                self.one(&DisableOperator { operator_name: name })
            }
            OperatorWord::Enable(Name { name }) => {
                self.one(&EnableOperator { operator_name: name })
            }
            OperatorWord::Delete(Name { name }) => {
                self.nothing(&DeleteOperator { operator_name: name })
            }
            OperatorWord::Key(word) => self.operator_key(word),
            OperatorWord::Rescue { dir } => {
                unreachable!("{} is rescued without a server", dir.display())
            }
        }
    }

    fn operator_key(&self, word: OperatorKeyWord) -> Result<(), Failure> {
        match word {
            OperatorKeyWord::Create { name, expires } => {
                let new = CreateOperatorKey {
                    operator_name: name,
                    expires_in_seconds: expires.map(|life| life.as_secs()),
                };
                let key = self.client.call(&new)?;
                match self.globals.output {
                    Form::Table => one(Form::Table, &key),
                    Form::Json => {
                        let ours = self.client.operator();
                        object(&Credentials {
                            endpoint: &ours.endpoint,
                            admin_endpoint: ours.admin_endpoint.as_deref(),
                            region: &ours.region,
                            key: &key,
                        })
                    }
                }
            }
            OperatorKeyWord::List(Name { name }) => {
                let detail = self.client.call(&DescribeOperator { operator_name: name })?;
                let mut list = List::new(self.globals.output);
                list.page(detail.access_keys)?;
                list.end()
            }
            OperatorKeyWord::Disable(key) => {
                self.one(&DisableOperatorKey { access_key_id: key.id })
            }
            OperatorKeyWord::Enable(key) => self.one(&EnableOperatorKey { access_key_id: key.id }),
            OperatorKeyWord::Delete(key) => {
                self.nothing(&DeleteOperatorKey { access_key_id: key.id })
            }
        }
    }
}

fn show(form: Form, detail: &OperatorDetail) -> Result<(), Failure> {
    match form {
        Form::Json => object(detail),
        Form::Table => {
            one(form, &detail.operator)?;
            let mut list = List::new(form);
            list.page(detail.access_keys.clone())?;
            list.end()
        }
    }
}

/// Makes a new key in a data directory. Exit status 0: done; 3: the directory cannot be used, because it or a file in it is
/// missing, unreadable, another user's or in use.
pub fn rescue(dir: &Path, form: Form) -> ExitCode {
    match try_rescue(dir) {
        Ok(rescued) => {
            let Rescued { access_key_id, operator_name, file } = rescued;
            let text = match form {
                Form::Json => {
                    let answer = serde_json::json!({
                        "operatorName": operator_name, "accessKeyId": access_key_id, "file": file,
                    });
                    format!("{answer:#}\n")
                }
                Form::Table => format!(
                    "{} has the new key {access_key_id} of {operator_name}\n",
                    file.display()
                ),
            };
            crate::print::print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", crate::cli::told(&error));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn try_rescue(dir: &Path) -> anyhow::Result<Rescued> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| BootError::Io {
        what: "cannot start for",
        path: dir.to_owned(),
        error,
    })?;
    Ok(runtime.block_on(operators::rescue(dir))?)
}

/// A number with its unit.
fn life(text: &str) -> Result<Duration, String> {
    let rule = || "not a number with s, m, h or d behind it, as in 90d".to_owned();
    let unit = text.chars().last().ok_or_else(rule)?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(rule()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| rule())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let table = [
            ("90d", Some(90 * 86_400)),
            ("12h", Some(43_200)),
            ("30m", Some(1800)),
            ("0s", Some(0)),
            ("", None),
            ("d", None),
            ("90", None),
            ("-1d", None),
            ("1é", None),
            ("99999999999999999999d", None),
            ("999999999999999999d", None),
        ];
        for (text, seconds) in table {
            assert_eq!(life(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
